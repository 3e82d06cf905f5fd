//! What a well-behaved client sees.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_server::{Certificate, Listener, ServerConfig};

use crate::common::pki::{Authority, ask, connect};
use crate::common::tls::SignedExt as _;
use crate::common::{Running, body, config, start, status, within};

/// A server of the kitchen service whose only listener uses TLS, and the authority of its
/// certificate.
pub(crate) fn secure(change: impl FnOnce(ServerConfig) -> ServerConfig) -> (Running, Authority) {
    let authority = Authority::new("of the test");
    let tls = authority.sign(&["localhost", "127.0.0.1"]).tls();
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), tls);
    (start(change(ServerConfig { listeners: vec![listener], ..config() })), authority)
}

#[tokio::test]
async fn a_request_is_answered_and_the_connection_ends_with_close_notify() {
    let (server, authority) = secure(|config| config);
    let trusted = Arc::new(authority.trusted());
    for name in ["localhost", "127.0.0.1"] {
        let mut client = connect(server.address, name, &trusted).await.unwrap();
        // rustls reports an end without `close_notify` as an error.
        let answer = ask(&mut client, "/hello").await.unwrap();
        assert_eq!((status(&answer), body(&answer)), (200, "hello"));
    }
    server.stop().await;
}

#[tokio::test]
async fn many_requests_share_a_connection_and_bodies_go_both_ways() {
    let (server, authority) = secure(|config| config);
    let mut client =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    let sent = vec![b'x'; 1_000_000];
    for _ in 0..3 {
        let head =
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", sent.len());
        let (mut read, mut write) = tokio::io::split(&mut client);
        let sending = async {
            write.write_all(head.as_bytes()).await.unwrap();
            write.write_all(&sent).await.unwrap();
            write.flush().await.unwrap();
        };
        let reading = async {
            let mut answer = Vec::new();
            let body = |answer: &[u8]| answer.iter().filter(|byte| **byte == b'x').count();
            while body(&answer) < sent.len() {
                assert!(read.read_buf(&mut answer).await.unwrap() > 0);
            }
            answer
        };
        let ((), answer) = within(async { tokio::join!(sending, reading) }).await;
        let head = format!("content-length: {}\r\n", sent.len());
        assert!(String::from_utf8(answer).unwrap().contains(&head));
    }
    let mut client =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    let answer = ask(&mut client, "/large").await.unwrap();
    assert_eq!(body(&answer).len(), 1_000_000);
    server.stop().await;
}

#[tokio::test]
async fn the_protocol_is_negotiated() {
    let (server, authority) = secure(|config| config);
    let mut trusted = authority.trusted();
    trusted.alpn_protocols = vec![b"spdy/3".to_vec(), b"http/1.1".to_vec()];
    let client = connect(server.address, "localhost", &Arc::new(trusted)).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));

    // RFC 7301, 3.2: a client that shares no protocol with the server is refused.
    let mut trusted = authority.trusted();
    trusted.alpn_protocols = vec![b"spdy/3".to_vec()];
    let refused = connect(server.address, "localhost", &Arc::new(trusted)).await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn a_plain_listener_and_a_tls_listener_serve_side_by_side() {
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    authority.sign(&["localhost"]).write(folder.path(), "a");
    let short = ServerConfig {
        certificate: Certificate::files(folder.path().join("a.pem"), folder.path().join("a.key")),
        tls_port: 0,
        ..config()
    };
    let bound = crate::common::bind(short);
    let addresses: Vec<_> = bound.local_addrs().cloned().collect();
    let handle = bound.handle();
    let task = tokio::spawn(
        bound.serve(trine_server::NativeUpgrades(tower::service_fn(crate::common::kitchen))),
    );
    let plain = crate::common::exchange(
        addresses[0].tcp().unwrap(),
        "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .await;
    assert_eq!(body(&plain), "hello");
    let mut client =
        connect(addresses[1].tcp().unwrap(), "localhost", &Arc::new(authority.trusted()))
            .await
            .unwrap();
    assert_eq!(body(&ask(&mut client, "/hello").await.unwrap()), "hello");
    handle.shutdown();
    within(task).await.unwrap().unwrap();
}
