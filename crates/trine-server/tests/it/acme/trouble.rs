//! Authorities that are down, busy or broken, or that do not see a proof.

use std::time::Duration;

use http::Response;
use trine_core::Body;
use trine_server::Acme;
use trine_testkit::log::Log;

use super::authority::{Test, problem};
use super::site::Site;
use crate::common::pki::connect;
use crate::common::{Client, status, within};

#[tokio::test]
async fn a_server_starts_while_the_authority_is_down() {
    let mut authority = Test::away();
    let log = Log::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    // Without a certificate, the server refuses the handshake with an alert. It neither resets the
    // connection nor waits.
    let refused = connect(site.tls, "example.com", &authority.trusted()).await.unwrap_err();
    assert!(refused.to_string().contains("alert"), "{refused}");
    let mut plain = Client::connect(site.http).await;
    plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&plain.answer().await), 200);
    assert!(log.text().contains("there is no certificate yet"), "{}", log.text());
    authority.open();
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn an_order_succeeds_once_the_authority_is_up_again() {
    let authority = Test::start();
    for _ in 0..2 {
        let page = Response::builder().status(500).header("content-type", "text/html");
        authority.desk().trouble.push(page.body(Body::from("<h1>sorry</h1>")).unwrap());
    }
    let log = Log::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    site.next(&authority, "example.com", b"").await;
    assert_eq!(authority.count("order"), 3);
    assert!(log.text().contains("answered 500"), "{}", log.text());
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn a_rejected_nonce_is_retried() {
    let authority = Test::start();
    authority.desk().bad_nonces = 2;
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    site.next(&authority, "example.com", b"").await;
    assert_eq!(authority.count("order"), 1);
    assert_eq!(authority.count("account"), 3, "two of them with a nonce that was refused");
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn retry_after_of_the_authority_is_respected() {
    let authority = Test::start();
    let mut busy = problem(429, "rateLimited", "too many certificates for this name");
    busy.headers_mut().insert("retry-after", "2".parse().unwrap());
    authority.desk().trouble.push(busy);
    let log = Log::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(authority.count("order"), 1);
    assert!(log.text().contains("too many certificates for this name"), "{}", log.text());
    site.next(&authority, "example.com", b"").await;
    assert_eq!(authority.count("order"), 2);
    site.stop().await;
    authority.stop().await;
}

/// The Retry-After of the authority has an upper limit.
#[tokio::test]
async fn retry_after_of_the_authority_has_a_limit() {
    let authority = Test::start();
    let mut busy = problem(503, "serverInternal", "later");
    busy.headers_mut().insert("retry-after", "18446744073709551615".parse().unwrap());
    authority.desk().trouble.push(busy);
    let acme =
        Acme { longest_retry_after: Duration::from_secs(1), ..authority.acme(&["example.com"]) };
    let site = Site::start(&authority, acme);
    site.next(&authority, "example.com", b"").await;
    assert_eq!(authority.count("order"), 2);
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn an_unknown_account_is_created_again() {
    let authority = Test::start();
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    authority.desk().trouble.push(problem(400, "accountDoesNotExist", "who?"));
    let site = Site::start(&authority, authority.acme(&["other.example"]));
    site.next(&authority, "other.example", b"").await;
    assert_eq!(authority.count("account"), 2);
    site.stop().await;
    authority.stop().await;
}

/// The name leads to another server. Each attempt uses up some of the rate limit of the authority.
#[tokio::test]
async fn a_failing_challenge_causes_no_storm_of_orders() {
    let authority = Test::start();
    let log = Log::start();
    let acme = Acme {
        first_retry: Duration::from_millis(500),
        longest_retry: Duration::from_secs(1),
        ..authority.acme(&["example.com"])
    };
    let site = Site::start(&authority, acme);
    // The server at this address does not speak TLS.
    let elsewhere = site.http;
    authority.desk().tls = Some(elsewhere);
    tokio::time::sleep(Duration::from_secs(4)).await;
    // The attempts are at 0, 0.5, 1.5, 2.5 and 3.5 s. A quarter of each pause is random.
    let (orders, challenges) = (authority.count("order"), authority.count("challenge"));
    assert!((3..=6).contains(&orders), "{orders} orders");
    assert!(challenges <= orders, "{challenges} challenges of {orders} orders");
    let text = log.text();
    assert!(
        text.contains("did not accept the answer to its challenge")
            && text.contains("example.com: "),
        "{text}"
    );
    authority.desk().tls = Some(site.tls);
    within(site.next(&authority, "example.com", b"")).await;
    site.stop().await;
    authority.stop().await;
}
