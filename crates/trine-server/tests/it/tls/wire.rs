//! The records of a connection, and its end with or without `close_notify`.

use std::convert::Infallible;
use std::io::Read as _;
use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::client::TlsStream;
use trine_core::Body;
use trine_server::upgrade::OnUpgrade;
use trine_server::{Listener, ServerConfig};

use super::basics::secure;
use crate::common::pki::{Authority, ask, connect};
use crate::common::tls::SignedExt as _;
use crate::common::{config, start_with, within};

async fn client() -> (crate::common::Running, TlsStream<TcpStream>) {
    let (server, authority) = secure(|config| config);
    let client =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    (server, client)
}

/// Sends a request and reads `bytes` bytes of its response. Returns the lengths of the records that
/// contained them.
async fn records(client: &mut TlsStream<TcpStream>, path: &str, bytes: usize) -> Vec<usize> {
    let (socket, tls) = client.get_mut();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    std::io::Write::write_all(&mut tls.writer(), request.as_bytes()).unwrap();
    let mut out = Vec::new();
    tls.write_tls(&mut out).unwrap();
    within(socket.write_all(&out)).await.unwrap();
    let (mut lengths, mut read) = (Vec::new(), 0);
    while read < bytes {
        let mut record = vec![0; 5];
        within(socket.read_exact(&mut record)).await.unwrap();
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        within(socket.read_exact(&mut record[5..])).await.unwrap();
        let mut record = &record[..];
        while !record.is_empty() {
            tls.read_tls(&mut record).unwrap();
        }
        let fresh = tls.process_new_packets().unwrap().plaintext_bytes_to_read();
        if fresh > 0 {
            lengths.push(fresh);
            tls.reader().read_exact(&mut vec![0; fresh]).unwrap();
            read += fresh;
        }
    }
    lengths
}

#[tokio::test]
async fn head_and_body_share_a_record_and_large_bodies_fill_records() {
    let (server, mut client) = client().await;
    let lengths = records(&mut client, "/hello", 30).await;
    assert_eq!(lengths.len(), 1, "{lengths:?}");
    // A record contains at most 16 KiB (RFC 8446, 5.1).
    let lengths = records(&mut client, "/large", 1_000_000).await;
    assert!(lengths.len() <= 1_000_000 / 16_384 + 2, "{}: {lengths:?}", lengths.len());
    server.stop().await;
}

/// A FIN is not authenticated, so an attacker on the network can forge it. The end of a request is
/// known from its framing.
#[tokio::test]
async fn a_truncated_body_is_not_taken_as_complete() {
    for head in
        ["Content-Length: 10\r\n\r\n12345", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"]
    {
        let (server, mut client) = client().await;
        client
            .write_all(format!("POST /length HTTP/1.1\r\nHost: a\r\n{head}").as_bytes())
            .await
            .unwrap();
        client.flush().await.unwrap();
        // Ends the socket without `close_notify`.
        within(client.get_mut().0.shutdown()).await.unwrap();
        let mut answer = Vec::new();
        let _ = within(client.read_to_end(&mut answer)).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("x-error: body"),
            "{answer}"
        );
        server.stop().await;
    }
}

/// Many clients end without `close_notify`. That means no more than a FIN does without TLS.
#[tokio::test]
async fn a_half_closed_client_still_gets_its_response() {
    for says in [true, false] {
        let (server, mut client) = client().await;
        client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        client.flush().await.unwrap();
        if says {
            within(client.shutdown()).await.unwrap();
        } else {
            within(client.get_mut().0.shutdown()).await.unwrap();
        }
        let mut answer = Vec::new();
        let ended = within(client.read_to_end(&mut answer)).await;
        assert!(
            ended.is_ok() && answer.ends_with(b"slow"),
            "{says} {ended:?} {}",
            String::from_utf8_lossy(&answer)
        );
        server.stop().await;
    }
}

/// If only the end of the connection marks the end of a response, an incomplete response must not
/// look complete.
#[tokio::test]
async fn a_broken_response_does_not_end_with_close_notify() {
    for (path, whole) in [("/stream", true), ("/broken", false)] {
        let (server, mut client) = client().await;
        client.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = within(client.read_to_end(&mut answer)).await;
        assert_eq!(
            ended.is_ok(),
            whole,
            "{path}: {ended:?} after {}",
            String::from_utf8_lossy(&answer)
        );
        server.stop().await;
    }
}

#[tokio::test]
async fn an_upgraded_stream_distinguishes_close_notify_from_a_fin() {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let upgrade = OnUpgrade::take(&mut request).unwrap();
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut read = Vec::new();
            let ended = upgrade.await.unwrap().read_to_end(&mut read).await;
            sender.send((read, ended.map_err(|error| error.kind()))).unwrap();
        });
        let response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "x")
            .body(Body::empty());
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    });
    let authority = Authority::new("of the test");
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), authority.sign(&["localhost"]).tls());
    let server = start_with(ServerConfig { listeners: vec![listener], ..config() }, service);
    for says in [true, false] {
        let mut client =
            connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert_ne!(within(client.read_buf(&mut answer)).await.unwrap(), 0);
        }
        client.write_all(b"raw").await.unwrap();
        client.flush().await.unwrap();
        if says {
            within(client.shutdown()).await.unwrap();
        } else {
            within(client.get_mut().0.shutdown()).await.unwrap();
        }
        let (read, ended) = within(heard.recv()).await.unwrap();
        assert_eq!(read, b"raw");
        assert_eq!(ended, if says { Ok(3) } else { Err(std::io::ErrorKind::UnexpectedEof) });
    }
    server.stop().await;
}

/// A plain socket sends files with `sendfile`. Over TLS, the server must read and encrypt them.
#[tokio::test]
async fn a_file_is_sent_completely() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(file.path(), &bytes).unwrap();
    let path = file.path().to_owned();
    let service = tower::service_fn(move |_: Request<Body>| {
        let body = Body::file(std::fs::File::open(&path).unwrap(), 3, 999_997);
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let authority = Authority::new("of the test");
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), authority.sign(&["localhost"]).tls());
    let server = start_with(ServerConfig { listeners: vec![listener], ..config() }, service);
    let mut client =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    within(client.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.ends_with(&bytes[3..1_000_000]), "{} bytes", answer.len());
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_sends_close_notify_to_idle_connections() {
    let (server, authority) = secure(|config| config);
    let trusted = Arc::new(authority.trusted());
    let mut idle = connect(server.address, "localhost", &trusted).await.unwrap();
    idle.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut busy = connect(server.address, "localhost", &trusted).await.unwrap();
    let asking = tokio::spawn(async move { ask(&mut busy, "/slow").await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    server.handle.shutdown();
    let mut answer = Vec::new();
    within(idle.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.ends_with(b"hello"));
    assert!(asking.await.unwrap().unwrap().ends_with("slow"));
    server.stop().await;
}

/// A request may be on its way when the shutdown begins.
#[tokio::test]
async fn a_client_that_has_just_connected_is_served_during_a_shutdown() {
    let (server, authority) = secure(|config| config);
    let trusted = Arc::new(authority.trusted());
    // One client has completed its handshake, and the other has not started it.
    let mut through = connect(server.address, "localhost", &trusted).await.unwrap();
    let begun = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    server.handle.shutdown();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(ask(&mut through, "/hello").await.unwrap().ends_with("hello"));
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut begun =
        within(tokio_rustls::TlsConnector::from(trusted).connect(name, begun)).await.unwrap();
    assert!(ask(&mut begun, "/hello").await.unwrap().ends_with("hello"));
    server.stop().await;
}
