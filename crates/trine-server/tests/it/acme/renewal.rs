//! Renewals while the server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use trine_server::Acme;
use trine_testkit::log::Log;

use super::authority::{Test, problem};
use super::site::Site;
use crate::common::pki::{ask, connect};

/// The lifetime is six seconds, so a third of it is left after four.
#[tokio::test]
async fn a_certificate_is_renewed_under_load_and_no_handshake_fails() {
    let authority = Test::start();
    authority.desk().life = Duration::from_secs(6);
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    let first = site.next(&authority, "example.com", b"").await;
    let began = std::time::Instant::now();
    let (over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load = (0..2).map(|_| {
        let (over, served, trusted, address) =
            (Arc::clone(&over), Arc::clone(&served), authority.trusted(), site.tls);
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let mut client = connect(address, "example.com", &trusted).await.unwrap();
                assert!(ask(&mut client, "/").await.unwrap().ends_with("served"));
                served.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let load: Vec<_> = load.collect();
    site.next(&authority, "example.com", &first).await;
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
    tokio::time::sleep(Duration::from_millis(100)).await;
    over.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    assert!(served.load(Ordering::Relaxed) > 20);
    assert_eq!((authority.count("account"), authority.count("order")), (1, 2));
    site.stop().await;
    authority.stop().await;
}

#[tokio::test]
async fn the_old_certificate_is_served_while_a_renewal_fails() {
    let authority = Test::start();
    authority.desk().life = Duration::from_secs(6);
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    let first = site.next(&authority, "example.com", b"").await;
    authority.desk().trouble.push(problem(500, "serverInternal", "a disk is full"));
    let log = Log::start();
    log.line("a disk is full").await;
    assert_eq!(site.certificate(&authority, "example.com").await.unwrap(), first);
    site.next(&authority, "example.com", &first).await;
    site.stop().await;
    authority.stop().await;
}

/// The authority has to revoke certificates, and asks for an immediate renewal of all (RFC 9773).
#[tokio::test]
async fn a_certificate_is_renewed_when_the_authority_asks_for_it() {
    let authority = Test::start();
    authority.desk().window = Some(("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"));
    let pause = Duration::from_millis(700);
    let site =
        Site::start(&authority, Acme { check_interval: pause, ..authority.acme(&["example.com"]) });
    let first = site.next(&authority, "example.com", b"").await;
    site.next(&authority, "example.com", &first).await;
    assert!(authority.desk().orders[0].replaces.is_null());
    assert!(
        authority.desk().orders[1].replaces.is_string(),
        "the order names the certificate that it replaces"
    );
    // An authority that always asks for a renewal does not cause a storm of orders.
    let (orders, began) = (authority.count("order"), std::time::Instant::now());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let most = began.elapsed().div_duration_f64(pause).ceil() as usize;
    let more = authority.count("order") - orders;
    assert!(more <= most, "{more} orders, at most {most}");
    site.stop().await;
    authority.stop().await;
}

/// The certificate expires at once, or a clock is wrong.
#[tokio::test]
async fn a_certificate_that_expires_at_once_causes_no_storm_of_orders() {
    let authority = Test::start();
    authority.desk().life = Duration::ZERO;
    let site = Site::start(&authority, authority.acme(&["example.com"]));
    tokio::time::sleep(Duration::from_secs(3)).await;
    // The retries come after 0.2, 0.4, 0.8 and 1.6 s.
    let orders = authority.count("order");
    assert!((2..=5).contains(&orders), "{orders}");
    site.stop().await;
    authority.stop().await;
}
