//! The requests that Conduit refuses, and the error messages.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "the helpers of tests are tests"
)]

use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use trine::prelude::Method;

use crate::common;
use crate::common::{Answer as _, Api, Conduit};

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_the_shape_of_the_api() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let nobody = conduit.client.clone();
    let ann = nobody.register("ann").await;
    fields(&nobody, &ann).await;
    tokens(&nobody, &ann).await;
    framework(&nobody, &ann).await;
    clearing(&ann).await;
    conduit.stop().await;
}

async fn fields(nobody: &Api, ann: &Api) {
    let blank = json!(["can't be blank"]);
    let all = json!({ "username": blank, "email": blank, "password": blank });
    nobody.post("/users", json!({ "user": {} })).await.refused(422, all.clone());
    let empty = json!({ "user": { "username": " ", "email": "", "password": "" } });
    nobody.post("/users", empty).await.refused(422, all);
    let wrong = json!({ "user": { "username": "x".repeat(65), "email": "ann at home", "password": "short" } });
    let told = json!({
        "username": ["is too long (maximum is 64 characters)"],
        "email": ["is not an email address"],
        "password": ["is too short (minimum is 8 characters)"]
    });
    nobody.post("/users", wrong).await.refused(422, told);
    let login =
        nobody.post("/users/login", json!({ "user": { "email": "ann@example.org" } })).await;
    login.refused(422, json!({ "password": blank }));
    ann.put("/user", json!({ "user": { "email": "" } }))
        .await
        .refused(422, json!({ "email": blank }));

    let nothing = json!({ "user": ["needs at least one field"] });
    ann.put("/user", json!({ "user": {} })).await.refused(422, nothing);

    let dots = json!({ "user": { "username": "..", "email": "dots@example.org", "password": "correct horse" } });
    nobody
        .post("/users", dots)
        .await
        .refused(422, json!({ "username": ["can't consist of dots"] }));
    // A slash in a name is percent-encoded in the path of the profile and stays part of the name.
    let band = json!({ "user": { "username": "AC/DC", "email": "band@example.org", "password": "correct horse" } });
    nobody.post("/users", band).await.ok(201);
    assert_eq!(nobody.get("/profiles/AC%2FDC").await.ok(200)["profile"]["username"], "AC/DC");
    nobody.register("bob").await;
    let taken = ann.put("/user", json!({ "user": { "username": "BOB" } })).await;
    taken.refused(422, json!({ "username": ["has already been taken"] }));
    // Sending one's own name again is not a conflict.
    let own = json!({ "user": { "username": "Ann", "email": "ann@example.org" } });
    assert_eq!(ann.put("/user", own).await.ok(200)["user"]["username"], "Ann");

    let all = json!({ "title": blank, "description": blank, "body": blank });
    ann.post("/articles", json!({ "article": {} })).await.refused(422, all);
    ann.publish("One", &[]).await;
    let change = ann.put("/articles/one", json!({ "article": { "title": "" } })).await;
    change.refused(422, json!({ "title": blank }));
    let comment = ann.post("/articles/one/comments", json!({ "comment": { "body": "\n" } })).await;
    comment.refused(422, json!({ "body": blank }));
}

async fn tokens(nobody: &Api, ann: &Api) {
    let forged = nobody.with_token("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiZXhwIjo5OTk5OTk5OTk5fQ.");
    for (method, path) in [
        (Method::GET, "/user"),
        (Method::PUT, "/user"),
        (Method::POST, "/profiles/ann/follow"),
        (Method::DELETE, "/profiles/ann/follow"),
        (Method::GET, "/articles/feed"),
        (Method::POST, "/articles"),
        (Method::PUT, "/articles/one"),
        (Method::DELETE, "/articles/one"),
        (Method::POST, "/articles/one/comments"),
        (Method::DELETE, "/articles/one/comments/1"),
        (Method::POST, "/articles/one/favorite"),
        (Method::DELETE, "/articles/one/favorite"),
    ] {
        let answer = nobody.send(method.clone(), path, None).await;
        assert_eq!(answer.headers()["www-authenticate"], "Token", "{method} {path}");
        answer.refused(401, json!({ "token": ["is missing"] }));
        forged.send(method, path, None).await.refused(401, json!({ "token": ["is invalid"] }));
    }
    // If a token is optional, a request without one is accepted and one with an invalid token is
    // refused.
    for path in ["/articles", "/articles/one", "/articles/one/comments", "/profiles/ann"] {
        nobody.get(path).await.ok(200);
        ann.get(path).await.ok(200);
        forged.get(path).await.refused(401, json!({ "token": ["is invalid"] }));
    }
}

async fn framework(nobody: &Api, ann: &Api) {
    for (answer, status, field) in [
        (nobody.send(Method::POST, "/users", Some("{".to_owned())).await, 400, "body"),
        (nobody.send(Method::POST, "/users", None).await, 400, "body"),
        (nobody.post("/users", json!({})).await, 422, "body"),
        (nobody.post("/users", json!({ "user": { "username": 7 } })).await, 422, "username"),
        (nobody.post("/users", json!({ "user": "x".repeat(70_000) })).await, 413, "body"),
        (nobody.get("/articles?limit=none").await, 400, "limit"),
        (nobody.get("/articles?limit=0").await, 400, "limit"),
        (nobody.get("/articles?offset=-1").await, 400, "offset"),
        (nobody.get("/articles/one/comments?limit=0").await, 400, "limit"),
        (ann.delete("/articles/one/comments/first").await, 400, "id"),
        (nobody.get("/nothing").await, 404, "body"),
        (nobody.delete("/users").await, 405, "body"),
    ] {
        answer.expect_status(status).expect_header("content-type", "application/json");
        let body: Value = answer.json();
        let messages = body["errors"][field].as_array();
        assert!(messages.is_some_and(|messages| messages.len() == 1), "{answer}");
    }
    assert_eq!(nobody.delete("/users").await.headers()["allow"], "POST, OPTIONS");
    assert_eq!(nobody.get("/articles?limit=4000000000").await.status(), 200);
}

async fn clearing(ann: &Api) {
    let change = |bio| json!({ "user": { "bio": bio } });
    for cleared in [json!(""), json!(null)] {
        assert_eq!(
            ann.put("/user", change(json!("I write."))).await.ok(200)["user"]["bio"],
            "I write."
        );
        assert_eq!(
            ann.put("/user", json!({ "user": { "image": "i" } })).await.ok(200)["user"]["bio"],
            "I write."
        );
        assert_eq!(ann.put("/user", change(cleared)).await.ok(200)["user"]["bio"], json!(null));
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_ask() {
    let dir = tempfile::tempdir().unwrap();
    let client = conduit::app().test().with_config(common::files_in(dir.path())).await;

    let preflight = client
        .options("/api/user")
        .header("origin", "https://example.org")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type")
        .send()
        .await;
    preflight
        .expect_status(200)
        .expect_header("access-control-allow-headers", "authorization,content-type");
    // Errors also need the header fields, or the page could not read and show them.
    let refused = client.get("/api/user").header("origin", "https://example.org").send().await;
    refused.expect_status(401).expect_header("access-control-allow-origin", "*");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_dies_with_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let ann = conduit.client.register("ann").await;
    let bob = conduit.client.register("bob").await;
    bob.publish("One", &[]).await;

    let options =
        SqliteConnectOptions::new().filename(dir.path().join("conduit.db")).foreign_keys(true);
    let mut db = options.connect().await.unwrap();
    sqlx::query("DELETE FROM users WHERE username = 'ann'").execute(&mut db).await.unwrap();

    let gone = json!({ "token": ["is invalid"] });
    let article = json!({ "article": { "title": "t", "description": "d", "body": "b" } });
    ann.get("/user").await.refused(401, gone.clone());
    ann.post("/articles", article).await.refused(401, gone.clone());
    ann.post("/articles/one/favorite", json!({})).await.refused(401, gone.clone());
    ann.post("/articles/one/comments", json!({ "comment": { "body": "b" } }))
        .await
        .refused(401, gone.clone());
    ann.post("/profiles/bob/follow", json!({})).await.refused(401, gone.clone());
    // The id is not used again.
    conduit.client.register("carl").await;
    ann.get("/user").await.refused(401, gone);
    conduit.stop().await;
}
