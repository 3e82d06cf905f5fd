//! An unchanged axum Router, with its WebSockets.
#![cfg(feature = "hyper-upgrade")]

mod common;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use common::{Client, body, config, exchange, run, status, within};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite;
use trine_server::{ServerConfig, Shared};

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
    Router::new()
        .route("/", get(|| async { "axum" }))
        .route("/echo", post(|body: String| async move { body }))
        .route("/panic", get(panics))
        .route("/socket", get(socket))
}

#[tokio::test]
async fn a_router_runs_as_it_is() {
    let server = run(config(), Shared(router()));
    assert_eq!(body(&exchange(server.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await), "axum");
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(body(&exchange(server.address, post).await), "abc");
    let head = exchange(server.address, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(head.contains("content-length: 4\r\n") && body(&head).is_empty(), "{head}");
    assert_eq!(status(&exchange(server.address, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await), 500);
    server.stop().await;
}

/// Its handlers answered 500: our server left no `ConnectInfo`.
#[cfg(feature = "axum")]
#[tokio::test]
async fn a_router_as_it_is_finds_the_address_of_the_peer_and_keeps_its_websockets() {
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
        // Whatever a client says, it is the peer.
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
async fn a_router_keeps_its_websockets() {
    let server = run(config(), Shared(router()));
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
async fn a_websocket_after_other_requests_and_one_that_is_refused() {
    let server = run(config(), Shared(router()));
    let mut client = Client::connect(server.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await;
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // The first frame comes with the head: "hi", masked with zeros.
    let mut bytes = format!("GET /socket HTTP/1.1\r\nHost: a\r\n{upgrade}").into_bytes();
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    client.send(bytes).await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.contains("101 Switching") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert!(!head.contains("close"), "{head}");
    let mut frame = [0; 4];
    within(client.0.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame, [0x81, 2, b'h', b'i']);

    let refused = exchange(server.address, format!("GET /none HTTP/1.1\r\nHost: a\r\n{upgrade}")).await;
    assert_eq!(status(&refused), 404);
    assert!(refused.contains("connection: close"), "{refused}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn an_open_websocket_does_not_outlive_the_patience() {
    let shutdown_timeout = std::time::Duration::from_millis(200);
    let server = run(ServerConfig { shutdown_timeout, ..config() }, Shared(router()));
    let url = format!("ws://{}/socket", server.address);
    let (mut socket, _) = within(tokio_tungstenite::connect_async(&url)).await.unwrap();
    server.stop().await;
    assert!(!matches!(within(socket.next()).await, Some(Ok(_))));
}
