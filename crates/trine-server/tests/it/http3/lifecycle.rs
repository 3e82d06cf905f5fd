//! How clients discover an HTTP/3 server, and how it shuts down.

use std::time::{Duration, Instant};

use bytes::Buf as _;
use rustls::pki_types::CertificateDer;
use trine_server::{Listener, ServerConfig};

use super::peer::{PAUSE, Raw, config, head, read, request, reset, start};
use crate::common::{self, within};

#[tokio::test]
async fn a_shutdown_completes_open_requests_and_rejects_new_ones() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    // The settings of the server come first on its control stream.
    let mut theirs = within(client.quic.accept_uni()).await.unwrap();
    let mut greeting = [0; 8];
    within(theirs.read_exact(&mut greeting)).await.unwrap();
    // The stream type 0, then SETTINGS with five bytes: the largest head (6) is 64 KiB.
    assert_eq!(greeting, [0, 4, 5, 6, 0x80, 1, 0, 0]);

    let (mut send, mut slow) = client.open(head("GET", "/slow", &[])).await;
    send.finish().unwrap();
    tokio::time::sleep(PAUSE / 5).await;
    peer.running.handle.shutdown();
    // GOAWAY with one byte: stream 4 and later streams are not served.
    let mut goaway = [0; 3];
    within(theirs.read_exact(&mut goaway)).await.unwrap();
    assert_eq!(goaway, [7, 1, 4]);
    let (_send, mut late) = client.open(head("GET", "/hello", &[])).await;
    // H3_REQUEST_REJECTED: the client may send the request elsewhere.
    assert_eq!(reset(&mut late).await, Some(0x10b));
    assert!(within(slow.read_to_end(1000)).await.unwrap().ends_with(b"slow"));
    // H3_NO_ERROR
    assert_eq!(client.closed().await, 0x100);
    within(peer.running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_large_response_is_complete_before_the_shutdown_ends() {
    let peer = start(config());
    let mut client = peer.client().await;
    let mut large = client.start(request("GET", "/large")).await;
    large.finish().await.unwrap();
    within(large.recv_response()).await.unwrap();
    peer.running.handle.shutdown();
    let mut read = 0;
    while let Some(data) = within(large.recv_data()).await.unwrap() {
        read += data.remaining();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(read, 1_000_000);
    within(peer.running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_a_shutdown() {
    let peer = start(config());
    let client = Raw::connect(&peer).await;
    let (mut send, mut receive) = client.open(head("GET", "/hello", &[])).await;
    send.finish().unwrap();
    within(receive.read_to_end(1000)).await.unwrap();
    let began = Instant::now();
    peer.running.handle.shutdown();
    assert_eq!(client.closed().await, 0x100);
    within(peer.running.task).await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_shutdown_ends_at_its_timeout() {
    let peer = start(ServerConfig { shutdown_timeout: PAUSE, ..config() });
    let mut client = peer.client().await;
    let mut never = client.start(request("GET", "/never")).await;
    never.finish().await.unwrap();
    tokio::time::sleep(PAUSE / 3).await;
    peer.running.handle.shutdown();
    let began = Instant::now();
    assert!(read(&mut never).await.is_err());
    within(peer.running.task).await.unwrap().unwrap();
    assert!(began.elapsed() >= PAUSE && began.elapsed() < PAUSE * 10, "{:?}", began.elapsed());
}

#[tokio::test]
async fn clients_of_the_other_versions_learn_of_http3() {
    let (secure, certificate) = super::peer::place(&config());
    let plain = Listener::tcp(config().socket_addr());
    let without = Listener { http3: false, ..secure.clone() };
    let config = ServerConfig { listeners: vec![secure, without, plain], ..config() };
    let bound = common::bind(config);
    let (addresses, handle) = (
        bound.local_addrs().filter_map(trine_server::Address::tcp).collect::<Vec<_>>(),
        bound.handle(),
    );
    let task =
        tokio::spawn(bound.serve(trine_server::NativeUpgrades(tower::service_fn(common::kitchen))));

    let told = over_tls(addresses[0], &certificate).await;
    let alternative = format!("h3=\":{}\"; ma=86400", addresses[0].port());
    assert!(told.contains(&format!("alt-svc: {alternative}\r\n")), "{told}");
    assert_eq!(over_http2(addresses[0], &certificate).await.as_deref(), Some(alternative.as_str()));
    assert_eq!(over_http2(addresses[1], &certificate).await, None);
    assert!(!over_tls(addresses[1], &certificate).await.contains("alt-svc"));
    let plain = common::exchange(
        addresses[2],
        "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(plain.ends_with("hello") && !plain.contains("alt-svc"), "{plain}");
    handle.shutdown();
    within(task).await.unwrap().unwrap();
}

async fn over_tls(address: std::net::SocketAddr, certificate: &CertificateDer<'static>) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = secure(address, certificate, &[]).await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

/// The Alt-Svc header field of an HTTP/2 response.
async fn over_http2(
    address: std::net::SocketAddr,
    certificate: &CertificateDer<'static>,
) -> Option<String> {
    let stream = secure(address, certificate, &[b"h2".to_vec()]).await;
    let (mut requests, connection) = within(h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    let (answer, _) = requests.send_request(request("GET", "/hello"), true).unwrap();
    let answer = within(answer).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    answer.headers().get("alt-svc").map(|value| value.to_str().unwrap().to_owned())
}

async fn secure(
    address: std::net::SocketAddr,
    certificate: &CertificateDer<'static>,
    alpn: &[Vec<u8>],
) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = alpn.to_vec();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls));
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    within(connector.connect("localhost".try_into().unwrap(), stream)).await.unwrap()
}
