//! Which certificate is selected, and which errors are reported for unusable ones.

use std::path::Path;
use std::sync::Arc;

use rcgen::date_time_ymd;
use rustls::ClientConfig;
use trine_core::TlsVersion;
use trine_server::tls::Tls;
use trine_server::{Certificate, Listener, Server, ServerConfig};

use crate::common::pki::{Authority, Signed, ask, connect, der, shown};
use crate::common::tls::SignedExt as _;
use crate::common::{Running, body, config, start};

pub(crate) fn serve(tls: Tls) -> Running {
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), tls);
    start(ServerConfig { listeners: vec![listener], ..config() })
}

#[tokio::test]
async fn the_server_name_selects_the_certificate() {
    let authority = Authority::new("of the test");
    let a = authority.sign(&["a.example", "also.a.example", "10.0.0.1"]);
    let b = authority.sign(&["b.example", "*.b.example"]);
    let server = serve(
        Tls::from_pem(a.chain.clone(), a.key.clone()).and_pem(b.chain.clone(), b.key.clone()),
    );
    let trusted = Arc::new(authority.trusted());
    for (name, expected) in [
        ("a.example", &a),
        ("A.Example", &a),
        ("also.a.example", &a),
        ("b.example", &b),
        ("any.b.example", &b),
        // A client that connects to an IP address sends no server name (RFC 6066, 3).
        ("10.0.0.1", &a),
    ] {
        let mut client = connect(server.address, name, &trusted).await.unwrap();
        assert_eq!(shown(&client), der(expected), "{name}");
        assert_eq!(body(&ask(&mut client, "/hello").await.unwrap()), "hello");
    }
    for unknown in ["c.example", "two.labels.b.example", "example"] {
        let refused = connect(server.address, unknown, &trusted).await.unwrap_err().to_string();
        assert!(refused.contains("AccessDenied"), "{unknown}: {refused}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_single_certificate_is_served_for_any_name() {
    let authority = Authority::new("of the test");
    let server = serve(authority.sign(&["a.example"]).tls());
    let refused = connect(server.address, "b.example", &Arc::new(authority.trusted()))
        .await
        .unwrap_err()
        .to_string();
    // The client received the certificate and rejected it.
    assert!(refused.contains("not valid for name"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn the_oldest_version_can_be_chosen() {
    let authority = Authority::new("of the test");
    let tls = authority.sign(&["localhost"]).tls();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
    let builder = builder.dangerous().with_custom_certificate_verifier(authority.verifier());
    let old = Arc::new(builder.with_no_client_auth());

    let server = serve(tls.clone());
    let client = connect(server.address, "localhost", &old).await.unwrap();
    assert_eq!(client.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2));
    server.stop().await;

    let server = serve(tls.min_version(TlsVersion::Tls13));
    let refused = connect(server.address, "localhost", &old).await.unwrap_err().to_string();
    assert!(refused.contains("ProtocolVersion"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_resumed_unless_that_is_turned_off() {
    let authority = Authority::new("of the test");
    let tls = authority.sign(&["localhost"]).tls();
    for resumption in [true, false] {
        let server = serve(tls.clone().resumption(resumption));
        let trusted = Arc::new(authority.trusted());
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut client = connect(server.address, "localhost", &trusted).await.unwrap();
            assert_eq!(body(&ask(&mut client, "/hello").await.unwrap()), "hello");
            kinds.push(
                client.get_ref().1.handshake_kind().unwrap() == rustls::HandshakeKind::Resumed,
            );
        }
        assert_eq!(kinds, [false, resumption]);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_configuration_of_rustls_is_used_unchanged() {
    let authority = Authority::new("of the test");
    let Signed { chain, key } = authority.sign(&["localhost"]);
    let ready = authority.server(&chain, &key);
    let server = serve(Tls::from_rustls(Arc::clone(&ready)));
    let mut trusted = authority.trusted();
    trusted.alpn_protocols = vec![b"http/1.1".to_vec()];
    let client = connect(server.address, "localhost", &Arc::new(trusted)).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    server.stop().await;

    let error =
        Tls::from_rustls(ready).min_version(TlsVersion::Tls13).check().unwrap_err().to_string();
    assert!(
        error.starts_with("Tls::from_rustls: a configuration of rustls is used without changes"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_for_development_takes_one_line() {
    let server = serve(Tls::self_signed());
    let mut client =
        connect(server.address, "localhost", &crate::common::pki::anything()).await.unwrap();
    assert_eq!(body(&ask(&mut client, "/hello").await.unwrap()), "hello");
    server.stop().await;
}

/// The error at the start names the file, what was expected in it, and what was found.
#[test]
fn unusable_files_are_reported_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("of the test");
    authority.sign(&["a.example"]).write(folder.path(), "a");
    authority.sign(&["b.example"]).write(folder.path(), "b");
    for (name, text) in [
        ("empty", ""),
        ("der", "0\u{1}\u{2}"),
        (
            "encrypted",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ),
        ("broken", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"),
        ("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("bad-key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let file = |name: &str| folder.path().join(name);
    let bind = |chain: &Path, key: &Path| {
        let listener = Listener::tls(([127, 0, 0, 1], 0).into(), Tls::from_files(chain, key));
        let bound = Server::new(ServerConfig { listeners: vec![listener], ..config() }).bind();
        bound.unwrap_err().to_string()
    };
    for (chain, key, place, told) in [
        (
            "missing.pem",
            "a.key",
            "missing.pem",
            "expected a PEM file, but it cannot be read: No such file",
        ),
        (
            "a.pem",
            "missing.key",
            "missing.key",
            "expected a PEM file, but it cannot be read: No such file",
        ),
        ("empty", "a.key", "empty", "expected `-----BEGIN CERTIFICATE-----`, got an empty file"),
        ("der", "a.key", "der", "got no PEM at all (DER? convert it: `openssl x509 -inform der`"),
        (
            "a.key",
            "a.key",
            "a.key",
            "expected `-----BEGIN CERTIFICATE-----`, got `-----BEGIN PRIVATE KEY-----`",
        ),
        (
            "a.pem",
            "a.pem",
            "a.pem",
            "expected `-----BEGIN PRIVATE KEY-----`, got `-----BEGIN CERTIFICATE-----`",
        ),
        (
            "a.pem",
            "encrypted",
            "encrypted",
            "decrypt it first: `openssl pkey -in encrypted.pem -out key.pem`",
        ),
        ("broken", "a.key", "broken", "expected PEM, but it is malformed"),
        ("nonsense", "a.key", "nonsense", "the first certificate cannot be read"),
        ("a.pem", "bad-key", "bad-key", "the private key cannot be used"),
        ("a.pem", "b.key", "b.key", "expected the private key of the first certificate in"),
    ] {
        let error = bind(&file(chain), &file(key));
        let start = format!("TLS cannot be set up: {}: ", file(place).display());
        assert!(error.starts_with(&start) && error.contains(told), "{chain} {key}: {error}");
    }
}

#[test]
fn the_short_form_reads_its_files() {
    let certificate = Certificate::files("a.pem", "a.key");
    let error = Server::new(ServerConfig { certificate, ..config() }).bind().unwrap_err();
    assert!(error.to_string().contains("a.pem: expected a PEM file"), "{error}");
}

/// An expired certificate is better than no service, since the clock may be wrong.
#[tokio::test]
async fn an_expired_certificate_is_still_served() {
    let authority = Authority::new("of the test");
    let expired = authority.sign_with(&["localhost"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    });
    let server = serve(expired.tls());
    let refused = connect(server.address, "localhost", &Arc::new(authority.trusted()))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("xpired"), "{refused}");
    server.stop().await;
}

#[test]
fn no_key_is_shown_by_debug() {
    let Signed { chain, key } = Authority::new("of the test").sign(&["localhost"]);
    let tls = Tls::from_pem(chain, key.clone())
        .client_authorities_pem(key.clone(), trine_server::tls::ClientCertificates::Optional);
    let config = ServerConfig {
        listeners: vec![Listener::tls(([127, 0, 0, 1], 0).into(), tls)],
        ..config()
    };
    let shown = format!("{config:?} {config:#?}");
    let secret = key.lines().nth(1).unwrap();
    assert!(!shown.contains(&secret[..16]), "{shown}");
    assert_eq!(config, config.clone());
}
