//! The redirect from plain HTTP to HTTPS.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use trine_server::https::{Hsts, HttpsRedirect};
use trine_server::{Listener, NativeUpgrades, ServerConfig};

use crate::common;
use crate::common::{Client, body, config, exchange, start, status};

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn redirecting(redirect: HttpsRedirect) -> common::Running {
    let listener = Listener::redirect_to_https(([127, 0, 0, 1], 0).into(), redirect);
    start(ServerConfig { listeners: vec![listener], ..config() })
}

#[tokio::test]
async fn every_request_is_redirected_to_the_same_url() {
    let server = redirecting(HttpsRedirect::new().port(8443));
    for (target, host, location) in [
        ("/a?b=c", "example.com", "https://example.com:8443/a?b=c"),
        ("/", "Example.com:8080", "https://Example.com:8443/"),
        ("/", "127.0.0.1:80", "https://127.0.0.1:8443/"),
        ("/", "[::1]:80", "https://[::1]:8443/"),
        // The target remains a path and does not become a host.
        ("//evil.example/", "example.com", "https://example.com:8443//evil.example/"),
        ("/%0d%0aSet-Cookie:x", "example.com", "https://example.com:8443/%0d%0aSet-Cookie:x"),
        // The host of the target takes precedence (RFC 9112, 3.2.2).
        ("http://inner.example/x", "inner.example", "https://inner.example:8443/x"),
    ] {
        let answer =
            exchange(server.address, format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
                .await;
        assert_eq!(status(&answer), 308, "{target}");
        assert_eq!(field(&answer, "location"), Some(location));
        assert_eq!(field(&answer, "cache-control"), Some("no-store"));
    }
    // The body of a redirected request is discarded, and the connection stays open.
    let mut client = Client::connect(server.address).await;
    for _ in 0..2 {
        client.send("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345").await;
        assert_eq!(status(&client.answer().await), 308);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_names_no_host_is_400() {
    let server = redirecting(HttpsRedirect::new());
    for (request, reason) in [
        ("GET / HTTP/1.0\r\n\r\n", "names no host"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "the Host header must be"),
    ] {
        let answer = exchange(server.address, request).await;
        assert_eq!(status(&answer), 400, "{answer}");
        assert!(answer.contains(reason), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn only_listed_hosts_are_redirected() {
    let server = redirecting(HttpsRedirect::new().hosts(["example.com", "*.Example.com"]));
    for (host, expected) in [
        ("example.com", 308),
        ("EXAMPLE.com:80", 308),
        ("www.example.com", 308),
        ("a.b.example.com", 421),
        ("example.com.evil.example", 421),
        ("evilexample.com", 421),
    ] {
        let answer =
            exchange(server.address, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(status(&answer), expected, "{host}");
        assert_eq!(field(&answer, "location").is_some(), expected == 308);
    }
    server.stop().await;
}

#[tokio::test]
async fn requests_of_a_certificate_authority_are_not_redirected() {
    let service = tower::service_fn(|request: http::Request<trine_core::Body>| async move {
        let path = request.uri().path().to_owned();
        Ok::<_, std::convert::Infallible>(http::Response::new(trine_core::Body::from(path)))
    });
    let listener = Listener::redirect_to_https(([127, 0, 0, 1], 0).into(), HttpsRedirect::new());
    let server = common::run(
        ServerConfig { listeners: vec![listener], ..config() },
        NativeUpgrades(service),
    );
    let ask = async |path: &str| {
        exchange(server.address, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await
    };
    let passed = ask("/.well-known/acme-challenge/token").await;
    assert_eq!((status(&passed), body(&passed)), (200, "/.well-known/acme-challenge/token"));
    assert_eq!(status(&ask("/.well-known/acme-challengeX").await), 308);
    server.stop().await;
}

#[tokio::test]
async fn both_layers_wrap_an_axum_router() {
    let router = axum::Router::new()
        .route("/", axum::routing::get(|| async { "hello" }))
        .route(
            "/own",
            axum::routing::get(|| async { ([("strict-transport-security", "max-age=1")], "own") }),
        )
        .layer(Hsts::new(Duration::from_secs(86_400)).include_subdomains().preload());
    let redirected = router.clone().layer(HttpsRedirect::new());
    let server = common::run(config(), trine_server::HyperUpgrades(router));
    let answer = exchange(server.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let expected = Some("max-age=86400; includeSubDomains; preload");
    assert_eq!(field(&answer, "strict-transport-security"), expected);
    let answer = exchange(server.address, "GET /own HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(field(&answer, "strict-transport-security"), Some("max-age=1"));
    server.stop().await;

    let server = common::run(config(), trine_server::HyperUpgrades(redirected));
    let answer = exchange(server.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(field(&answer, "location"), Some("https://a/"));
    server.stop().await;
}
