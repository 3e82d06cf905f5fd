//! Every refusal has a location in one format: `errors[]` with `in`, `field` or `pointer`, `code`
//! and `message`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use trine::prelude::*;
use trine::sse::LastEventId;
use trine::testing::{TestClient, TestRequest};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    id: u32,
    #[serde(rename = "list")]
    _list: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Cat,
    Dog,
}

#[derive(FromParam)]
#[param(rename_all = "lowercase")]
enum Named {
    Cat,
    Dog,
}

#[derive(FromForm)]
struct Posted {
    id: u32,
}

#[get("/number/{id}?{page}")]
async fn number(id: u8, page: u8) -> String {
    format!("{id} {page}")
}

#[get("/named/{kind}")]
async fn named(kind: Named) -> &'static str {
    match kind {
        Named::Cat => "cat",
        Named::Dog => "dog",
    }
}

fn app() -> App {
    App::new()
        .routes(routes![number, named])
        .route("/path/{id}", get(async |Path(id): Path<u8>| id.to_string()))
        .route("/pair/{a}/{b}", get(async |Path((a, b)): Path<(String, i8)>| format!("{a} {b}")))
        .route("/struct/{id}", get(async |it: Path<HashMap<String, u8>>| format!("{:?}", it.0)))
        .route(
            "/kind/{kind}",
            get(async |Path(kind): Path<Kind>| match kind {
                Kind::Cat => "cat",
                Kind::Dog => "dog",
            }),
        )
        .route("/address/{ip}", get(async |Path(ip): Path<std::net::IpAddr>| ip.to_string()))
        .route("/query", get(async |it: Query<Fields>| it.id.to_string()))
        .route("/agent", get(async |it: TypedHeader<headers::UserAgent>| it.to_string()))
        .route("/length", get(async |it: TypedHeader<headers::IfModifiedSince>| format!("{it:?}")))
        .route("/events", get(async |_: LastEventId| "events"))
        .route("/json", post(async |it: Json<Fields>| it.id.to_string()))
        .route("/text", post(async |it: String| it))
        .route("/form", post(async |it: Form<Posted>| it.id.to_string()))
        .route("/parts", post(async |mut it: Multipart| it.next_part().await.map(|_| "a part")))
}

/// Sends the request, and checks the status and the only error.
async fn expect(request: TestRequest, status: u16, told: &str) {
    let answer = request.await;
    answer.expect_problem(status);
    let problem: Value = answer.json();
    let errors =
        problem["errors"].as_array().unwrap_or_else(|| panic!("{told}: no errors in {problem}"));
    assert_eq!(errors.len(), 1, "{problem}");
    let part = |name: &str| errors[0][name].as_str().map(str::to_owned);
    let place = match part("field") {
        Some(field) => format!("field {field}"),
        None => format!("pointer {}", part("pointer").unwrap()),
    };
    let said = format!("{} {place} {}", part("in").unwrap(), part("code").unwrap());
    assert_eq!(said, told, "{problem}");
    let message = part("message").unwrap();
    assert!(
        !message.is_empty() && problem["detail"].as_str().unwrap().contains(&message),
        "{problem}"
    );
}

#[trine::test]
async fn every_refusal_has_its_location_in_one_format() {
    let client = app().test().await;
    for (target, told) in [
        ("/number/300?page=1", "path field id type"),
        ("/number/x?page=1", "path field id type"),
        ("/number/1", "query field page missing"),
        ("/number/1?page", "query field page missing"),
        ("/number/1?page=x", "query field page type"),
        ("/number/1?page=1&page=2", "query field page duplicate"),
        ("/number/1?page=%FF", "query field page encoding"),
        ("/number/%FF?page=1", "path field id encoding"),
        ("/named/cow", "path field kind choice"),
        ("/path/x", "path field id type"),
        ("/path/%FF", "path field id encoding"),
        ("/pair/a/x", "path field b type"),
        ("/pair/a%2Fb/1", "path field a path"),
        ("/struct/x", "path field id type"),
        ("/kind/cow", "path field kind choice"),
        ("/address/x", "path field ip type"),
        ("/query", "query field id missing"),
        ("/query?id=x", "query field id type"),
        ("/query?id=1&id=2", "query field id duplicate"),
        ("/query?id=1&more=2", "query field more unknown"),
        ("/query?id=1&list=%FF", "query field list encoding"),
        ("/query?id=1&%FF=1", "query field  encoding"),
        ("/agent", "header field user-agent missing"),
        ("/events", "header field Last-Event-ID missing"),
    ] {
        expect(client.get(target), 400, told).await;
    }
    expect(
        client.get("/length").header("if-modified-since", "x"),
        400,
        "header field if-modified-since type",
    )
    .await;
}

#[trine::test]
async fn refusals_of_bodies_have_their_location() {
    let client = app().test().await;
    let json = |body: &'static str| {
        client.post("/json").header("content-type", "application/json").body(body)
    };
    expect(json(r#"{"id":"x"}"#), 422, "body pointer /id type").await;
    expect(json("{}"), 422, "body pointer  type").await;
    expect(json("{"), 400, "body pointer  syntax").await;
    expect(json(""), 400, "body pointer  missing").await;
    expect(client.post("/json").text("{}"), 415, "header field content-type content_type").await;
    expect(client.post("/text").bytes(&b"\xff"[..]), 400, "body pointer  encoding").await;
    expect(form(&client, "id=x"), 422, "form field id type").await;
    expect(form(&client, "a=1"), 422, "form field id missing").await;
    expect(form(&client, "id=%FF"), 422, "form field id encoding").await;
    let deep = "a[1][2][3][4][5][6][7][8][9]=1";
    expect(form(&client, deep), 422, "form field  depth").await;
    let parts = client
        .post("/parts")
        .header("content-type", "multipart/form-data; boundary=x")
        .body("nothing");
    expect(parts, 400, "form field  syntax").await;
}

fn form(client: &TestClient, body: &'static str) -> TestRequest {
    client.post("/form").header("content-type", "application/x-www-form-urlencoded").body(body)
}
