//! Each limit of an order, hit.

use std::time::Duration;

use http::Response;
use trine_core::Body;
use trine_server::Acme;

use super::authority::Test;
use super::log::Log;
use super::site::Site;
use crate::common::within;

/// Waits until the log says it.
async fn told(log: &Log, text: &str) {
    within(async {
        while !log.text().contains(text) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for() {
    let authority = Test::start();
    authority.desk().delay = Duration::from_secs(5);
    let log = Log::start();
    let acme =
        Acme { request_timeout: Duration::from_millis(300), ..authority.acme(&["example.com"]) };
    let site = Site::start(&authority, acme);
    told(&log, "no answer within 300ms").await;
    authority.desk().delay = Duration::ZERO;
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn a_large_answer_is_not_read_to_its_end() {
    let authority = Test::start();
    let large = Response::builder().header("content-type", "application/json");
    authority.desk().trouble.push(large.body(Body::from(vec![b' '; 100_000])).unwrap());
    let log = Log::start();
    let acme = Acme { max_response_bytes: 50_000, ..authority.acme(&["example.com"]) };
    let site = Site::start(&authority, acme);
    told(&log, "length limit exceeded").await;
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
    within(async {
        while !log.text().contains("timed out waiting for an order")
            && !log.text().contains("was not done within 1s")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // The time between two looks doubles: 50, 100, 200, 400 ms.
    let looks = authority.count("look");
    assert!((2..=6).contains(&looks), "{looks}");
    authority.desk().undecided = false;
    site.next(&authority, "example.com", b"").await;
    site.stop().await;
    authority.stop().await;
}
