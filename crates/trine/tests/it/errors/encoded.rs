//! A body with a `Content-Encoding` that no layer has decoded is refused instead of read as plain
//! (RFC 9110, sections 15.5.16 and 12.5.3).

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tower_http::decompression::RequestDecompressionLayer;
use trine::form::Submitted;
use trine::prelude::*;
use trine::testing::TestClient;
use trine::{Multipart, Trine};

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=b0";

#[derive(Debug, FromForm)]
struct Named {
    name: String,
}

async fn json(Json(value): Json<Value>) -> String {
    value["name"].as_str().unwrap_or_default().to_owned()
}

async fn form(Form(named): Form<Named>) -> String {
    named.name
}

async fn submitted(form: Submitted<Named>) -> String {
    form.value.map_or_else(|| "wrong".to_owned(), |named| named.name)
}

async fn multipart(mut parts: Multipart) -> Result<String, Problem> {
    match parts.next_part().await? {
        Some(part) => part.text().await,
        None => Ok("nothing".to_owned()),
    }
}

async fn text(text: String) -> String {
    text
}

async fn optional(value: Option<Json<Value>>) -> String {
    value.is_some().to_string()
}

async fn bytes(bytes: Bytes) -> Bytes {
    bytes
}

async fn raw(headers: HeaderMap, body: Body) -> (HeaderMap, Body) {
    let encoding = headers.get("content-encoding").cloned();
    (
        HeaderMap::from_iter(encoding.map(|value| (HeaderName::from_static("x-encoding"), value))),
        body,
    )
}

fn routes(group: Group) -> Group {
    let router: axum::Router = axum::Router::new()
        .route("/", axum::routing::post(async |Trine(text): Trine<String>| text));
    group
        .route("/json", post(json))
        .route("/form", post(form))
        .route("/parts-form", post(form))
        .route("/submitted", post(submitted))
        .route("/multipart", post(multipart))
        .route("/text", post(text))
        .route("/optional", post(optional))
        .route("/bytes", post(bytes))
        .route("/raw", post(raw))
        .mount("/axum", router)
}

async fn client() -> TestClient {
    let decoded = Group::at("/decoded").layer(RequestDecompressionLayer::new());
    App::new().group(routes(Group::at(""))).group(routes(decoded)).test().await
}

/// Routes that parse the body or take it as text: the path, the media type, and a body that
/// contains `ann`.
fn cases() -> [(&'static str, &'static str, String); 7] {
    let part = "--b0\r\ncontent-disposition: form-data; name=name\r\n\r\nann\r\n--b0--\r\n";
    [
        ("/json", "application/json", json!({ "name": "ann" }).to_string()),
        ("/form", FORM, "name=ann".to_owned()),
        ("/parts-form", PARTS, part.to_owned()),
        ("/submitted", FORM, "name=ann".to_owned()),
        ("/multipart", PARTS, part.to_owned()),
        ("/text", "text/plain", "ann".to_owned()),
        ("/axum", "text/plain", "ann".to_owned()),
    ]
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[trine::test]
async fn an_encoded_body_is_a_415_that_names_accepted_encodings() {
    let client = client().await;
    for (path, content_type, body) in cases() {
        for encoding in ["gzip", "GZIP", "br, identity", "identity, zstd", "unheard-of"] {
            let request = client.post(path).header("content-type", content_type);
            let answer = request.header("content-encoding", encoding).bytes(gzip(&body)).await;
            answer.expect_problem(415).expect_header("accept-encoding", "identity");
            let detail = answer.json::<Value>()["detail"].clone();
            assert_eq!(
                detail,
                format!("header `content-encoding`: expected none, got `{encoding}`"),
                "{path}"
            );
        }
        // The header field alone decides, whatever the body contains.
        let lies = client
            .post(path)
            .header("content-type", content_type)
            .header("content-encoding", "gzip");
        lies.text(body.clone()).await.expect_problem(415);
    }
    let optional = client.post("/optional").header("content-encoding", "gzip");
    optional.header("content-type", "application/json").bytes(gzip("{}")).await.expect_problem(415);
}

#[trine::test]
async fn identity_is_not_an_encoding() {
    let client = client().await;
    for (path, content_type, body) in cases() {
        for encoding in ["identity", "Identity", "", "identity, identity"] {
            let request = client.post(path).header("content-encoding", encoding);
            request
                .text(body.clone())
                .header("content-type", content_type)
                .await
                .expect_text("ann");
        }
    }
    // Without a body there is nothing to decode.
    client.post("/optional").header("content-encoding", "gzip").await.expect_text("false");
}

#[trine::test]
async fn a_layer_that_decodes_the_body_removes_the_field() {
    let client = client().await;
    for (path, content_type, body) in cases() {
        let request = client.post(format!("/decoded{path}")).header("content-type", content_type);
        let answer = request.header("content-encoding", "gzip").bytes(gzip(&body)).await;
        answer.expect_status(200).expect_text("ann");
    }
    // The layer itself refuses an encoding that it cannot decode.
    let unknown = client.post("/decoded/text").header("content-encoding", "br").text("x").await;
    unknown.expect_status(415).expect_header("accept-encoding", "gzip");
}

#[trine::test]
async fn a_raw_body_is_passed_on_encoded() {
    let client = client().await;
    let encoded = gzip("ann");
    for path in ["/bytes", "/raw"] {
        let answer =
            client.post(path).header("content-encoding", "gzip").bytes(encoded.clone()).await;
        assert_eq!(
            (answer.status().as_u16(), answer.bytes()),
            (200, Bytes::from(encoded.clone())),
            "{path}"
        );
    }
    let answer = client.post("/raw").header("content-encoding", "gzip").bytes(encoded).await;
    answer.expect_header("x-encoding", "gzip");
}
