//! An unchanged axum Router, with its WebSockets.
#![cfg(feature = "hyper-upgrade")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite;
use trine_server::{HyperUpgrades, ServerConfig};

use crate::common;
use crate::common::{Client, body, config, exchange, run, status, within};

const SHORT: Duration = Duration::from_millis(200);

async fn socket(upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

async fn panics() {
    panic!("axum")
}

fn router() -> Router {
    let large = || async { vec![b'x'; 1_000_000] };
    let host = |uri: Uri, headers: HeaderMap| async move { format!("{uri} {:?}", headers["host"]) };
    Router::new()
        .route("/", get(|| async { "axum" }))
        .route("/large", get(large))
        .route("/host", get(host))
        .route("/never", get(std::future::pending::<()>))
        .route("/echo", post(|body: String| async move { body }))
        .route("/panic", get(panics))
        .route("/socket", get(socket))
}

#[tokio::test]
async fn an_axum_router_runs_unchanged() {
    let server = run(config(), HyperUpgrades(router()));
    assert_eq!(body(&exchange(server.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await), "axum");
    let post =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(body(&exchange(server.address, post).await), "abc");
    let head = exchange(server.address, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.contains("content-length: 4\r\n") && body(&head).is_empty(), "{head}");
    assert_eq!(
        status(&exchange(server.address, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await),
        500
    );
    server.stop().await;
}

/// The handlers once answered 500, because the server provided no `ConnectInfo`.
#[cfg(feature = "axum")]
#[tokio::test]
async fn an_unchanged_router_gets_the_peer_address_and_websockets() {
    async fn peer(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
        peer.to_string()
    }
    async fn socket(
        ConnectInfo(peer): ConnectInfo<SocketAddr>,
        upgrade: WebSocketUpgrade,
    ) -> impl IntoResponse {
        upgrade.on_upgrade(async move |mut socket| drop(socket.send(peer.to_string().into()).await))
    }
    let router = Router::new().route("/peer", get(peer)).route("/socket", get(socket));
    let server = run(config(), router);
    let mut client = Client::connect(server.address).await;
    let ours = client.0.local_addr().unwrap().to_string();
    for _ in 0..2 {
        // The header field of the client does not change the address.
        client.send("GET /peer HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n").await;
        assert_eq!(body(&client.answer().await), ours);
    }
    drop(client);
    let url = format!("ws://{}/socket", server.address);
    let (mut socket, _) = within(tokio_tungstenite::connect_async(&url)).await.unwrap();
    let told = within(socket.next()).await.unwrap().unwrap().into_text().unwrap();
    assert!(told.starts_with("127.0.0.1:"), "{told}");
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn websockets_of_a_router_work() {
    let server = run(config(), HyperUpgrades(router()));
    let url = format!("ws://{}/socket", server.address);
    let (mut socket, answer) = within(tokio_tungstenite::connect_async(&url)).await.unwrap();
    assert_eq!(answer.status(), 101);
    for text in ["one", &"x".repeat(100_000)] {
        socket.send(tungstenite::Message::text(text)).await.unwrap();
        assert_eq!(within(socket.next()).await.unwrap().unwrap().into_text().unwrap(), text);
    }
    socket.close(None).await.unwrap();
    while within(socket.next()).await.is_some() {}
    server.stop().await;
}

#[tokio::test]
async fn a_websocket_may_follow_other_requests_and_be_refused() {
    let server = run(config(), HyperUpgrades(router()));
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await;
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // The first frame arrives with the head: "hi", masked with zeros.
    let mut bytes = format!("GET /socket HTTP/1.1\r\nHost: a\r\n{upgrade}").into_bytes();
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    client.send(bytes).await;
    let head = client.until("\r\n\r\n").await;
    assert!(
        head.contains("101 Switching") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{head}"
    );
    assert!(!head.contains("close"), "{head}");
    let mut frame = [0; 4];
    within(client.0.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame, [0x81, 2, b'h', b'i']);

    // A refused upgrade is handled like any other request.
    let mut refused = Client::connect(server.address).await;
    for _ in 0..2 {
        refused.send(format!("GET /none HTTP/1.1\r\nHost: a\r\n{upgrade}")).await;
        let answer = refused.answer().await;
        assert!(status(&answer) == 404 && !answer.contains("connection: close"), "{answer}");
    }
    drop((client, refused));
    server.stop().await;
}

/// A request for an upgrade that the handler does not perform.
fn asking(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
}

// Such requests were once not served by the engine of Trine, so its limits did not apply. A client
// that did not read its response kept the connection open for ever.
#[tokio::test]
async fn every_limit_applies_to_requests_for_an_upgrade() {
    // The cases run at the same time, since each takes seconds.
    let cases = [
        ServerConfig { write_timeout: SHORT, ..config() },
        ServerConfig { write_timeout: SHORT * 3, min_write_rate: 1_000_000_000, ..config() },
    ]
    .map(async |limits| {
        let rate = limits.min_write_rate > 1_000_000;
        let server =
            run(ServerConfig { discard_timeout: SHORT, ..limits }, HyperUpgrades(router()));
        let mut client = Client::connect(server.address).await;
        client.send(asking("/large").repeat(60)).await;
        let (start, mut read) = (Instant::now(), 0);
        let mut piece = vec![0; 1 << 16];
        while start.elapsed() < SHORT * 15 {
            // One client does not read at all, and the other reads too slowly.
            if rate {
                read += within(client.0.read(&mut piece)).await.unwrap_or(0);
            }
            tokio::time::sleep(SHORT / 40).await;
        }
        let mut rest = Vec::new();
        let _ = within(client.0.read_to_end(&mut rest)).await;
        assert!(read + rest.len() < 60_000_000, "{} bytes", read + rest.len());
        drop(client);
        server.stop().await;
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn a_slow_request_for_an_upgrade_times_out() {
    let server = run(
        ServerConfig { head_timeout: SHORT, body_timeout: SHORT, ..config() },
        HyperUpgrades(router()),
    );
    let mut client = Client::connect(server.address).await;
    client.send(asking("/").trim_end()).await;
    assert_eq!(status(&client.rest().await), 408);
    // A request with a body is not an upgrade.
    client = Client::connect(server.address).await;
    let head =
        asking("/echo").replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 9\r\n\r\n");
    client.send(head + "four").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("connection: close"), "{answer}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_an_upgrade_ends_at_the_shutdown_timeout() {
    // The runtime continues to run after the server has ended.
    let bound = common::bind(ServerConfig { shutdown_timeout: SHORT, ..config() });
    let (address, handle) = (bound.local_addr(), bound.handle());
    let serving = tokio::spawn(bound.serve_stealing(HyperUpgrades(router())));
    let mut client = Client::connect(address).await;
    client.send(asking("/never")).await;
    tokio::time::sleep(SHORT / 2).await;
    handle.shutdown();
    assert_eq!(client.rest().await, "");
    within(serving).await.unwrap().unwrap();
}

// The head was once passed on unchanged, so the service saw both hosts.
#[tokio::test]
async fn a_request_for_an_upgrade_names_one_host() {
    let server = run(config(), HyperUpgrades(router()));
    let sent = asking("http://one/host").replace("Host: a", "Host: two");
    assert_eq!(body(&exchange(server.address, sent).await), "http://one/host \"one\"");
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_upgrade_is_an_ordinary_request() {
    let server = run(config(), HyperUpgrades(router()));
    let mut client = Client::connect(server.address).await;
    for token in ["websocket", "h2c", "TLS/1.0", "a, b"] {
        client.send(asking("/").replace("websocket", token)).await;
        let answer = client.answer().await;
        assert!(
            body(&answer) == "axum" && !answer.contains("connection: close"),
            "{token}: {answer}"
        );
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn an_open_websocket_ends_at_the_shutdown_timeout() {
    let shutdown_timeout = std::time::Duration::from_millis(200);
    let server = run(ServerConfig { shutdown_timeout, ..config() }, HyperUpgrades(router()));
    let url = format!("ws://{}/socket", server.address);
    let (mut socket, _) = within(tokio_tungstenite::connect_async(&url)).await.unwrap();
    server.stop().await;
    assert!(!matches!(within(socket.next()).await, Some(Ok(_))));
}
