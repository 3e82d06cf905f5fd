//! WebSockets in handlers: in process, and over real sockets with misbehaving clients.
#![cfg(all(feature = "ws", feature = "test-server"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use http::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use trine::prelude::*;
use trine::testing::TestServer;
use trine::ws::{
    CloseCode, CloseFrame, Closed, Compression, Message, Prepared, TrySendError, WebSocketConfig,
};

async fn echo(ws: WebSocket) -> Response {
    ws.on_upgrade(async |mut socket| {
        while let Some(message) = socket.recv().await {
            socket.send(message).await?;
        }
        Ok::<(), Closed>(())
    })
}

fn app() -> App {
    App::new().route("/echo", get(echo))
}

/// A valid request head with additional lines.
fn head(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n{more}\r\n"
    )
}

async fn connect(server: &TestServer, head: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(answer).unwrap().to_lowercase())
}

/// Reads until the server ends the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    rest
}

fn close(code: u16) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    vec![0x88, high, low]
}

fn closes_with(bytes: &[u8], code: u16) -> bool {
    bytes.len() >= 4 && bytes[0] == 0x88 && bytes[2..4] == code.to_be_bytes()
}

const HELLO: &[u8] = b"\x81\x85\0\0\0\0hello";

#[tokio::test]
async fn a_client_in_process_and_one_over_a_socket_see_the_same() {
    let server = app().test_server().await;
    for client in [&app().test().await, server.client()] {
        let mut socket = client.websocket("/echo").await;
        socket.send("hello").await;
        assert_eq!(socket.text().await, "hello");
        socket.send(vec![7; 100_000]).await;
        assert_eq!(socket.recv().await.unwrap().as_bytes(), [7; 100_000]);
        socket.socket().close(CloseFrame::new(CloseCode::NORMAL, "done"));
        assert_eq!(socket.recv().await, None);
    }
    server.stop().await;
}

#[tokio::test]
async fn messages_are_compressed_if_the_client_offers_it() {
    for context_takeover in [false, true] {
        let compression = Some(Compression { context_takeover, ..Compression::default() });
        let config = WebSocketConfig { compression, ..WebSocketConfig::default() };
        let client = app().state(config.clone()).test().await;
        let mut socket = client.websocket("/echo").config(config).await;
        for text in ["a", &"tick ".repeat(1000), &"tock ".repeat(1000), "b"] {
            socket.send(text).await;
            assert_eq!(socket.text().await, text);
        }
    }
    let server = app().test_server().await;
    let (mut stream, answer) =
        connect(&server, &head("/echo", "sec-websocket-extensions: permessage-deflate\r\n")).await;
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
    assert!(answer.contains(agreed), "{answer}");
    // "Hello", compressed (RFC 7692, section 7.2.3.1).
    stream.write_all(b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0").await.unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x81\x05Hello");
}

#[tokio::test]
async fn an_invalid_handshake_is_refused_with_what_is_required() {
    let client = app().test().await;
    let plain = client.get("/echo").await;
    assert_eq!(plain.expect_problem(426).header("upgrade"), Some("websocket"));
    let ask = || client.get("/echo").header("connection", "upgrade").header("upgrade", "websocket");
    let old = ask().header("sec-websocket-version", "8").await;
    assert_eq!(old.expect_problem(426).header("sec-websocket-version"), Some("13"));
    for key in ["", "c2hvcnQ=", "not base64!", "dGhlIHNhbXBsZSBub25jZQ"] {
        let request = ask().header("sec-websocket-version", "13").header("sec-websocket-key", key);
        request.await.expect_problem(400);
    }
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let whole = || ask().header("sec-websocket-version", "13").header("sec-websocket-key", key);
    whole().header("sec-websocket-key", key).await.expect_problem(400);
    whole().header("sec-websocket-extensions", "a;;b").await.expect_problem(400);
    whole().header("sec-websocket-protocol", "a b").await.expect_problem(400);
}

#[tokio::test]
async fn the_proof_is_the_example_of_the_rfc() {
    let server = app().test_server().await;
    let (_, answer) = connect(&server, &head("/echo", "")).await;
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer}");
    assert!(!answer.contains("extensions") && !answer.contains("protocol:"), "{answer}");
}

#[tokio::test]
async fn pages_of_other_hosts_may_not_open_a_socket() {
    async fn listed(ws: WebSocket) -> Response {
        ws.origins(["https://app.example"]).on_upgrade(async |_| ())
    }
    async fn open(ws: WebSocket) -> Response {
        ws.any_origin().on_upgrade(async |_| ())
    }
    let app = app().route("/listed", get(listed)).route("/open", get(open));
    let server = app.test_server().await;
    for (target, origin, status) in [
        ("/echo", "http://localhost", "101"),
        ("/echo", "https://evil.example", "403"),
        ("/echo", "null", "403"),
        ("/listed", "https://app.example", "101"),
        ("/listed", "http://localhost", "403"),
        ("/open", "https://evil.example", "101"),
    ] {
        let (_, answer) = connect(&server, &head(target, &format!("origin: {origin}\r\n"))).await;
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{target} {origin}: {answer}");
    }
}

/// The page's host is the one that the browser sent to the proxy. The proxy may send another one to
/// the server.
#[tokio::test]
async fn the_host_of_a_trusted_proxy_counts() {
    let trusting = trine::config::Config::read("trusted_proxies = '127.0.0.1'", []).unwrap();
    let trusting = app().config(trusting).test_server().await;
    let trusts_nobody = app().test_server().await;
    let told = "x-forwarded-for: 203.0.113.7\r\nx-forwarded-proto: https\r\nx-forwarded-host: app.example\r\n";
    for (server, origin, told, status) in [
        (&trusting, "https://app.example", told, "101"),
        (&trusting, "https://evil.example", told, "403"),
        // This is the server's own name behind the proxy, and not the host of a page.
        (&trusting, "http://localhost", told, "403"),
        (&trusting, "http://localhost", "", "101"),
        // The client's field comes before the proxy's.
        (
            &trusting,
            "https://evil.example",
            &format!("x-forwarded-host: evil.example\r\n{told}"),
            "403",
        ),
        (&trusts_nobody, "https://app.example", told, "403"),
        (&trusts_nobody, "http://localhost", told, "101"),
    ] {
        let (_, answer) =
            connect(server, &head("/echo", &format!("origin: {origin}\r\n{told}"))).await;
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{origin} {told}: {answer}");
    }
}

#[tokio::test]
async fn subprotocols_are_chosen_by_the_server() {
    async fn which(ws: WebSocket) -> Response {
        ws.protocols(["v2", "v1"]).on_upgrade(async |socket| {
            let protocol = socket.protocol().unwrap_or("none").to_owned();
            socket.send(protocol).await
        })
    }
    let client = App::new().route("/", get(which)).test().await;
    let asked: [&[&str]; 4] = [&["v1", "v2"], &["v1"], &["v3"], &[]];
    for (asked, expected) in asked.into_iter().zip(["v2", "v1", "none", "none"]) {
        let mut socket = match asked {
            [a, b] => client.websocket("/").protocols([*a, *b]).await,
            [a] => client.websocket("/").protocols([*a]).await,
            _ => client.websocket("/").await,
        };
        assert_eq!(socket.text().await, expected);
        assert_eq!(socket.close_code().await, Some(1000));
    }
}

#[tokio::test]
async fn guards_state_and_parameters_work_as_in_any_handler() {
    struct Greeting {
        text: &'static str,
    }
    async fn greet(Path(name): Path<String>, greeting: State<Greeting>, ws: WebSocket) -> Response {
        ws.on_upgrade(async move |socket| socket.send(format!("{}, {name}", greeting.text)).await)
    }
    let client = App::new()
        .state(Greeting { text: "Hello" })
        .route("/greet/{name}", get(greet))
        .test()
        .await;
    assert_eq!(client.websocket("/greet/Ann").await.text().await, "Hello, Ann");
}

#[tokio::test]
async fn failures_close_with_1011_and_reveal_nothing() {
    async fn fails(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| match socket.recv().await {
            Some(Message::Text(text)) if text == "panic" => panic!("secret"),
            _ => Err("secret"),
        })
    }
    let client = App::new().route("/", get(fails)).test().await;
    for how in ["panic", "error"] {
        let mut socket = client.websocket("/").await;
        socket.send(how).await;
        assert_eq!(socket.recv().await, None);
        let Some(Closed::Peer(Some(frame))) = socket.socket().closed() else { panic!() };
        assert_eq!(frame, CloseFrame::new(CloseCode::ERROR, "the server failed"));
    }
}

#[tokio::test]
async fn a_protocol_violation_closes_with_its_code() {
    let config = WebSocketConfig {
        max_fragments: 2,
        max_message_size: 200,
        max_frame_size: 150,
        ..Default::default()
    };
    let server = app().state(config).test_server().await;
    for (bytes, code) in [
        (&b"\x81\x05hello"[..], 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x80\x80\0\0\0\0", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        // In the middle of a frame, before the rest of it has arrived.
        (b"\x81\x8f\0\0\0\0ab\xf4\x90", 1007),
        // The frame head alone is enough to refuse it.
        (b"\x82\xfe\x00\xc8\0\0\0\0", 1009),
        (b"\x82\xff\0\0\0\0\x40\0\0\0\0\0\0\0", 1009),
        (b"\x01\x80\0\0\0\0\x00\x80\0\0\0\0\x00\x80\0\0\0\0", 1008),
        (b"\x88\x82\0\0\0\0\x03\xed", 1002),
    ] {
        let (mut stream, _) = connect(&server, &head("/echo", "")).await;
        stream.write_all(bytes).await.unwrap();
        let mut two = [0; 4];
        stream.read_exact(&mut two).await.unwrap();
        assert!(closes_with(&two, code), "{bytes:x?}: {two:x?}");
        // Closes this side too, so that the server does not have to wait.
        stream.shutdown().await.unwrap();
        rest(&mut stream).await;
    }
    let (mut stream, _) = connect(&server, &head("/echo", "")).await;
    stream
        .write_all(
            &[b"\x02\xfe\x00\x96\0\0\0\0".to_vec(), vec![0; 150], b"\x80\xb3\0\0\0\0".to_vec()]
                .concat(),
        )
        .await
        .unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(closes_with(&answer, 1009), "two fragments over the limit: {answer:x?}");
}

#[tokio::test]
async fn a_decompression_bomb_is_stopped_at_the_limit() {
    let config = WebSocketConfig { max_message_size: 64 * 1024, ..Default::default() };
    let server = app().state(config).test_server().await;
    let (mut stream, _) =
        connect(&server, &head("/echo", "sec-websocket-extensions: permessage-deflate\r\n")).await;
    let bomb = Prepared::new(vec![0; 64 * 1024 * 1024]);
    let mut client = trine_websocket_client();
    let mut frame = bytes::BytesMut::new();
    client.send(bomb.message(), &mut frame).unwrap();
    assert!(frame.len() < 512 * 1024, "{}", frame.len());
    stream.write_all(&frame).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(closes_with(&answer, 1009), "{answer:x?}");
}

fn trine_websocket_client() -> trine_websocket::Codec {
    let agreed = trine_websocket::Negotiated {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };
    trine_websocket::Codec::new(
        trine_websocket::Role::Client,
        &WebSocketConfig::default(),
        Some(agreed),
    )
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_disconnected() {
    let config = WebSocketConfig {
        heartbeat_interval: Duration::from_millis(200),
        pong_timeout: Duration::from_millis(300),
        ..Default::default()
    };
    let server = app().state(config).test_server().await;
    let (mut stream, _) = connect(&server, &head("/echo", "")).await;
    let start = Instant::now();
    assert_eq!(rest(&mut stream).await, b"\x89\0", "one ping, and the end");
    assert!((450..3000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());

    // A client that answers the pings is not disconnected.
    let mut socket = server.client().websocket("/echo").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    socket.send("still here").await;
    assert_eq!(socket.text().await, "still here");
}

#[tokio::test]
async fn an_idle_socket_is_closed_with_1001() {
    let config = WebSocketConfig { idle_timeout: Duration::from_millis(200), ..Default::default() };
    let server = app().state(config).test_server().await;
    assert_eq!(server.client().websocket("/echo").await.close_code().await, Some(1001));
}

/// The pong for a ping with a payload used to count as activity, so an occasional ping kept a
/// socket open forever.
#[tokio::test]
async fn pings_and_empty_messages_do_not_extend_the_idle_timeout() {
    let idle = Duration::from_millis(400);
    let config = WebSocketConfig { idle_timeout: idle, ..Default::default() };
    let server = app().state(config).test_server().await;
    let cases = [
        ("pings", &b""[..], &b"\x89\x85\0\0\0\0hello"[..]),
        ("pings without a payload", b"", b"\x89\x80\0\0\0\0"),
        ("pongs", b"", b"\x8a\x85\0\0\0\0hello"),
        ("empty messages", b"", b"\x81\x80\0\0\0\0\x82\x80\0\0\0\0"),
        ("empty messages in fragments", b"", b"\x01\x80\0\0\0\0\x80\x80\0\0\0\0"),
        ("empty fragments", b"\x01\x85\0\0\0\0hello", b"\x00\x80\0\0\0\0"),
        ("fragments without an end", b"\x01\x85\0\0\0\0hello", b"\x00\x81\0\0\0\0x"),
        ("a frame without an end", b"\x82\xfe\x10\0\0\0\0\0", b"x"),
        ("all after a message", HELLO, b"\x89\x85\0\0\0\0hello\x81\x80\0\0\0\0\x8a\x81\0\0\0\0x"),
    ]
    .map(async |(what, first, again)| {
        let start = Instant::now();
        let (stream, _) = connect(&server, &head("/echo", "")).await;
        let (mut reader, mut writer) = stream.into_split();
        writer.write_all(first).await.unwrap();
        let sends = async {
            while writer.write_all(again).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let closed = async {
            let mut heard = Vec::new();
            while !heard.windows(4).any(|bytes| closes_with(bytes, 1001)) {
                heard.push(reader.read_u8().await.expect("an end without a close frame"));
            }
        };
        tokio::select! {
            () = sends => panic!("{what}: the connection ended without a close frame"),
            () = closed => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => panic!("{what}: no timeout"),
        }
        assert!(start.elapsed() >= idle, "{what}: {:?}", start.elapsed());
    });
    join_all(cases).await;
}

#[tokio::test]
async fn messages_in_either_direction_extend_the_idle_timeout() {
    async fn ticks(ws: WebSocket) -> Response {
        ws.on_upgrade(async |socket| {
            for _ in 0..12 {
                tokio::time::sleep(Duration::from_millis(150)).await;
                socket.send("tick").await?;
            }
            Ok::<(), Closed>(())
        })
    }
    async fn hears(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| while socket.recv().await.is_some() {})
    }
    let config = WebSocketConfig { idle_timeout: Duration::from_secs(1), ..Default::default() };
    let app = App::new().state(config).route("/ticks", get(ticks)).route("/hears", get(hears));
    let server = app.test_server().await;
    // The server sends and the client only reads.
    let listens = async {
        let mut listener = server.client().websocket("/ticks").await;
        for _ in 0..12 {
            assert_eq!(listener.text().await, "tick");
        }
        assert_eq!(listener.close_code().await, Some(1000));
    };
    // The client sends and gets no reply.
    let speaks = async {
        let mut speaker = server.client().websocket("/hears").await;
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            speaker.send("x").await;
        }
        assert!(speaker.socket().closed().is_none());
        assert_eq!(speaker.close_code().await, Some(1001));
    };
    tokio::join!(listens, speaks);
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_close_is_disconnected() {
    async fn leave(ws: WebSocket) -> Response {
        ws.on_upgrade(async |_| ())
    }
    let config =
        WebSocketConfig { close_timeout: Duration::from_millis(200), ..Default::default() };
    let server = App::new().state(config).route("/", get(leave)).test_server().await;
    let (mut stream, _) = connect(&server, &head("/", "")).await;
    assert!(closes_with(&rest(&mut stream).await, 1000));
}

#[tokio::test]
async fn a_client_that_does_not_read_slows_its_sender_and_is_disconnected() {
    static QUEUED: AtomicUsize = AtomicUsize::new(0);
    async fn flood(ws: WebSocket) -> Response {
        ws.on_upgrade(async |socket| {
            loop {
                match socket.try_send(vec![0; 16 * 1024]) {
                    Ok(()) => _ = QUEUED.fetch_add(1, Ordering::Relaxed),
                    Err(TrySendError::Full(_)) => break,
                    Err(TrySendError::Closed(closed)) => return Err(closed),
                }
                tokio::task::yield_now().await;
            }
            loop {
                socket.send(vec![0; 16 * 1024]).await?;
                QUEUED.fetch_add(1, Ordering::Relaxed);
            }
        })
    }
    let config = WebSocketConfig {
        write_timeout: Duration::from_millis(500),
        max_queued_bytes: 64 * 1024,
        compression: None,
        ..Default::default()
    };
    let server = App::new().state(config).route("/", get(flood)).test_server().await;
    let (mut stream, _) = connect(&server, &head("/", "")).await;
    // The buffers of the operating system fill, then the server's. Then the server waits until its
    // timeout.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let queued = QUEUED.load(Ordering::Relaxed);
    assert!(queued * 16 < 32 * 1024, "{queued} messages of 16 KiB");
    let mut read = Vec::new();
    // The connection ends after the bytes that were already buffered.
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut read)).await.unwrap();
    assert!(read.len() / 1024 / 16 < queued, "{} {queued}", read.len());
    assert_eq!(QUEUED.load(Ordering::Relaxed), queued);
}

#[tokio::test]
async fn a_shutdown_closes_with_1001_within_its_deadline() {
    let server = app().test_server().await;
    let mut socket = server.client().websocket("/echo").await;
    socket.send("hello").await;
    socket.text().await;
    let start = Instant::now();
    let (code, ()) = tokio::join!(socket.close_code(), server.stop());
    assert_eq!(code, Some(1001));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_client_that_vanishes_ends_the_handler() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    async fn wait(ws: WebSocket) -> Response {
        ws.on_upgrade(async |mut socket| {
            assert_eq!(socket.recv().await, None);
            assert!(matches!(socket.closed(), Some(Closed::Lost(_))));
            ENDED.fetch_add(1, Ordering::SeqCst);
        })
    }
    let server = App::new().route("/", get(wait)).test_server().await;
    let (stream, _) = connect(&server, &head("/", "")).await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    let (stream, _) = connect(&server, &head("/", "")).await;
    drop(stream);
    timeout(Duration::from_secs(5), async {
        while ENDED.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn halves_streams_and_other_tasks_send() {
    async fn clock(ws: WebSocket) -> Response {
        ws.on_upgrade(async |socket| {
            let (sender, mut receiver) = socket.split();
            let other = sender.clone();
            let ticks = tokio::spawn(async move {
                for tick in 0..100 {
                    other.send(tick.to_string()).await?;
                    tokio::task::yield_now().await;
                }
                other.flush().await
            });
            while let Some(message) = receiver.next().await {
                sender.send(message).await?;
            }
            ticks.await.unwrap()
        })
    }
    let server = App::new().route("/", get(clock)).test_server().await;
    let mut socket = server.client().websocket("/").await;
    socket.send("mine").await;
    let mut seen = Vec::new();
    while seen.len() < 101 {
        seen.push(socket.text().await);
    }
    assert!(seen.contains(&"mine".to_owned()));
    seen.retain(|text| text != "mine");
    assert_eq!(seen, (0..100).map(|tick| tick.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_prepared_message_reaches_many() {
    struct News {
        text: Prepared,
    }
    async fn news(news: State<News>, ws: WebSocket) -> Response {
        ws.on_upgrade(async move |socket| socket.send_prepared(&news.text).await)
    }
    let text = "news ".repeat(2000);
    let app = App::new().state(News { text: Prepared::new(text.clone()) }).route("/", get(news));
    let client = app.test().await;
    let compression = |server_window_bits, context_takeover| {
        Some(Compression { server_window_bits, context_takeover, ..Compression::default() })
    };
    for compression in [
        None,
        compression(15, false),
        compression(15, false),
        compression(9, false),
        compression(12, true),
    ] {
        let config = WebSocketConfig { compression, ..Default::default() };
        let mut socket = client.websocket("/").config(config).await;
        assert_eq!(socket.text().await, text);
        assert_eq!(socket.close_code().await, Some(1000));
    }
}

#[tokio::test]
async fn a_message_of_the_wrong_type_closes_with_1007_and_a_location() {
    #[derive(serde::Deserialize)]
    struct Ask {
        amount: u8,
    }
    async fn typed(ws: Ws<Ask, u32>) -> Response {
        ws.on_upgrade(async |mut socket| {
            while let Some(ask) = socket.recv().await {
                socket.send(&(u32::from(ask.amount) * 2)).await?;
            }
            Ok::<(), Closed>(())
        })
    }
    let client = App::new().route("/", get(typed)).test().await;
    let mut socket = client.websocket("/").await;
    socket.send(r#"{ "amount": 200 }"#).await;
    assert_eq!(socket.json::<u32>().await, 400);
    socket.send(r#"{ "amount": 300 }"#).await;
    assert_eq!(socket.recv().await, None);
    let Some(Closed::Peer(Some(frame))) = socket.socket().closed() else { panic!() };
    assert_eq!(frame.code, CloseCode::INVALID);
    assert!(frame.reason.starts_with("amount: "), "{frame:?}");
}

#[tokio::test]
async fn other_clients_interoperate() {
    use futures_util::SinkExt as _;
    use tokio_tungstenite::tungstenite::Message;

    let server = app().test_server().await;
    let url: Uri = format!("ws://{}/echo", server.addr()).parse().unwrap();
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for text in ["hello", &"x".repeat(200_000)] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_))) | None));
}

/// Small messages are copied into one buffer and large ones are not. The client reads late, so all
/// of them wait.
#[tokio::test]
async fn messages_of_all_sizes_are_echoed_in_order() {
    use futures_util::SinkExt as _;
    use tokio_tungstenite::tungstenite::Message;

    let server = app().test_server().await;
    let url: Uri = format!("ws://{}/echo", server.addr()).parse().unwrap();
    let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let (mut sink, mut stream) = socket.split();
    let sizes = [1, 125, 126, 4_096, 16_383, 16_384, 16_385, 5, 65_535, 65_536, 300_000, 0];
    let messages = (0..20).flat_map(move |round| {
        sizes.into_iter().flat_map(move |size| {
            // Characters of three bytes, split anywhere.
            let text: String = (0..size / 3).map(|at| ['€', '한', 'ࠀ'][(at + round) % 3]).collect();
            let bytes: Vec<u8> = (0..size).map(|at| (at * 31 + round) as u8).collect();
            [Message::text(text), Message::binary(bytes)]
        })
    });
    let sent = messages.clone();
    let sending = tokio::spawn(async move {
        for message in sent {
            sink.send(message).await.unwrap();
        }
        sink
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (at, message) in messages.enumerate() {
        let back = timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap().unwrap();
        assert!(back == message, "message {at} of {} bytes", message.len());
    }
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn bytes_that_arrive_one_by_one_or_early_are_the_same_message() {
    let server = app().test_server().await;
    // The message is sent together with the request head.
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(&[head("/echo", "").as_bytes(), HELLO].concat()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x05hello") {
        answer.push(timeout(Duration::from_secs(5), stream.read_u8()).await.unwrap().unwrap());
    }
    for byte in HELLO {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x81\x05hello");
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await.unwrap();
    let rest = rest(&mut stream).await;
    assert_eq!(rest, [&[0x88, 2], &close(1000)[1..]].concat());
}
