//! A token is valid only as long as the password that it was made under.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "the helpers of tests are tests"
)]

use serde_json::{Value, json};

use crate::common::{Answer as _, Conduit};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_before_a_password_change_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let nobody = conduit.client.clone();
    let phone = nobody.register("ann").await;
    let login = json!({ "user": { "email": "ann@example.org", "password": "correct horse" } });
    let token = |answer: &Value| answer["user"]["token"].as_str().unwrap().to_owned();
    let laptop = nobody.with_token(&token(&nobody.post("/users/login", login).await.ok(200)));

    // Changes of other fields do not end a token.
    laptop.put("/user", json!({ "user": { "bio": "I write." } })).await.ok(200);
    phone.get("/user").await.ok(200);

    let changed = laptop.put("/user", json!({ "user": { "password": "new horse" } })).await.ok(200);
    let over = json!({ "token": ["is invalid"] });
    for old in [&phone, &laptop] {
        old.get("/user").await.refused(401, over.clone());
        // If a token is optional, an old one is still refused and not treated as absent.
        old.get("/articles").await.refused(401, over.clone());
        old.put("/user", json!({ "user": { "password": "their horse" } }))
            .await
            .refused(401, over.clone());
    }
    let laptop = nobody.with_token(&token(&changed));
    assert_eq!(laptop.get("/user").await.ok(200)["user"]["bio"], "I write.");

    // The same is true after a restart, and setting the old password again also counts as a change.
    conduit.stop().await;
    let conduit = Conduit::start(dir.path()).await;
    let again = |token: &str| conduit.client.with_token(token);
    let laptop = again(&token(&changed));
    laptop.put("/user", json!({ "user": { "password": "correct horse" } })).await.ok(200);
    laptop.get("/user").await.refused(401, over);
    conduit.stop().await;
}

/// Hashing takes long. A server that checks the token only before the hashing would let a thief
/// change the password back.
#[tokio::test(flavor = "multi_thread")]
async fn of_password_changes_at_once_under_one_token_one_holds() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let ann = conduit.client.register("ann").await;
    let changing: Vec<_> = (0..4)
        .map(|number| {
            let ann = ann.clone();
            let change = json!({ "user": { "password": format!("horse number {number}") } });
            tokio::spawn(async move { ann.put("/user", change).await.status().as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for status in changing {
        statuses.push(status.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401]);
    conduit.stop().await;
}
