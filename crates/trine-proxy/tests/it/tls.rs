//! Upstreams over TLS: trust, ALPN, upgrades.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use trine_proxy::{HealthCheck, Host, Proxy, ProxyConfig};

use crate::kit;
use crate::kit::{front, get, raw};

/// An acceptor with a certificate for `localhost`, and its authority as PEM.
fn acceptor(protocols: &[&str]) -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

/// A server with such a certificate, and its authority.
async fn secure(protocols: &[&str]) -> (SocketAddr, String) {
    let (acceptor, pem) = acceptor(protocols);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = axum::routing::any(|upgrade: axum::extract::ws::WebSocketUpgrade| async {
        upgrade.on_upgrade(|mut socket| async move {
            while let Some(Ok(message)) = socket.recv().await {
                let _ = socket.send(message).await;
            }
        })
    });
    let router = axum::Router::new().route("/ws", socket).fallback(
        |request: axum::extract::Request| async move { format!("{:?}", request.version()) },
    );
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                    .serve_connection_with_upgrades(
                        TokioIo::new(stream),
                        TowerToHyperService::new(router),
                    )
                    .await;
            });
        }
    });
    (address, pem)
}

/// An upstream that requires a client certificate: its address, a client configuration with the
/// right certificate, and one without a certificate.
async fn mutual() -> (SocketAddr, rustls::ClientConfig, rustls::ClientConfig) {
    let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (server, client) = (made("localhost"), made("proxy"));
    let key = |made: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap()
    };
    let roots = |made: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        roots
    };
    let provider = trine_server::tls::default_provider().unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots(&client)),
        Arc::clone(&provider),
    );
    let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![server.cert.der().clone()], key(&server))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nknown").await;
        }
    });
    let builder = || {
        rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(&server))
    };
    let shown =
        builder().with_client_auth_cert(vec![client.cert.der().clone()], key(&client)).unwrap();
    (address, shown, builder().with_no_client_auth())
}

#[tokio::test]
async fn an_upstream_can_require_a_client_certificate() {
    let (address, shown, silent) = mutual().await;
    let to =
        |config| Proxy::to(format!("https://localhost:{}", address.port())).unwrap().tls(config);
    assert_eq!(get(front(to(shown)).address, "/").await, (200, "known".to_owned()));
    assert_eq!(get(front(to(silent)).address, "/").await.0, 502);
}

fn trusting(address: SocketAddr, pem: &str) -> Proxy {
    let url = format!("https://localhost:{}", address.port());
    Proxy::to(url).unwrap().roots(pem.as_bytes()).unwrap().host(Host::Upstream)
}

/// If only the end of the connection ends the response, the end of TCP is not enough: anyone on the
/// network can forge it.
#[tokio::test]
async fn a_response_without_a_tls_close_notify_is_truncated() {
    for says_so in [true, false] {
        let (acceptor, pem) = acceptor(&["http/1.1"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\npart").await.unwrap();
            stream.flush().await.unwrap();
            if says_so {
                stream.shutdown().await.unwrap();
            }
        });
        let front = front(trusting(address, &pem));
        let answer = kit::send(front.address, kit::request("GET", "/")).await;
        let body = answer.into_body().collect().await;
        assert_eq!(body.is_ok(), says_so, "{body:?}");
    }
}

#[tokio::test]
async fn alpn_chooses_the_protocol() {
    for (protocols, spoken) in
        [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let (address, pem) = secure(protocols).await;
        let front = front(trusting(address, &pem));
        for _ in 0..2 {
            assert_eq!(get(front.address, "/").await, (200, spoken.to_owned()), "{protocols:?}");
        }
    }
}

#[tokio::test]
async fn a_websocket_uses_http1_although_other_requests_use_http2() {
    let (address, pem) = secure(&["h2", "http/1.1"]).await;
    let front = front(trusting(address, &pem));
    assert_eq!(get(front.address, "/").await.1, "HTTP/2.0");
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{}/ws", front.address)).await.unwrap();
    socket.send("hello".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap(), "hello");
    assert_eq!(get(front.address, "/").await.1, "HTTP/2.0");
}

#[tokio::test]
async fn an_untrusted_upstream_is_502() {
    let (address, _) = secure(&["h2"]).await;
    let (_, other) = secure(&["h2"]).await;
    let untrusted = front(trusting(address, &other));
    let (status, body) = get(untrusted.address, "/").await;
    assert_eq!(status, 502, "{body}");
    assert!(body.contains("no TLS connection"), "{body}");
    // The right certificate, but the URL has another name.
    let (address, pem) = secure(&["h2"]).await;
    let url = format!("https://127.0.0.1:{}", address.port());
    let misnamed = front(Proxy::to(url).unwrap().roots(pem.as_bytes()).unwrap());
    assert_eq!(get(misnamed.address, "/").await.0, 502);
}

#[tokio::test]
async fn a_handshake_that_stalls_is_504() {
    let silent = raw(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(stream);
    })
    .await;
    let (_, pem) = secure(&[]).await;
    let config = ProxyConfig { tls_timeout: Duration::from_millis(150), ..ProxyConfig::default() };
    let front = front(trusting(silent.address, &pem).config(config));
    let (status, body) = get(front.address, "/").await;
    assert_eq!(status, 504, "{body}");
    assert!(body.contains("handshake in time"), "{body}");
}

#[tokio::test]
async fn health_checks_speak_tls_too() {
    let (address, pem) = secure(&["h2"]).await;
    let check = HealthCheck {
        interval: Duration::from_millis(20),
        unhealthy_after: 1,
        healthy_after: 1,
        ..HealthCheck::get("/")
    };
    let proxy = trusting(address, &pem).health_check(check.clone());
    let checks = tokio::spawn(proxy.health_checks());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(proxy.status()[0].healthy);
    checks.abort();
    let (_, other) = secure(&["h2"]).await;
    let proxy = trusting(address, &other).health_check(check);
    let checks = tokio::spawn(proxy.health_checks());
    kit::until("the untrusted upstream to be unhealthy", || !proxy.status()[0].healthy).await;
    checks.abort();
}

#[test]
fn an_invalid_certificate_is_reported() {
    let error = Proxy::to("https://localhost").unwrap().roots(b"nothing").unwrap_err();
    assert!(error.to_string().contains("no certificate in the text"), "{error}");
}

#[test]
fn urls_are_read_strictly() {
    for (url, why) in [
        ("localhost:80", "begin with"),
        ("ftp://a", "begin with"),
        ("http://", "not a URL"),
        ("http://a?q=1", "it has a query"),
        ("http://u:p@a", "it has a user name"),
    ] {
        let error = Proxy::to(url).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(url), "{url}: {error}");
    }
    assert!(Proxy::among(Vec::<String>::new()).is_err());
}
