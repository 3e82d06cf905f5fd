//! HTTP/2 clients of the server in front of the proxy, with upstreams of both protocols.
#![cfg(feature = "http2")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use trine_core::Body;
use trine_proxy::{Proxy, ProxyConfig};
use trine_testkit::http2::{self, text};

use crate::kit;
use crate::kit::{front, head, raw, say, until, upstream, whole, within};

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    // The connection window is larger than one stream can fill.
    let mut builder = h2::client::Builder::new();
    http2::connect_with(address, builder.initial_connection_window_size(1024 * 1024)).await.0
}

fn ask(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(format!("http://example.com{path}"))
}

/// An upstream that answers with what it received, one item per line.
async fn mirror(h2: bool) -> (kit::Upstream, String) {
    let upstream = upstream(move |request| async move {
        let mut seen = format!("{:?} {} {}\n", request.version(), request.method(), request.uri());
        for (name, value) in request.headers() {
            seen.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        let body = request.into_body().collect().await.unwrap();
        let sum = body.trailers().and_then(|trailers| trailers.get("x-sum").cloned());
        let body = body.to_bytes();
        seen.push_str(&format!("{} bytes, {sum:?}", body.len()));
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let frames = [
            Ok(http_body::Frame::data(seen.into())),
            Ok::<_, std::io::Error>(http_body::Frame::trailers(trailers)),
        ];
        let mut response =
            Response::new(Body::new(StreamBody::new(futures_util::stream::iter(frames))));
        response.headers_mut().insert("trailer", "grpc-status".parse().unwrap());
        response.headers_mut().insert("keep-alive", "timeout=5".parse().unwrap());
        // hyper sends no `Connection` over HTTP/2.
        if !h2 {
            response.headers_mut().insert("connection", "x-private".parse().unwrap());
            response.headers_mut().insert("x-private", "1".parse().unwrap());
        }
        response
    })
    .await;
    let url = if h2 { format!("h2c://{}", upstream.address) } else { upstream.url() };
    (upstream, url)
}

#[tokio::test]
async fn a_call_with_trailers_passes_to_upstreams_of_both_protocols() {
    for h2 in [false, true] {
        let (_upstream, url) = mirror(h2).await;
        let front = front(Proxy::to(url).unwrap());
        let mut client = connect(front.address).await;
        let request = ask("POST", "/a?x=%20")
            .header("te", "trailers")
            .header("trailer", "x-sum")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data("abc".into(), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "42".parse().unwrap());
        body.send_trailers(trailers).unwrap();
        let (head, mut body) = within(answer).await.unwrap().into_parts();
        let seen = text(&mut body).await.unwrap();
        let (version, target) =
            if h2 { (Version::HTTP_2, "http://example.com") } else { (Version::HTTP_11, "") };
        assert!(seen.starts_with(&format!("{version:?} POST {target}/a?x=%20\n")), "{seen}");
        assert!(seen.contains("te: trailers\n") && seen.contains("cookie: a=1; b=2\n"), "{seen}");
        assert_eq!(seen.contains("\nhost: example.com\n"), !h2, "{seen}");
        assert!(seen.contains("via: 2 trine\n"), "{seen}");
        assert!(seen.contains("forwarded: for=127.0.0.1;host=example.com;proto=http\n"), "{seen}");
        assert!(seen.ends_with("3 bytes, Some(\"42\")"), "{seen}");
        assert_eq!(within(body.trailers()).await.unwrap().unwrap()["grpc-status"], "0");
        for name in ["connection", "keep-alive", "transfer-encoding", "x-private"] {
            assert!(!head.headers.contains_key(name), "{name}: {head:?}");
        }
    }
}

/// A client that reads nothing has a window of 64 KiB. The rest of what the upstream can send waits
/// in the proxy.
#[tokio::test]
async fn buffers_for_a_slow_client_are_bounded() {
    for most in [64 * 1024, 512 * 1024] {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let upstream = upstream(move |_| {
            let endless = futures_util::stream::unfold(Arc::clone(&count), |count| async move {
                count.fetch_add(4096, Ordering::SeqCst);
                Some((Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 4096])), count))
            });
            async move { Response::new(Body::stream(endless)) }
        })
        .await;
        let config = ProxyConfig { max_buffered: most, ..ProxyConfig::default() };
        let front = front(Proxy::to(format!("h2c://{}", upstream.address)).unwrap().config(config));
        let mut client = connect(front.address).await;
        let (answer, _) = client.send_request(ask("GET", "/").body(()).unwrap(), true).unwrap();
        let _unread = within(answer).await.unwrap();
        let mut held = 0;
        until("the upstream to stop sending", || {
            let before = std::mem::replace(&mut held, sent.load(Ordering::SeqCst));
            before == held && held > most
        })
        .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(sent.load(Ordering::SeqCst), held, "the upstream kept sending");
        assert!((most..most + 320 * 1024).contains(&held), "{held} bytes with a limit of {most}");
    }
}

#[tokio::test]
async fn a_slow_client_stops_the_upstream_and_no_other_stream() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let upstream = upstream(move |request| {
        let count = Arc::clone(&count);
        async move {
            if request.uri().path() == "/small" {
                return whole("small");
            }
            Response::new(Body::stream(futures_util::stream::unfold(count, |count| async move {
                if count.fetch_add(1, Ordering::SeqCst) >= 1600 {
                    return None;
                }
                Some((Ok::<_, std::io::Error>(vec![b'x'; 10 * 1024]), count))
            })))
        }
    })
    .await;
    for url in [upstream.url(), format!("h2c://{}", upstream.address)] {
        sent.store(0, Ordering::SeqCst);
        let front = front(Proxy::to(url).unwrap());
        let mut client = connect(front.address).await;
        let (answer, _) =
            client.send_request(ask("GET", "/large").body(()).unwrap(), true).unwrap();
        let mut large = within(answer).await.unwrap().into_body();
        let mut last = usize::MAX;
        while std::mem::replace(&mut last, sent.load(Ordering::SeqCst)) != last || last == 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert!(last < 1600, "nothing held the upstream back");
        let mut client = within(client.ready()).await.unwrap();
        let (answer, _) =
            client.send_request(ask("GET", "/small").body(()).unwrap(), true).unwrap();
        assert_eq!(text(within(answer).await.unwrap().body_mut()).await.unwrap(), "small");
        assert_eq!(text(&mut large).await.unwrap().len(), 1600 * 10 * 1024);
    }
}

#[tokio::test]
async fn a_slow_upstream_stops_the_client() {
    let (go, wait) = tokio::sync::watch::channel(false);
    let upstream = raw(move |mut stream, _| {
        let mut wait = wait.clone();
        async move {
            head(&mut stream).await;
            wait.wait_for(|go| *go).await.unwrap();
            let mut bytes = vec![0; 1024 * 1024];
            let mut left: usize = 24 * 1024 * 1024;
            while left > 0 {
                left -= stream.read(&mut bytes).await.unwrap();
            }
            say(&mut stream, "HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let mut client = connect(front.address).await;
    let length = 24 * 1024 * 1024_usize;
    let request = ask("POST", "/").header("content-length", length).body(()).unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    let mut sent = 0;
    while sent < length {
        body.reserve_capacity(64 * 1024);
        let room = match timeout(
            Duration::from_millis(500),
            futures_util::future::poll_fn(|cx| body.poll_capacity(cx)),
        )
        .await
        {
            Ok(room) => room.unwrap().unwrap(),
            Err(_) => {
                assert!(!*go.borrow(), "it stopped twice");
                assert!(sent < length);
                go.send(true).unwrap();
                continue;
            }
        };
        let room = room.min(length - sent);
        sent += room;
        body.send_data(vec![0; room].into(), sent == length).unwrap();
    }
    assert!(*go.borrow(), "the client was never held back");
    assert_eq!(within(answer).await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_reset_by_the_client_ends_the_upstream_request_and_frees_its_permit() {
    // Over HTTP/1 the connection ends, over HTTP/2 only the stream.
    let ended = Arc::new(AtomicUsize::new(0));
    struct Ends(Arc<AtomicUsize>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let count = Arc::clone(&ended);
    let upstream = upstream(move |request| {
        let ends = Ends(Arc::clone(&count));
        async move {
            if request.uri().path() == "/head" {
                std::future::pending::<()>().await;
            }
            let parts = futures_util::stream::unfold((0, ends), |(at, ends)| async move {
                if at > 0 {
                    std::future::pending::<()>().await;
                }
                Some((Ok::<_, std::io::Error>("part"), (at + 1, ends)))
            });
            Response::new(Body::stream(parts))
        }
    })
    .await;
    for url in [upstream.url(), format!("h2c://{}", upstream.address)] {
        let proxy = Proxy::to(url).unwrap();
        let front = front(proxy.clone());
        for path in ["/head", "/body"] {
            let before = ended.load(Ordering::SeqCst);
            let mut client = connect(front.address).await;
            let (answer, mut stream) =
                client.send_request(ask("GET", path).body(()).unwrap(), true).unwrap();
            let answer = if path == "/body" {
                let mut answer = within(answer).await.unwrap();
                assert_eq!(within(answer.body_mut().data()).await.unwrap().unwrap(), "part");
                Some(answer)
            } else {
                until("the request at the upstream", || proxy.status()[0].pending == 1).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            };
            stream.send_reset(Reason::CANCEL);
            until("the end of the upstream request", || ended.load(Ordering::SeqCst) == before + 1)
                .await;
            until("the permit to be released", || proxy.status()[0].pending == 0).await;
            assert_eq!(proxy.status()[0].idle, 0);
            drop(answer);
        }
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_a_reset_and_never_looks_complete() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n")
            .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let mut client = connect(front.address).await;
    let (answer, _) = client.send_request(ask("GET", "/").body(()).unwrap(), true).unwrap();
    let mut body = within(answer).await.unwrap().into_body();
    let error = text(&mut body).await.unwrap_err();
    assert!(error.is_reset() && error.reason() != Some(Reason::NO_ERROR), "{error}");
    // The connection still works.
    let mut client = within(client.ready()).await.unwrap();
    let (answer, _) = client.send_request(ask("GET", "/../x").body(()).unwrap(), true).unwrap();
    assert_eq!(within(answer).await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_body_that_the_client_resets_is_never_complete_upstream() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    let upstream = upstream(move |request| {
        let count = Arc::clone(&count);
        async move {
            let ends = if request.into_body().collect().await.is_err() { 1 } else { 1000 };
            count.fetch_add(ends, Ordering::SeqCst);
            whole("")
        }
    })
    .await;
    for (at, url) in [upstream.url(), format!("h2c://{}", upstream.address)].into_iter().enumerate()
    {
        let front = front(Proxy::to(url).unwrap());
        let mut client = connect(front.address).await;
        let (_answer, mut body) =
            client.send_request(ask("POST", "/").body(()).unwrap(), false).unwrap();
        body.send_data("half".into(), false).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        body.send_reset(Reason::CANCEL);
        until("the end of the request at the upstream", || ended.load(Ordering::SeqCst) == at + 1)
            .await;
    }
}

#[tokio::test]
async fn interim_responses_are_not_final_and_the_upstream_decides_expectations() {
    let upstream = raw(|mut stream, _| async move {
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
        loop {
            let asked = head(&mut stream).await;
            if asked.contains("100-continue") {
                let mut byte = [0];
                let early = timeout(Duration::from_millis(200), stream.read(&mut byte)).await;
                assert!(early.is_err(), "the body was sent before 100 Continue");
                say(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
                let mut body = [0; 4];
                stream.read_exact(&mut body).await.unwrap();
            }
            say(&mut stream, hints).await;
            say(&mut stream, hints).await;
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfinal").await.is_err()
                || asked.is_empty()
            {
                return;
            }
        }
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    for request in [
        ask("GET", "/"),
        ask("POST", "/").header("expect", "100-continue").header("content-length", 4),
    ] {
        let mut client = connect(front.address).await;
        let request = request.body(()).unwrap();
        let has_body = request.method() == "POST";
        let (answer, mut body) = client.send_request(request, !has_body).unwrap();
        if has_body {
            body.send_data("body".into(), true).unwrap();
        }
        let mut answer = within(answer).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("link")), (200, None));
        assert_eq!(text(answer.body_mut()).await.unwrap(), "final");
    }
}

/// An upstream that answers a WebSocket handshake with raw bytes. `None` sends the correct proof.
async fn socket(status: &'static str, proof: Option<&'static str>) -> kit::Upstream {
    raw(move |mut stream, _| async move {
        let asked = head(&mut stream).await;
        assert!(asked.starts_with("GET /chat?x HTTP/1.1\r\n"), "{asked}");
        for field in
            ["host: example.com", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"]
        {
            assert!(asked.contains(&format!("{field}\r\n")), "{field}: {asked}");
        }
        let key = asked.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let right = trine_websocket::handshake::proof(key.as_bytes());
        let proof = proof.unwrap_or(&right);
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: chat\r\n\
             sec-websocket-accept: {proof}\r\n\r\nfirst "
        );
        say(&mut stream, &answer).await;
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await
}

async fn open(
    front: SocketAddr,
    protocol: Option<&'static str>,
) -> (Response<RecvStream>, h2::SendStream<Bytes>) {
    let mut client = connect(front).await;
    while !client.is_extended_connect_protocol_enabled() {
        within(tokio::task::yield_now()).await;
    }
    let mut request = match protocol {
        Some(_) => ask("CONNECT", "/chat?x").header("sec-websocket-protocol", "chat"),
        None => Request::builder().method("CONNECT").uri("example.com:80"),
    };
    if let Some(protocol) = protocol {
        request = request.extension(h2::ext::Protocol::from_static(protocol));
    }
    let (answer, stream) = client.send_request(request.body(()).unwrap(), false).unwrap();
    (within(answer).await.unwrap(), stream)
}

#[tokio::test]
async fn an_http2_websocket_becomes_an_http1_upgrade_upstream() {
    let upstream = socket("101 Switching Protocols", None).await;
    let proxy = Proxy::to(upstream.url()).unwrap();
    let front = front(proxy.clone());
    let (mut answer, mut stream) = open(front.address, Some("websocket")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    for name in ["sec-websocket-accept", "upgrade", "connection"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    let long = "x".repeat(200_000);
    stream.send_data(long.clone().into(), false).unwrap();
    stream.send_data(Bytes::new(), true).unwrap();
    assert_eq!(text(answer.body_mut()).await.unwrap(), format!("first {long}"));
    until("the permit to be released", || proxy.status()[0].pending == 0).await;
    let (answer, mut stream) = open(front.address, Some("websocket")).await;
    assert_eq!(answer.status(), 200);
    stream.send_reset(Reason::CANCEL);
    until("the permit to be released", || proxy.status()[0].pending == 0).await;
}

#[tokio::test]
async fn an_http2_websocket_opens_only_with_the_proof_of_the_upstream() {
    let refuses =
        upstream(|_| async { Response::builder().status(403).body(Body::from("no")).unwrap() })
            .await;
    let ignores = upstream(|_| async { whole("plain") }).await;
    let wrong = socket("101 Switching Protocols", Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")).await;
    for (upstream, status) in [(refuses, 403), (ignores, 502), (wrong, 502)] {
        let proxy = Proxy::to(upstream.url()).unwrap();
        let front = front(proxy.clone());
        let (answer, _stream) = open(front.address, Some("websocket")).await;
        assert_eq!(answer.status(), status);
        until("the permit to be released", || proxy.status()[0].pending == 0).await;
    }
}

#[tokio::test]
async fn connect_opens_no_tunnel_except_for_websockets() {
    let upstream = upstream(|_| async { whole("never") }).await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    for protocol in [None, Some("connect-udp")] {
        assert_eq!(open(front.address, protocol).await.0.status(), 501, "{protocol:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// As in HTTP/1: the authority used to be copied into `Forwarded` unchanged.
#[tokio::test]
async fn an_authority_with_parameters_in_it_is_refused() {
    let (_upstream, url) = mirror(false).await;
    let front = front(Proxy::to(url).unwrap());
    let mut client = connect(front.address).await;
    for authority in ["x;for=127.0.0.1;proto=https", "a=b"] {
        let request = Request::builder().uri(format!("http://{authority}/")).body(()).unwrap();
        let answer = within(client.send_request(request, true).unwrap().0).await.unwrap();
        assert_eq!(answer.status(), 400, "{authority}");
    }
}
