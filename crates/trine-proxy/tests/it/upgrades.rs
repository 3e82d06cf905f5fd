//! WebSockets through the proxy, under each server that it can run under.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ws::{Message as Theirs, WebSocketUpgrade};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use trine_proxy::{Proxy, ProxyConfig};
use trine_server::{HyperUpgrades, Server, ServerConfig};

use crate::kit::{front, head, raw, say, talk, until};

/// An upstream whose `/ws` sends each message back twice.
async fn websocket() -> SocketAddr {
    let answer = |upgrade: WebSocketUpgrade| async {
        upgrade.protocols(["chat"]).on_upgrade(|mut socket| async move {
            while let Some(Ok(Theirs::Text(text))) = socket.recv().await {
                if socket.send(Theirs::Text(format!("{text}{text}").into())).await.is_err() {
                    return;
                }
            }
        })
    };
    let router = axum::Router::new().route("/ws", axum::routing::any(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn speaks_twice(front: SocketAddr) {
    let (mut socket, response) =
        tokio_tungstenite::connect_async(format!("ws://{front}/ws")).await.unwrap();
    assert_eq!(response.status(), 101);
    for word in ["a", "hello"] {
        socket.send(Message::text(word)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(format!("{word}{word}")));
    }
    let long = "x".repeat(1024 * 1024);
    socket.send(Message::text(&long)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().len(), 2 * 1024 * 1024);
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
}

#[tokio::test]
async fn a_websocket_passes_under_trines_server() {
    let proxy = Proxy::to(format!("http://{}", websocket().await)).unwrap();
    let front = front(proxy.clone());
    speaks_twice(front.address).await;
    until("the permit to be released", || proxy.status()[0].pending == 0).await;
}

#[tokio::test]
async fn a_websocket_passes_if_hyper_does_the_upgrade() {
    let proxy = Proxy::to(format!("http://{}", websocket().await)).unwrap();
    let config = ServerConfig { port: 0, workers: 1, signals: false, ..ServerConfig::default() };
    let bound = Server::new(config).bind().unwrap();
    let address = bound.local_addr();
    let serving = tokio::spawn(bound.serve(HyperUpgrades(proxy)));
    speaks_twice(address).await;
    serving.abort();
}

#[tokio::test]
async fn a_websocket_passes_under_axum() {
    let proxy = Proxy::to(format!("http://{}", websocket().await)).unwrap();
    let router = axum::Router::new().fallback_service(proxy);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    speaks_twice(address).await;
    serving.abort();
}

#[tokio::test]
async fn a_websocket_passes_a_chain_of_proxies() {
    let inner = front(Proxy::to(format!("http://{}", websocket().await)).unwrap());
    let outer = front(Proxy::to(format!("http://{}", inner.address)).unwrap());
    speaks_twice(outer.address).await;
}

#[tokio::test]
async fn the_refusal_of_an_upstream_is_passed_on() {
    let front = front(Proxy::to(format!("http://{}", websocket().await)).unwrap());
    let refused = tokio_tungstenite::connect_async(format!("ws://{}/other", front.address)).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 404));
}

#[tokio::test]
async fn an_idle_tunnel_ends() {
    let proxy = Proxy::to(format!("http://{}", websocket().await)).unwrap();
    let config =
        ProxyConfig { tunnel_timeout: Duration::from_millis(300), ..ProxyConfig::default() };
    let proxy = proxy.config(config);
    let front = front(proxy.clone());
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{}/ws", front.address)).await.unwrap();
    // Traffic in the tunnel extends the idle timeout.
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        socket.send(Message::text("a")).await.unwrap();
        socket.next().await.unwrap().unwrap();
    }
    let ended =
        tokio::time::timeout(Duration::from_secs(3), socket.next()).await.expect("the tunnel ends");
    assert!(!matches!(ended, Some(Ok(Message::Text(_)))));
    until("the permit to be released", || proxy.status()[0].pending == 0).await;
}

#[tokio::test]
async fn a_shutdown_ends_tunnels() {
    let proxy = Proxy::to(format!("http://{}", websocket().await)).unwrap();
    let config = ServerConfig { port: 0, workers: 1, signals: false, ..ServerConfig::default() };
    let bound = Server::new(config).bind().unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    let serving = tokio::spawn(bound.serve(trine_server::NativeUpgrades(proxy)));
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await.unwrap();
    socket.send(Message::text("a")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    handle.shutdown();
    // Much earlier than `shutdown_timeout`, which is 30 s.
    tokio::time::timeout(Duration::from_secs(5), serving)
        .await
        .expect("the server ends")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn bytes_directly_after_a_101_are_not_lost() {
    let upstream = raw(|mut stream, _| async move {
        let head = head(&mut stream).await;
        assert!(
            head.contains("connection: upgrade\r\n") && head.contains("upgrade: echo\r\n"),
            "{head}"
        );
        say(
            &mut stream,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly",
        )
        .await;
        let mut word = [0; 5];
        stream.read_exact(&mut word).await.unwrap();
        stream.write_all(&word).await.unwrap();
        // Half-closed: what the client has sent is still read.
        stream.shutdown().await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "last");
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    say(
        &mut stream,
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhello",
    )
    .await;
    let head = head(&mut stream).await;
    assert!(head.contains("upgrade: echo\r\n"), "{head}");
    let mut words = String::new();
    stream.read_to_string(&mut words).await.unwrap();
    assert_eq!(words, "earlyhello");
    say(&mut stream, "last").await;
    stream.shutdown().await.unwrap();
}

#[tokio::test]
async fn http2_as_an_upgrade_is_not_passed_on() {
    let upstream = raw(|mut stream, _| async move {
        let head = head(&mut stream).await;
        assert!(!head.to_lowercase().contains("upgrade"), "{head}");
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain").await;
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    for protocols in ["h2c", "websocket, h2c"] {
        let asked = format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings, close\r\nupgrade: {protocols}\r\n\
             http2-settings: AAMAAABk\r\n\r\n"
        );
        assert!(talk(front.address, &asked).await.ends_with("plain"), "{protocols}");
    }
}

#[tokio::test]
async fn an_unrequested_upgrade_is_not_passed_on() {
    let upstream = raw(|mut stream, _| async move {
        head(&mut stream).await;
        say(
            &mut stream,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        )
        .await;
    })
    .await;
    let front = front(Proxy::to(upstream.url()).unwrap());
    let answer =
        talk(front.address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}
