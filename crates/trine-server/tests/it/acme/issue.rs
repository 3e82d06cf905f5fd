//! The server obtains a certificate and serves TLS with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine_server::Listener;
use trine_server::tls::{ClientCertificates, Tls};

use super::authority::Test;
use super::site::{ANYWHERE, Site};
use crate::common::pki::{Authority, ask, connect};

#[tokio::test]
async fn a_certificate_is_ordered_and_served() {
    let authority = Test::start();
    let site = Site::start(&authority, authority.acme(&["Example.com", "www.example.com"]));
    site.next(&authority, "example.com", b"").await;
    // One certificate has both names, and the client checks that.
    site.next(&authority, "www.example.com", b"").await;
    let mut client = connect(site.tls, "example.com", &authority.trusted()).await.unwrap();
    let answer = ask(&mut client, "/").await.unwrap();
    assert!(answer.ends_with("served"), "{answer}");
    assert_eq!(
        (authority.count("account"), authority.count("order"), authority.count("challenge")),
        (1, 1, 2)
    );
    assert_eq!(authority.desk().contacts, [serde_json::json!(["mailto:ops@example.com"])]);
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn an_ordered_certificate_is_served_beside_others_by_name() {
    let authority = Test::start();
    let other = Authority::new("of another certificate");
    let folder = authority.folder.path();
    other.sign(&["other.example"]).write(folder, "other");
    let tls = Tls::from_files(folder.join("other.pem"), folder.join("other.key"))
        .and_acme(authority.acme(&["one.example"]))
        .and_acme(authority.acme(&["two.example"]));
    let site = Site::with(&authority, tls, Listener::tcp(ANYWHERE.into()));
    let one = site.next(&authority, "one.example", b"").await;
    let two = site.next(&authority, "two.example", b"").await;
    assert_ne!(one, two);
    connect(site.tls, "other.example", &Arc::new(other.trusted())).await.unwrap();
    connect(site.tls, "three.example", &authority.trusted()).await.unwrap_err();
    // The certificate that was ordered stays when the files are read again.
    other.sign(&["other.example", "three.example"]).write(authority.folder.path(), "other");
    site.handle.reload_certificates().unwrap();
    connect(site.tls, "three.example", &Arc::new(other.trusted())).await.unwrap();
    assert_eq!(site.certificate(&authority, "one.example").await.unwrap(), one);
    assert_eq!(authority.count("order"), 2);
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn a_certificate_is_ordered_once_for_several_listeners() {
    let authority = Test::start();
    let acme = authority.acme(&["example.com"]);
    let second = Listener::tls(ANYWHERE.into(), Tls::acme(acme.clone()));
    let site = Site::with(&authority, Tls::acme(acme), second);
    let certificate = site.next(&authority, "example.com", b"").await;
    let stream = connect(site.http, "example.com", &authority.trusted()).await.unwrap();
    assert_eq!(crate::common::pki::shown(&stream), certificate);
    assert_eq!(authority.count("order"), 1);
    site.stop().await;
    authority.stop().await;
}

/// A client that offers the protocol of the authority never reaches a handler, whether there is a
/// challenge or not.
#[tokio::test]
async fn a_connection_for_the_authority_never_reaches_a_handler() {
    let authority = Test::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    site.next(&authority, "example.com", b"").await;
    let offering = |protocols: &[&[u8]]| {
        let mut config = ClientConfig::clone(&authority.trusted());
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    };
    // No order is under way, so the server has no challenge certificate.
    connect(site.tls, "example.com", &offering(&[b"acme-tls/1"])).await.unwrap_err();
    let mut client =
        connect(site.tls, "example.com", &offering(&[b"x", b"acme-tls/1"])).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    let _ = client.write_all(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = crate::common::within(client.read_to_end(&mut answer)).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert_eq!(site.calls.load(Ordering::Relaxed), 0);
    drop(client); // its end is waited for
    // If the client also offers a protocol that the server speaks, `acme-tls/1` is ignored.
    let mut client =
        connect(site.tls, "example.com", &offering(&[b"http/1.1", b"acme-tls/1"])).await.unwrap();
    assert!(ask(&mut client, "/").await.unwrap().ends_with("served"));
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn client_certificates_may_be_optional_with_an_ordered_certificate() {
    let authority = Test::start();
    let clients = Authority::new("of clients").pem();
    let tls = Tls::acme(authority.acme(&["example.com"]))
        .client_authorities_pem(clients.clone(), ClientCertificates::Optional);
    let site = Site::with(&authority, tls, Listener::tcp(ANYWHERE.into()));
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    let tls = Tls::acme(authority.acme(&["example.com"]))
        .client_authorities_pem(clients, ClientCertificates::Required);
    let error = tls.check().unwrap_err().to_string();
    assert!(error.contains("the authority has none"), "{error}");
    authority.stop().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_an_order() {
    let authority = Test::start();
    authority.desk().undecided = true;
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    crate::common::within(async {
        while authority.count("challenge") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    site.handle.shutdown();
    site.stop().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let looks = authority.count("look");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(authority.count("look"), looks);
    authority.stop().await;
}
