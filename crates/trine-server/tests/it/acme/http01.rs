//! Challenges over plain HTTP.

use std::sync::atomic::Ordering;

use trine_server::https::HttpsRedirect;
use trine_server::tls::Tls;
use trine_server::{AcmeChallenge, Listener, Server, ServerConfig};

use super::authority::Test;
use super::site::{ANYWHERE, Site};
use crate::common::{Client, config, status};

#[tokio::test]
async fn challenges_over_plain_http_are_answered_and_not_redirected() {
    for redirect in [None, Some(HttpsRedirect::new())] {
        let authority = Test::start();
        let acme =
            authority.acme(&["example.com", "www.example.com"]).challenge(AcmeChallenge::Http01);
        let redirects = redirect.is_some();
        let plain = Listener { redirect, ..Listener::tcp(ANYWHERE.into()) };
        let site = Site::with(&authority, Tls::acme(acme), plain);
        site.next(&authority, "example.com", b"").await;
        assert_eq!(site.calls.load(Ordering::Relaxed), 0);
        // When the order is over, its challenges are gone, and requests are handled as before.
        for path in ["/", "/.well-known/acme-challenge/other"] {
            let mut client = Client::connect(site.http).await;
            client.send(format!("GET {path} HTTP/1.1\r\nHost: example.com\r\n\r\n")).await;
            let expected = if redirects && path == "/" { 308 } else { 200 };
            assert_eq!(status(&client.answer().await), expected, "{path}");
        }
        site.stop().await;
        authority.stop().await;
    }
}

#[tokio::test]
async fn http_01_without_a_plain_listener_is_refused_at_the_start() {
    let authority = Test::start();
    let acme = authority.acme(&["example.com"]).challenge(AcmeChallenge::Http01);
    let listeners = vec![Listener::tls(ANYWHERE.into(), Tls::acme(acme))];
    let error = Server::new(ServerConfig { listeners, ..config() }).bind().unwrap_err().to_string();
    assert!(error.contains("acme.challenge") && error.contains("plain HTTP"), "{error}");
    authority.stop().await;
}
