//! Handshakes that take too long or fail, and bytes that are not a handshake.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trine_server::ServerConfig;

use super::basics::secure;
use crate::common::pki::{ask, connect};
use crate::common::{Client, body, status};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_client_that_starts_no_handshake_is_disconnected() {
    let (server, _) = secure(|config| ServerConfig { handshake_timeout: SHORT, ..config });
    let start = Instant::now();
    let mut silent = Client::connect(server.address).await;
    assert!(silent.closes().await);
    assert!(start.elapsed() >= SHORT);
    server.stop().await;
}

#[tokio::test]
async fn single_bytes_do_not_extend_the_handshake_timeout() {
    let (server, _) = secure(|config| ServerConfig { handshake_timeout: SHORT, ..config });
    let start = Instant::now();
    let mut slow = Client::connect(server.address).await;
    // A handshake record of 512 bytes, byte by byte.
    slow.send([22, 3, 1, 2, 0]).await;
    while tokio::io::AsyncWriteExt::write_all(&mut slow.0, &[1]).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(start.elapsed() < Duration::from_secs(5), "it is still served");
    }
    assert!(start.elapsed() >= SHORT);
    server.stop().await;
}

#[tokio::test]
async fn handshakes_beyond_the_limit_wait() {
    let (server, authority) =
        secure(|config| ServerConfig { max_handshakes: 1, handshake_timeout: 3 * SHORT, ..config });
    // This client sends its first bytes and no more, and keeps the only handshake permit.
    let mut holder = Client::connect(server.address).await;
    holder.send([22, 3, 1, 2, 0, 1]).await;
    tokio::time::sleep(SHORT).await;
    let start = Instant::now();
    let mut waiting =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    assert!(start.elapsed() >= SHORT, "it did not wait: {:?}", start.elapsed());
    assert_eq!(body(&ask(&mut waiting, "/hello").await.unwrap()), "hello");
    assert!(holder.closes().await);
    server.stop().await;
}

#[tokio::test]
async fn silent_clients_do_not_count_as_handshakes() {
    let (server, authority) = secure(|config| ServerConfig { max_handshakes: 1, ..config });
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(Client::connect(server.address).await);
    }
    let start = Instant::now();
    let mut client =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    assert_eq!(body(&ask(&mut client, "/hello").await.unwrap()), "hello");
    assert!(start.elapsed() < Duration::from_secs(5));
    drop((silent, client));
    server.stop().await;
}

#[tokio::test]
async fn plain_http_gets_a_400_that_names_https() {
    let (server, _) = secure(|config| config);
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(request).await;
        let answer = client.rest().await;
        assert_eq!(status(&answer), 400);
        assert!(answer.contains("https://"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_neither_tls_nor_http_get_an_alert() {
    let (server, _) = secure(|config| config);
    for bytes in
        [&[0_u8; 64][..], &[0x80, 0x2e, 1, 0, 2], b"\x16\x03\x01\x00\x05\x68\x00\x00\x01\x00"]
    {
        let mut client = Client::connect(server.address).await;
        client.send(bytes).await;
        // An alert is a record of type 21.
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut client.0, &mut answer);
        crate::common::within(read).await.unwrap();
        assert_eq!(answer.first(), Some(&21), "{bytes:?}: {answer:?}");
    }
    server.stop().await;
}
