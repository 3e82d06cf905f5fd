//! CONNECT, plain and extended (RFC 9113, 8.5; RFC 8441).

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_core::Body;
use trine_server::Protocol;
use trine_server::upgrade::OnUpgrade;

use super::answers::connect;
use super::peer::*;
use crate::common::{Running, config, start_with, within};

/// Sends the bytes that arrive back in upper case, after the name of the protocol.
async fn shout(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let protocol =
        request.extensions().get::<Protocol>().map(|protocol| protocol.as_str().to_owned());
    let authority = request.uri().authority().unwrap().to_string();
    let Some(upgrade) = OnUpgrade::take(&mut request) else {
        return Ok(Response::builder()
            .status(StatusCode::UPGRADE_REQUIRED)
            .body(Body::empty())
            .unwrap());
    };
    if authority.starts_with("refused") {
        return Ok(Response::builder().status(403).body(Body::from("no")).unwrap());
    }
    if authority.starts_with("late") {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    tokio::spawn(async move {
        let mut stream = upgrade.await.unwrap();
        stream.write_all(format!("{} ", protocol.unwrap_or(authority)).as_bytes()).await.unwrap();
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes).await.unwrap() {
                0 => return stream.shutdown().await.unwrap(),
                read => {
                    stream.write_all(bytes[..read].to_ascii_uppercase().as_slice()).await.unwrap();
                }
            }
        }
    });
    Ok(Response::new(Body::empty()))
}

fn server() -> Running {
    start_with(config(), tower::service_fn(shout))
}

async fn through(request: Request<()>, server: &Running) -> (StatusCode, String) {
    let mut client = connect(server.address).await;
    // The settings of the server announce that extended CONNECT is supported.
    while !client.is_extended_connect_protocol_enabled() {
        within(tokio::task::yield_now()).await;
    }
    let (answer, mut body) = client.send_request(request, false).unwrap();
    let mut answer = within(answer).await.unwrap();
    let mut text = Vec::new();
    if answer.status().is_success() {
        for piece in ["one ", "two ", &"x".repeat(200_000)] {
            body.send_data(Bytes::copy_from_slice(piece.as_bytes()), false).unwrap();
        }
        body.send_data(Bytes::new(), true).unwrap();
    }
    while let Some(data) = within(answer.body_mut().data()).await {
        let data = data.unwrap();
        answer.body_mut().flow_control().release_capacity(data.len()).unwrap();
        text.extend(data);
    }
    (answer.status(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_tunnel_to_a_host() {
    let server = server();
    let request = |host: &str| Request::builder().method("CONNECT").uri(host).body(()).unwrap();
    let (status, text) = through(request("db.example:5432"), &server).await;
    assert_eq!(status, 200);
    assert_eq!(text, format!("db.example:5432 ONE TWO {}", "X".repeat(200_000)));
    assert_eq!(
        through(request("refused.example:1"), &server).await,
        (StatusCode::FORBIDDEN, "no".into())
    );
    let mut peer = Peer::connect(server.address).await;
    let fields = [(":method", "CONNECT"), (":authority", "no-port.example")];
    peer.send(frame(HEADERS, END_HEADERS, 1, block(&fields))).await;
    assert_eq!(peer.answer(1).await.status, Some(400));
    drop(peer);
    server.stop().await;
}

#[tokio::test]
async fn another_protocol_on_a_stream() {
    let server = server();
    let mut request =
        Request::builder().method("CONNECT").uri("http://localhost/chat").body(()).unwrap();
    request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    let (status, text) = through(request, &server).await;
    assert_eq!(status, 200);
    assert_eq!(text, format!("websocket ONE TWO {}", "X".repeat(200_000)));
    server.stop().await;
}

/// A tunnel stays open for as long as both sides want it, and so does its connection. Other streams
/// continue beside it.
#[tokio::test]
async fn a_tunnel_keeps_its_connection_and_a_reset_ends_it() {
    let short = std::time::Duration::from_millis(200);
    let config = trine_server::ServerConfig { keep_alive_timeout: short, ..config() };
    let server = start_with(config, tower::service_fn(shout));
    let mut peer = Peer::connect(server.address).await;
    let fields = [(":method", "CONNECT"), (":authority", "a.example:1")];
    peer.send(frame(HEADERS, END_HEADERS, 1, block(&fields))).await;
    peer.until(|frame| frame.kind == DATA).await.unwrap();
    tokio::time::sleep(3 * short).await;
    peer.send(frame(DATA, 0, 1, "still")).await;
    assert_eq!(peer.until(|frame| frame.kind == DATA).await.unwrap().payload, b"STILL");
    peer.send(get(3, "/")).await;
    assert_eq!(peer.answer(3).await.status, Some(426));
    drop(peer);
    server.stop().await;
}

/// Some of the bytes that arrive before the response are read early. They still arrive in order.
#[tokio::test]
async fn bytes_before_the_response_are_the_first_of_the_tunnel() {
    let server = server();
    let mut peer = Peer::connect(server.address).await;
    let fields = [(":method", "CONNECT"), (":authority", "late.example:1")];
    let sent: Vec<u8> = (0..60_000u32).map(|at| b'a' + (at % 23) as u8).collect();
    let mut bytes = frame(HEADERS, END_HEADERS, 1, block(&fields));
    for piece in sent.chunks(7_001) {
        bytes.extend(frame(DATA, 0, 1, piece));
    }
    bytes.extend(frame(DATA, END_STREAM, 1, []));
    peer.send(bytes).await;
    let answer = peer.answer(1).await;
    assert_eq!(answer.status, Some(200));
    let expected = [b"late.example:1 ".as_slice(), &sent.to_ascii_uppercase()].concat();
    assert_eq!(answer.body.len(), expected.len());
    assert!(answer.body == expected);
    drop(peer);
    server.stop().await;
}
