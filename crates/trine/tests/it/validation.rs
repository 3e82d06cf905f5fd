//! `Valid` over every extractor: all errors at once, each with its location, a stable code and a
//! message.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code, reason = "tests")]
#![cfg(feature = "garde")]

use std::collections::BTreeMap;

use garde::Validate as Garde;
use serde::Deserialize;
use serde_json::{Value, json};
use trine::prelude::*;
use trine::validation::{FieldErrors, Validate, coded};

#[derive(Debug, Deserialize, FromForm, Garde)]
#[serde(rename_all = "camelCase")]
struct User {
    #[garde(length(chars, min = 2, max = 8), alphanumeric)]
    name: String,
    #[garde(email)]
    email: String,
    #[serde(default)]
    #[garde(inner(length(chars, min = 1)), length(max = 2))]
    tags: Vec<String>,
    #[form(name = "homeTown")]
    #[garde(custom(known))]
    home_town: String,
    #[garde(dive)]
    address: Option<Address>,
    #[serde(default)]
    #[garde(dive)]
    by_key: BTreeMap<String, Address>,
}

#[derive(Debug, Deserialize, FromForm, Garde)]
struct Address {
    #[garde(range(min = 1, max = 9))]
    zip: u32,
}

fn known(town: &str, _context: &()) -> garde::Result {
    match town {
        "Ulm" => Ok(()),
        "" => Err(garde::Error::new("says nothing")),
        _ => Err(coded("unknown_town", format_args!("no town is called `{town}`"))),
    }
}

fn json_body() -> Value {
    json!({
        "name": "?", "email": "ann", "tags": ["", "b", "c"], "homeTown": "Atlantis", "address": { "zip": 10 },
        "byKey": { "a/b.c": { "zip": 0 } },
    })
}

#[tokio::test]
async fn all_errors_of_a_body_are_reported_by_json_pointer() {
    let app = App::new().route("/", post(async |Valid(Json(user)): Valid<Json<User>>| user.name));
    let client = app.test().await;
    let good = json!({ "name": "Ann", "email": "ann@example.org", "homeTown": "Ulm" });
    assert_eq!(client.post("/").json(&good).await.text(), "Ann");
    let refused = client.post("/").json(&json_body()).await;
    refused.expect_status(422).expect_header("content-type", "application/problem+json");
    let problem: Value = refused.json();
    let error = |pointer: &str, code: &str, message: &str| json!({ "in": "body", "pointer": pointer, "code": code, "message": message });
    let email = "is not an email address: value is missing `@`";
    let expected = [
        error("/name", "length", "is shorter than 2"),
        error("/name", "alphanumeric", "contains characters other than letters and digits"),
        error("/email", "email", email),
        error("/tags", "length", "is longer than 2"),
        error("/tags/0", "length", "is shorter than 1"),
        error("/homeTown", "unknown_town", "no town is called `Atlantis`"),
        error("/address/zip", "range", "is more than 9"),
        error("/byKey/a~1b.c/zip", "range", "is less than 1"),
    ];
    let mut found = problem["errors"].as_array().unwrap().clone();
    assert_eq!(found.len(), expected.len(), "{problem:#}");
    found.retain(|error| !expected.contains(error));
    assert_eq!(found, Vec::<Value>::new());
    assert_eq!(
        problem["detail"],
        "8 values are invalid; the first: JSON at `address.zip` is more than 9"
    );
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_reported_in_the_same_format() {
    let app = App::new().route("/", post(async |_: Valid<Json<User>>| ()));
    let refused = app.test().await.post("/").json(&json!({ "name": "Ann", "email": 7 })).await;
    let problem: Value = refused.expect_status(422).json();
    let message = "expected text, got integer `7`";
    let error = json!([{ "in": "body", "pointer": "/email", "code": "type", "message": message }]);
    assert_eq!(problem["errors"], error);
}

#[tokio::test]
async fn errors_of_a_form_have_the_names_of_its_fields() {
    let app = App::new().route("/", post(async |_: Valid<Form<User>>| ()));
    let fields = [
        ("name", "Ann"),
        ("email", "a@b.c"),
        ("homeTown", ""),
        ("tags[4]", ""),
        ("address.zip", "0"),
    ];
    let refused = app.test().await.post("/").form(&fields).await;
    let problem: Value = refused.expect_status(422).json();
    let errors = problem["errors"].as_array().unwrap();
    let told: Vec<_> =
        errors.iter().map(|error| (error["field"].as_str().unwrap(), &error["code"])).collect();
    // Elements count from 0, whatever their index was: the value does not know the index that was
    // sent.
    let (zip, town, tag) = (json!("range"), json!("invalid"), json!("length"));
    assert_eq!(told, [("address.zip", &zip), ("homeTown", &town), ("tags[0]", &tag)]);
}

#[derive(Debug, Deserialize, FromForm, Garde)]
struct Page {
    #[garde(range(min = 1))]
    page: u32,
    #[garde(length(max = 3))]
    word: String,
}

#[get("/query")]
async fn query(page: Valid<Query<Page>>) -> String {
    page.word.clone()
}

async fn path(page: Valid<Path<Page>>) -> String {
    page.word.clone()
}

#[post("/form")]
async fn form(page: Valid<Form<Page>>) -> String {
    page.word.clone()
}

#[tokio::test]
async fn query_path_and_form_name_the_field() {
    let client = App::new()
        .routes(routes![query, form])
        .route("/path/{page}/{word}", get(path))
        .test()
        .await;
    for (place, wrong, right) in [
        ("query", client.get("/query?page=0&word=long"), client.get("/query?page=1&word=ok")),
        ("path", client.get("/path/0/long"), client.get("/path/1/ok")),
        (
            "form",
            client.post("/form").form(&[("page", "0"), ("word", "long")]),
            client.post("/form").form(&[("page", "1"), ("word", "ok")]),
        ),
    ] {
        assert_eq!(right.await.text(), "ok");
        let refused = wrong.await;
        let problem: Value = refused.expect_status(422).json();
        let errors = json!([
            { "in": place, "field": "page", "code": "range", "message": "is less than 1" },
            { "in": place, "field": "word", "code": "length", "message": "is longer than 3" },
        ]);
        assert_eq!(problem["errors"], errors);
    }
    client.get("/query?page=x&word=").await.expect_status(400);
}

#[tokio::test]
async fn a_submitted_form_gets_the_errors_of_validation() {
    let app = App::new().route(
        "/",
        post(async |form: Valid<Submitted<Page>>| {
            assert_eq!(form.value.is_none(), form.form.is_refused());
            Json(json!(form.form))
        }),
    );
    let client = app.test().await;
    let said: Value = client.post("/").form(&[("page", "0"), ("word", "ok")]).await.json();
    assert_eq!(said["values"], json!({ "page": ["0"], "word": ["ok"] }));
    assert_eq!(
        said["errors"],
        json!({ "page": [{ "code": "range", "message": "is less than 1" }] })
    );
    // Validation needs a value, so a value of the wrong type is reported alone.
    let said: Value = client.post("/").form(&[("page", "x"), ("word", "long")]).await.json();
    assert_eq!(said["errors"].as_object().unwrap().len(), 1);
}

/// A hand-written implementation with a context from the state.
#[derive(Deserialize)]
struct Bid(u32);

struct Auction {
    least: u32,
}

impl Validate for Bid {
    type Context = Auction;

    fn validate(&self, auction: &Auction, errors: &mut FieldErrors) {
        if self.0 < auction.least {
            errors.refuse("", "too_low", format!("is less than {}", auction.least));
        }
    }
}

#[derive(Debug, Deserialize, Garde)]
#[garde(context(Auction))]
struct Garded {
    #[garde(custom(enough))]
    bid: u32,
}

fn enough(bid: &u32, auction: &Auction) -> garde::Result {
    if *bid < auction.least { Err(garde::Error::new("is too low")) } else { Ok(()) }
}

#[tokio::test]
async fn a_context_comes_from_a_state_that_the_audit_requires() {
    let app = || {
        App::new()
            .route("/hand", post(async |_: Valid<Json<Bid>>| "taken"))
            .route("/garde", post(async |_: Valid<Json<Garded>>| "taken"))
    };
    let audit = app().audit().unwrap_err().to_string();
    assert!(audit.contains("Auction"), "{audit}");

    let client = app().state(Auction { least: 5 }).test().await;
    client.post("/hand").json(&5).await.expect_text("taken");
    let low: Value = client.post("/hand").json(&4).await.expect_status(422).json();
    let error =
        json!([{ "in": "body", "pointer": "", "code": "too_low", "message": "is less than 5" }]);
    assert_eq!((&low["errors"], &low["detail"]), (&error, &json!("JSON is less than 5")));
    let low: Value =
        client.post("/garde").json(&json!({ "bid": 4 })).await.expect_status(422).json();
    let error =
        json!([{ "in": "body", "pointer": "/bid", "code": "invalid", "message": "is too low" }]);
    assert_eq!(low["errors"], error);
}

#[tokio::test]
async fn a_thousand_errors_are_not_a_thousand_messages() {
    #[derive(Deserialize, Garde)]
    struct Many {
        #[garde(inner(range(max = 1)))]
        all: Vec<u8>,
    }
    let app = App::new().route("/", post(async |_: Valid<Json<Many>>| ()));
    let refused = app.test().await.post("/").json(&json!({ "all": vec![2; 1000] })).await;
    let problem: Value = refused.expect_status(422).json();
    assert_eq!(problem["errors"].as_array().unwrap().len(), 100);
    assert!(problem["detail"].as_str().unwrap().starts_with("1000 values are invalid"));
}
