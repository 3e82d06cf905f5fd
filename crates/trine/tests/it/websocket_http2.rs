//! WebSockets as streams of HTTP/2 (RFC 8441): the same handlers after another handshake. One test
//! uses Chromium over TLS.
#![cfg(all(feature = "ws", feature = "http2", feature = "test-server"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Request, StatusCode, Version};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use trine::prelude::*;
use trine::ws::{CloseCode, CloseFrame, Closed, Message, WebSocketConfig};
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Rejection};
use trine_testkit::{http2, tools};
use trine_websocket::{Codec, Negotiated, Role};

const PATIENCE: Duration = Duration::from_secs(20);

/// The HTTP version of the request, which most handlers need not know.
struct Spoken(Version);

impl FromRequest for Spoken {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Spoken(cx.version()))
    }
}

#[get("/echo/{name}")]
async fn echo(name: String, Spoken(version): Spoken, ws: WebSocket) -> Response {
    ws.protocols(["chat"]).on_upgrade(async move |mut socket| {
        socket.send(format!("{name} {version:?} {}", socket.protocol().unwrap_or("-"))).await?;
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        Ok::<(), Closed>(())
    })
}

#[get("/plain")]
async fn plain() -> &'static str {
    "plain"
}

#[post("/submit")]
async fn submit() -> &'static str {
    "submitted"
}

fn app() -> App {
    App::new().routes(routes![echo, plain, submit])
}

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    connect_and_drive(address).await.0
}

/// Also returns the task that drives the connection. Aborting it makes the client vanish.
async fn connect_and_drive(address: SocketAddr) -> (SendRequest<Bytes>, AbortHandle) {
    let (mut client, driver) = http2::connect_with(address, &mut Builder::new()).await;
    // The server's settings announce extended CONNECT.
    let asked = timeout(PATIENCE, async {
        while !client.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
            client = client.clone().ready().await.unwrap();
        }
    });
    asked.await.unwrap();
    (client, driver.abort_handle())
}

fn request(path: &str) -> http::request::Builder {
    Request::builder()
        .method("CONNECT")
        .uri(format!("http://localhost{path}"))
        .header("sec-websocket-version", "13")
        .extension(Protocol::from_static("websocket"))
}

struct Client {
    head: http::Response<()>,
    send: SendStream<Bytes>,
    recv: RecvStream,
    codec: Codec,
    read: BytesMut,
}

impl Client {
    async fn open(connection: &mut SendRequest<Bytes>, request: http::request::Builder) -> Client {
        let (answer, send) = connection.send_request(request.body(()).unwrap(), false).unwrap();
        let (head, recv) = timeout(PATIENCE, answer).await.unwrap().unwrap().into_parts();
        let head = http::Response::from_parts(head, ());
        let agreed =
            head.headers().contains_key("sec-websocket-extensions").then_some(Negotiated {
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                server_max_window_bits: 15,
                client_max_window_bits: 15,
            });
        let codec = Codec::new(Role::Client, &WebSocketConfig::default(), agreed);
        Client { head, send, recv, codec, read: BytesMut::new() }
    }

    fn say(&mut self, message: impl Into<Message>) {
        let mut bytes = BytesMut::new();
        self.codec.send(&message.into(), &mut bytes).unwrap();
        self.send.send_data(bytes.freeze(), false).unwrap();
    }

    /// The next message, or `None` at the end of the stream. A broken stream is not an end.
    async fn hear(&mut self) -> Option<Message> {
        loop {
            let mut answer = BytesMut::new();
            let message = self.codec.receive(&mut self.read, &mut answer).unwrap();
            if !answer.is_empty() {
                let _ = self.send.send_data(answer.freeze(), false);
            }
            if message.is_some() {
                return message;
            }
            let data = timeout(PATIENCE, self.recv.data()).await.expect("nothing comes")?.unwrap();
            self.recv.flow_control().release_capacity(data.len()).unwrap();
            self.read.extend_from_slice(&data);
        }
    }

    async fn body(mut self) -> String {
        let mut body = Vec::new();
        while let Some(data) = timeout(PATIENCE, self.recv.data()).await.unwrap() {
            body.extend_from_slice(&data.unwrap());
        }
        String::from_utf8(body).unwrap()
    }
}

fn text(text: &str) -> Option<Message> {
    Some(Message::Text(text.to_owned()))
}

#[tokio::test]
async fn the_same_handler_serves_both_versions() {
    let server = app().test_server().await;
    let mut over_http1 = server.client().websocket("/echo/ann").protocols(["chat"]).await;
    assert_eq!(over_http1.text().await, "ann HTTP/1.1 chat");

    let mut connection = connect(server.addr()).await;
    let asks = request("/echo/ann").header("sec-websocket-protocol", "news, chat");
    let mut client = Client::open(&mut connection, asks).await;
    assert_eq!(client.head.status(), 200);
    assert_eq!(client.head.headers()["sec-websocket-protocol"], "chat");
    for name in ["connection", "upgrade", "sec-websocket-accept", "content-length"] {
        assert!(!client.head.headers().contains_key(name), "{:?}", client.head);
    }
    assert_eq!(client.hear().await, text("ann HTTP/2.0 chat"));
    client.say("hello");
    assert_eq!(client.hear().await, text("hello"));
    client.say(vec![7; 1000]);
    assert_eq!(client.hear().await, Some(Message::Binary(vec![7; 1000].into())));
    client.say(Message::Ping(Bytes::from_static(b"there?")));
    assert_eq!(client.hear().await, Some(Message::Pong(Bytes::from_static(b"there?"))));
    client.say(Message::Close(Some(CloseFrame::new(CloseCode::NORMAL, "bye"))));
    assert!(
        matches!(client.hear().await, Some(Message::Close(Some(frame))) if frame.code == CloseCode::NORMAL)
    );
    assert_eq!(client.hear().await, None, "the stream ends");
}

#[tokio::test]
async fn messages_are_compressed_here_too() {
    let server = app().test_server().await;
    let mut connection = connect(server.addr()).await;
    let offer = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
    let asks = request("/echo/ann").header("sec-websocket-extensions", offer);
    let mut client = Client::open(&mut connection, asks).await;
    let agreed = client.head.headers()["sec-websocket-extensions"].to_str().unwrap();
    assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
    client.hear().await;
    let long = "again and ".repeat(10_000);
    client.say(long.as_str());
    assert_eq!(client.hear().await, text(&long));
}

#[tokio::test]
async fn sockets_and_requests_share_a_connection_and_a_reset_ends_one_of_them() {
    static LOST: AtomicUsize = AtomicUsize::new(0);
    #[get("/wait")]
    async fn wait(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| {
            assert_eq!(socket.recv().await, None);
            assert!(matches!(socket.closed(), Some(Closed::Lost(_))), "{:?}", socket.closed());
            LOST.fetch_add(1, Ordering::SeqCst);
        })
    }
    let server = app().routes(routes![wait]).test_server().await;
    let mut connection = connect(server.addr()).await;
    let mut one = Client::open(&mut connection, request("/echo/one")).await;
    let mut two = Client::open(&mut connection, request("/wait")).await;
    two.send.send_reset(h2::Reason::CANCEL);
    // The end of the stream without a close frame has the same effect.
    let mut three = Client::open(&mut connection, request("/wait")).await;
    three.send.send_data(Bytes::new(), true).unwrap();
    assert_eq!(one.hear().await, text("one HTTP/2.0 -"));
    let asks = Request::get("http://localhost/plain").body(()).unwrap();
    let (answer, _) = connection.send_request(asks, true).unwrap();
    assert_eq!(timeout(PATIENCE, answer).await.unwrap().unwrap().status(), 200);
    timeout(PATIENCE, async {
        while LOST.load(Ordering::SeqCst) < 2 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    one.say("still here");
    assert_eq!(one.hear().await, text("still here"));
}

#[tokio::test]
async fn an_invalid_handshake_is_refused_as_over_http1() {
    let server = app().test_server().await;
    let mut connection = connect(server.addr()).await;
    let without_version = || {
        let websocket = Protocol::from_static("websocket");
        Request::builder().method("CONNECT").uri("http://localhost/echo/ann").extension(websocket)
    };
    let other = Protocol::from_static("connect-udp");
    for (asks, status, header) in [
        (request("/echo/ann").header("origin", "http://localhost"), StatusCode::OK, None),
        (
            request("/echo/ann").header("origin", "https://evil.example"),
            StatusCode::FORBIDDEN,
            None,
        ),
        (
            request("/echo/ann").header("sec-websocket-version", "8"),
            StatusCode::UPGRADE_REQUIRED,
            Some("13"),
        ),
        (without_version(), StatusCode::UPGRADE_REQUIRED, Some("13")),
        (request("/echo/ann").extension(other), StatusCode::UPGRADE_REQUIRED, None),
        (
            request("/echo/ann").header("sec-websocket-protocol", "a b"),
            StatusCode::BAD_REQUEST,
            None,
        ),
        (request("/nowhere"), StatusCode::NOT_FOUND, None),
        (request("/submit"), StatusCode::METHOD_NOT_ALLOWED, None),
        // A 2xx response would mean that the socket is open.
        (request("/plain"), StatusCode::NOT_IMPLEMENTED, None),
    ] {
        let client = Client::open(&mut connection, asks).await;
        let head = format!("{:?}", client.head);
        assert_eq!(client.head.status(), status, "{head}");
        let version = client.head.headers().get("sec-websocket-version").cloned();
        assert_eq!(version.as_ref().map(|version| version.to_str().unwrap()), header, "{head}");
        if !status.is_success() {
            assert!(
                client.body().await.contains(&format!("\"status\":{}", status.as_u16())),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn a_shutdown_closes_with_1001_within_its_deadline() {
    let server = app().test_server().await;
    let mut connection = connect(server.addr()).await;
    let mut client = Client::open(&mut connection, request("/echo/ann")).await;
    client.hear().await;
    drop(connection);
    let start = Instant::now();
    let goodbye = async {
        let goodbye = client.hear().await;
        assert!(
            matches!(&goodbye, Some(Message::Close(Some(frame))) if frame.code == CloseCode::AWAY),
            "{goodbye:?}"
        );
        assert_eq!(client.hear().await, None);
        drop(client);
    };
    tokio::join!(goodbye, server.stop());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

/// Half-open: the client answers the pings of the connection, but not those of one of its sockets.
#[tokio::test]
async fn a_silent_socket_is_closed_and_its_neighbour_is_not() {
    let config = WebSocketConfig {
        heartbeat_interval: Duration::from_millis(200),
        pong_timeout: Duration::from_millis(300),
        ..WebSocketConfig::default()
    };
    let server = app().state(config).test_server().await;
    let mut connection = connect(server.addr()).await;
    let mut lively = Client::open(&mut connection, request("/echo/bob")).await;
    assert_eq!(lively.hear().await, text("bob HTTP/2.0 -"));
    let mut silent = Client::open(&mut connection, request("/echo/ann")).await;
    assert_eq!(silent.hear().await, text("ann HTTP/2.0 -"));
    let start = Instant::now();
    let ends = async {
        let mut heard = Vec::new();
        while let Some(Ok(data)) = silent.recv.data().await {
            heard.extend_from_slice(&data);
        }
        heard
    };
    let answers = async { while lively.hear().await.is_some() {} };
    let heard = tokio::select! {
        heard = timeout(PATIENCE, ends) => heard.unwrap(),
        () = answers => panic!("the neighbour was closed"),
    };
    assert_eq!(heard, b"\x89\0", "one ping, and the end");
    assert!((450..3000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    lively.say("still here");
    while lively.hear().await != text("still here") {}
}

#[tokio::test]
async fn a_client_that_vanishes_ends_the_handlers_of_its_sockets() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    #[get("/wait")]
    async fn wait(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| {
            while socket.recv().await.is_some() {}
            ENDED.fetch_add(1, Ordering::SeqCst);
        })
    }
    let server = App::new().routes(routes![wait]).test_server().await;
    let (mut connection, driver) = connect_and_drive(server.addr()).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::open(&mut connection, request("/wait")).await);
    }
    driver.abort();
    timeout(PATIENCE, async {
        while ENDED.load(Ordering::SeqCst) < 3 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_slows_its_sender_and_is_disconnected() {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    #[get("/flood")]
    async fn flood(ws: WebSocket) -> Response {
        ws.on_upgrade(async |socket| {
            while socket.send(vec![0; 16 * 1024]).await.is_ok() {
                SENT.fetch_add(1, Ordering::SeqCst);
            }
            ENDED.fetch_add(1, Ordering::SeqCst);
        })
    }
    let config = WebSocketConfig {
        write_timeout: Duration::from_millis(500),
        max_queued_bytes: 64 * 1024,
        ..WebSocketConfig::default()
    };
    let server = app().routes(routes![flood]).state(config).test_server().await;
    let mut connection = connect(server.addr()).await;
    // The client's window is 64 KiB, and it never releases capacity.
    let _client = Client::open(&mut connection, request("/flood")).await;
    timeout(PATIENCE, async {
        while ENDED.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let sent = SENT.load(Ordering::SeqCst);
    assert!((4..40).contains(&sent), "{sent} messages of 16 KiB");
}

/// An axum `Router` uses hyper's upgrades, which need HTTP/1.1. A browser that may open a WebSocket
/// over HTTP/2 tries nothing else.
#[cfg(feature = "hyper-upgrade")]
#[tokio::test]
async fn extended_connect_is_not_offered_beside_axum_routers() {
    let server = app().mount("/legacy", axum::Router::new()).test_server().await;
    let stream = TcpStream::connect(server.addr()).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let asks = Request::get("http://localhost/plain").body(()).unwrap();
    // The response arrives after the settings.
    let (answer, _) = client.send_request(asks, true).unwrap();
    assert_eq!(timeout(PATIENCE, answer).await.unwrap().unwrap().status(), 200);
    assert!(!client.is_extended_connect_protocol_enabled());
    let over_http1 = server.client().websocket("/echo/ann").await.text().await;
    assert_eq!(over_http1, "ann HTTP/1.1 -");
}

/// Browsers open a WebSocket on their existing connection to the server if its settings allow it.
#[cfg(feature = "tls")]
#[tokio::test]
async fn chromium_opens_a_socket_on_the_connection_of_its_page() {
    use tokio::process::Command;
    use trine::respond::Html;
    use trine::tls::Tls;
    use trine_server::{Listener, Server, ServerConfig};

    const PAGE: &str = "<!doctype html><title>WebSocket</title><script>
        const said = [];
        const socket = new WebSocket(`wss://${location.host}/echo/chromium`, ['chat']);
        socket.onmessage = event => {
            said.push(event.data.length > 100 ? event.data.length : event.data);
            if (said.length == 1) socket.send('hello');
            if (said.length == 2) socket.send('x'.repeat(100000));
            if (said.length == 3) socket.close(1000);
        };
        socket.onclose = event => {
            said.push(`${event.code} ${socket.protocol} ${socket.extensions.split(';')[0]}`);
            fetch('/said', { method: 'POST', body: said.join('|') });
        };
    </script>";

    #[get("/")]
    async fn page() -> Html<&'static str> {
        Html(PAGE)
    }
    #[post("/said")]
    async fn said(told: State<tokio::sync::mpsc::UnboundedSender<String>>, body: String) {
        told.send(body).unwrap();
    }

    let Some(chromium) = tools::chromium() else { return };
    let (told, mut said_by) = tokio::sync::mpsc::unbounded_channel::<String>();
    let service = app().state(told).routes(routes![page, said]).build().await.unwrap();
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::from_pem(key.cert.pem(), key.signing_key.serialize_pem());
    let listeners = vec![Listener::tls(([127, 0, 0, 1], 0).into(), tls)];
    let config = ServerConfig { listeners, workers: 1, signals: false, ..ServerConfig::default() };
    let bound = Server::new(config).bind().unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    let serving = tokio::spawn(bound.serve(service));

    let profile = tempfile::tempdir().unwrap();
    let mut browser = Command::from(tools::headless(&chromium, profile.path()))
        .args(["--ignore-certificate-errors", "--remote-debugging-port=0"])
        .arg(format!("https://localhost:{}/", address.port()))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let said = timeout(Duration::from_secs(60), said_by.recv()).await;
    browser.kill().await.unwrap();
    assert_eq!(
        said.unwrap().unwrap(),
        "chromium HTTP/2.0 chat|hello|100000|1000 chat permessage-deflate"
    );
    handle.shutdown();
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
}
