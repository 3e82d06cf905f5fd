//! The orders exceed each of their limits.

use std::time::Duration;

use http::Response;
use trine_core::Body;
use trine_server::Acme;
use trine_testkit::log::Log;
use trine_testkit::wait::until;

use super::authority::Test;
use super::site::Site;

#[tokio::test]
async fn a_slow_authority_times_out() {
    let authority = Test::start();
    authority.desk().delay = Duration::from_secs(2);
    let log = Log::start();
    let acme =
        Acme { request_timeout: Duration::from_millis(300), ..authority.acme(&["example.com"]) };
    let site = Site::start(&authority, acme);
    log.line("no answer within 300ms").await;
    authority.desk().delay = Duration::ZERO;
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn a_large_response_of_the_authority_is_not_read_to_its_end() {
    let authority = Test::start();
    let large = Response::builder().header("content-type", "application/json");
    authority.desk().trouble.push(large.body(Body::from(vec![b' '; 100_000])).unwrap());
    let log = Log::start();
    let acme = Acme { max_response_bytes: 50_000, ..authority.acme(&["example.com"]) };
    let site = Site::start(&authority, acme);
    log.line("length limit exceeded").await;
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn an_order_that_is_never_decided_ends() {
    let authority = Test::start();
    authority.desk().undecided = true;
    let log = Log::start();
    let acme = Acme { order_timeout: Duration::from_secs(1), ..authority.acme(&["example.com"]) };
    let site = Site::start(&authority, acme);
    until("the end of the order", || {
        log.count("timed out waiting for an order") + log.count("was not finished within 1s") > 0
    })
    .await;
    // The interval between two requests doubles: 50, 100, 200, 400 ms.
    let looks = authority.count("look");
    assert!((2..=6).contains(&looks), "{looks}");
    authority.desk().undecided = false;
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    authority.stop().await;
}
