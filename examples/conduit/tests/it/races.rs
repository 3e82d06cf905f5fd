//! Concurrent requests for the same title or name.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "the helpers of tests are tests"
)]

use std::collections::HashSet;

use serde_json::json;

use crate::common::{Answer as _, Conduit};

#[tokio::test(flavor = "multi_thread")]
async fn articles_of_one_title_get_slugs_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let ann = conduit.client.register("ann").await;
    let publishing: Vec<_> = (0..20)
        .map(|_| {
            let ann = ann.clone();
            tokio::spawn(async move {
                ann.publish("Same", &["one"]).await["slug"].as_str().unwrap().to_owned()
            })
        })
        .collect();
    let mut slugs = HashSet::new();
    for slug in publishing {
        assert!(slugs.insert(slug.await.unwrap()));
    }
    assert!(slugs.contains("same"));
    assert_eq!(ann.get("/articles?tag=one").await.ok(200)["articlesCount"], 20);
    conduit.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_given_once() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let registering: Vec<_> = (0..8)
        .map(|number| {
            let nobody = conduit.client.clone();
            let email = format!("{number}@example.org");
            let user = json!({ "user": { "username": "ann", "email": email, "password": "correct horse" } });
            tokio::spawn(async move { nobody.post("/users", user).await.status().as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for status in registering {
        statuses.push(status.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 422, 422, 422]);
    conduit.stop().await;
}
