//! A page takes the same number of queries, however long it is.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "the helpers of tests are tests"
)]

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::common::{Answer as _, Api, Conduit};

/// The subscriber that counts is global to the process, and other tests also make queries.
#[test]
fn a_long_page_costs_no_more_than_a_short_one() {
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["queries::in_a_process_of_its_own", "--exact", "--ignored"])
        .output()
        .unwrap();
    assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stdout));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above, in a process of its own"]
async fn in_a_process_of_its_own() {
    tracing_subscriber::registry().with(Counter).init();
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let ann = conduit.client.register("ann").await;
    let bob = conduit.client.register("bob").await;
    bob.post("/profiles/ann/follow", json!({})).await.ok(200);
    for number in 0..30 {
        ann.publish(&format!("Article {number}"), &["a", "b"]).await;
        ann.post(&format!("/articles/article-{number}/favorite"), json!({})).await.ok(200);
        ann.post("/articles/article-1/comments", json!({ "comment": { "body": "b" } })).await;
    }

    let nobody = &conduit.client;
    assert_eq!(cost(nobody, "/articles?limit=1").await, 2);
    assert_eq!(cost(nobody, "/articles?limit=30").await, 2);
    // A token takes one more query, which checks that it is still valid.
    assert_eq!(cost(&bob, "/articles?limit=1").await, 3);
    assert_eq!(cost(&bob, "/articles?limit=30").await, 3);
    assert_eq!(cost(&bob, "/articles?limit=30&tag=a&author=ann&favorited=ann").await, 3);
    assert_eq!(cost(&bob, "/articles/feed?limit=30").await, 3);
    assert_eq!(cost(&bob, "/articles/article-1").await, 2);
    assert_eq!(cost(&bob, "/articles/article-1/comments").await, 3);
    conduit.stop().await;
}

async fn cost(api: &Api, path: &str) -> usize {
    let before = QUERIES.load(Ordering::Relaxed);
    api.get(path).await.ok(200);
    QUERIES.load(Ordering::Relaxed) - before
}

static QUERIES: AtomicUsize = AtomicUsize::new(0);

/// Counts the SELECT statements that sqlx logs. A new connection also runs a few PRAGMA statements.
struct Counter;

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut Selects);
        }
    }
}

struct Selects;

impl Visit for Selects {
    fn record_str(&mut self, field: &Field, text: &str) {
        if field.name() == "summary" && text.starts_with("SELECT") {
            QUERIES.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}
