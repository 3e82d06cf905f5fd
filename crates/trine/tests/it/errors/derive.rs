//! `#[derive(Problem)]`.

use std::error::Error as _;
use std::io;

use serde_json::{Value, json};
use trine::prelude::*;

use super::log::Lines;

#[derive(Debug, Problem)]
enum ArticleError {
    #[problem(status = 404, detail = "no article has the slug {slug:?}, {{sorry}}")]
    NotFound {
        #[problem(member)]
        slug: String,
    },
    #[problem(status = 403, type = "https://example.com/not-yours", title = "Not your article")]
    NotYours,
    #[problem(
        status = 401,
        header("WWW-Authenticate", "Bearer"),
        header("retry-after", "5"),
        absent
    )]
    NoToken,
    #[problem(status = 409, detail = "version {0} is older than {1:>4}")]
    Stale(u32, #[problem(member = "current")] u32),
    #[problem(status = 500)]
    Disk(#[from] io::Error),
    #[problem(status = 502)]
    Upstream { host: &'static str, source: trine::BoxError },
    #[problem(transparent)]
    Inner(InnerError),
    #[problem(transparent)]
    Other(Problem),
}

#[derive(Debug, Problem)]
#[problem(status = 503, detail = "the queue holds {length} jobs", header("retry-after", "1"))]
struct InnerError {
    #[problem(member)]
    length: usize,
}

async fn told(error: ArticleError) -> (u16, Value) {
    let slot = std::sync::Arc::new(std::sync::Mutex::new(Some(error)));
    let app = App::new().route(
        "/",
        get(move || {
            let error = slot.lock().unwrap().take().unwrap();
            async move { Err::<(), _>(error) }
        }),
    );
    let answer = app.test().await.get("/").await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    (answer.status().as_u16(), answer.json())
}

/// A type may have a name that the derive's expansion uses too.
#[derive(Debug, Problem)]
#[problem(status = 418, detail = "{0}")]
struct Derived(u8);

async fn derived() -> trine::Result<()> {
    Err(Derived(7))?
}

#[trine::test]
async fn a_type_may_have_any_name() {
    let client = App::new().route("/", get(derived)).test().await;
    let problem: Value = client.get("/").await.expect_status(418).json();
    assert_eq!(problem["detail"], "7");
}

#[trine::test]
async fn only_fields_that_a_text_or_a_member_names_are_shown() {
    let (status, body) = told(ArticleError::NotFound { slug: "a\"b".to_owned() }).await;
    assert_eq!(status, 404);
    let detail = r#"no article has the slug "a\"b", {sorry}"#;
    let title = "Not Found";
    assert_eq!(
        body,
        json!({ "type": "about:blank", "title": title, "status": 404, "detail": detail, "slug": "a\"b" })
    );
    let (status, body) = told(ArticleError::Stale(1, 12)).await;
    assert_eq!(
        (status, &body["detail"], &body["current"]),
        (409, &json!("version 1 is older than   12"), &json!(12))
    );
    assert_eq!(body.as_object().unwrap().len(), 5);
}

#[trine::test]
async fn title_type_and_header_fields_are_sent() {
    let (status, body) = told(ArticleError::NotYours).await;
    assert_eq!(status, 403);
    let uri = "https://example.com/not-yours";
    assert_eq!(body, json!({ "type": uri, "title": "Not your article", "status": 403 }));
    let problem = Problem::from(ArticleError::NoToken);
    assert!(problem.is_absent());
    assert_eq!(problem.headers()["www-authenticate"], "Bearer");
    assert_eq!(problem.headers()["retry-after"], "5");
}

#[trine::test]
async fn unnamed_fields_stay_secret_and_are_logged() {
    let (lines, _guard) = Lines::start();
    let (status, body) = told(ArticleError::Disk(io::Error::other("/secret/path is full"))).await;
    assert_eq!(status, 500);
    assert!(!body.to_string().contains("secret"), "{body}");
    assert_eq!(lines.count("ArticleError::Disk: /secret/path is full"), 1, "{}", lines.text());
    let upstream =
        ArticleError::Upstream { host: "10.0.0.7", source: "it said secret things".into() };
    let (status, body) = told(upstream).await;
    assert_eq!(status, 502);
    assert!(
        !body.to_string().contains("secret") && !body.to_string().contains("10.0.0.7"),
        "{body}"
    );
    assert!(lines.text().contains("10.0.0.7") && lines.text().contains("it said secret things"));
}

#[trine::test]
async fn transparent_passes_on_the_problem_of_its_field() {
    let (status, body) = told(ArticleError::Inner(InnerError { length: 7 })).await;
    assert_eq!((status, &body["length"]), (503, &json!(7)));
    assert_eq!(body["detail"], "the queue holds 7 jobs");
    let other = Problem::conflict("taken").with("by", "ann");
    let (status, body) = told(ArticleError::Other(other)).await;
    assert_eq!((status, &body["by"], body.get("trace_id")), (409, &json!("ann"), None));
}

#[test]
fn a_derived_problem_is_an_error_with_a_text_and_a_source() {
    let stale = ArticleError::Stale(1, 2);
    assert_eq!(stale.to_string(), "version 1 is older than    2");
    assert_eq!(ArticleError::NotYours.to_string(), "Not your article");
    let disk = ArticleError::from(io::Error::other("full"));
    assert_eq!(disk.to_string(), "ArticleError::Disk");
    assert_eq!(disk.source().unwrap().to_string(), "full");
    assert!(stale.source().is_none());
    let inner = ArticleError::Inner(InnerError { length: 1 });
    assert_eq!(inner.to_string(), "the queue holds 1 jobs");
    let problem = Problem::from(disk);
    assert!(matches!(problem.error::<ArticleError>(), Some(ArticleError::Disk(_))));
    assert_eq!(problem.error::<io::Error>().unwrap().to_string(), "full");
    assert_eq!(problem.made_at().file(), file!());
}

#[derive(Debug, Problem, thiserror::Error)]
enum Beside {
    #[error("no {what} of the id {id}")]
    #[problem(status = 404, detail = "no such {what}")]
    Missing { what: &'static str, id: u32 },
    #[error(transparent)]
    #[problem(status = 500)]
    Io(#[from] io::Error),
    #[error("the number")]
    #[problem(status = 422)]
    Number(#[source] std::num::ParseIntError),
}

#[derive(Debug, Problem)]
#[problem(status = 418, detail = "{0}", own_error)]
struct Own(&'static str);

impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("in my own words")
    }
}

impl std::error::Error for Own {}

#[trine::test]
async fn thiserror_and_hand_written_errors_keep_their_texts() {
    async fn missing() -> Result<(), Beside> {
        Err(Beside::Missing { what: "car", id: 7 })
    }
    async fn number() -> Result<(), Beside> {
        "x".parse::<u8>().map(drop).map_err(Beside::Number)
    }
    async fn disk() -> Result<(), Beside> {
        Err(io::Error::other("full"))?
    }
    async fn own() -> Own {
        Own("a pot")
    }
    let (lines, _guard) = Lines::start();
    let routes = App::new().route("/missing", get(missing)).route("/number", get(number));
    let client = routes.route("/disk", get(disk)).route("/own", get(own)).test().await;
    let answer = client.get("/missing").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.json::<Value>()["detail"]),
        (404, &json!("no such car"))
    );
    assert_eq!(
        lines.count("404 Not Found: no such car: no car of the id 7"),
        1,
        "{}",
        lines.text()
    );
    client.get("/number").await.expect_status(422);
    assert_eq!(lines.count("the number: invalid digit"), 1, "{}", lines.text());
    client.get("/disk").await.expect_status(500);
    let own: Value = client.get("/own").await.expect_status(418).json();
    assert_eq!(own["detail"], "a pot");
    assert_eq!(lines.count("a pot: in my own words"), 1, "{}", lines.text());
}

/// An extractor that fails with a derived problem. `?` converts the problem into a rejection.
struct Token;

impl FromRequest for Token {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        match cx.headers().get("authorization") {
            None => Err(ArticleError::NoToken)?,
            Some(_) => Err(ArticleError::NotYours)?,
        }
    }
}

#[trine::test]
async fn an_extractor_refuses_with_a_derived_problem() {
    async fn own(_: Token) {}
    async fn may(token: Option<Token>) -> String {
        token.is_some().to_string()
    }
    let client = App::new().route("/own", get(own)).route("/may", get(may)).test().await;
    client.get("/own").await.expect_status(401).expect_header("www-authenticate", "Bearer");
    client.get("/may").await.expect_status(200).expect_text("false");
    client.get("/may").header("authorization", "x").await.expect_status(403);
}
