//! `?` on any error in a handler.

use std::io;

use serde_json::Value;
use trine::prelude::*;

use super::log::Lines;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[derive(Debug, Problem)]
#[problem(status = 404, detail = "no todo has the id {id}")]
struct NoTodo {
    id: u32,
}

#[derive(Debug, Problem, thiserror::Error)]
#[error("gone")]
#[problem(status = 410)]
struct Forgotten;

async fn disk() -> trine::Result<String> {
    Err(io::Error::other("/etc/secret cannot be read"))?
}

async fn context() -> trine::Result<String> {
    Err::<String, _>(io::Error::other("no space"))
        .context("writing")
        .with_context(|| format!("todo {}", 7))
}

async fn text() -> trine::Result<()> {
    None.context("the table is empty")
}

async fn problem() -> trine::Result<()> {
    Err(Problem::conflict("taken").with("by", "ann")).context("registering")
}

async fn derived() -> trine::Result<()> {
    Err(NoTodo { id: 7 })?
}

async fn derived_with_context() -> trine::Result<()> {
    Err(NoTodo { id: 7 }).context("looking it up")
}

async fn forgotten() -> trine::Result<()> {
    Err(Forgotten)?
}

fn app() -> App {
    App::new()
        .route("/disk", get(disk))
        .route("/context", get(context))
        .route("/text", get(text))
        .route("/problem", get(problem))
        .route("/derived", get(derived))
        .route("/derived-with-context", get(derived_with_context))
        .route("/forgotten", get(forgotten))
}

#[trine::test]
async fn any_error_is_a_500_that_only_the_log_explains() {
    let (lines, _guard) = Lines::start();
    let client = app().test().await;
    for accept in ["*/*", "text/html", "text/markdown", "text/plain"] {
        let answer = client.get("/disk").header("accept", accept).await;
        assert_eq!(answer.status(), 500);
        assert!(
            !answer.text().contains("secret") && !answer.text().contains("cannot"),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains(".rs"), "{}", answer.text());
    }
    assert_eq!(lines.count("/etc/secret cannot be read"), 4, "{}", lines.text());
}

#[trine::test]
async fn the_trace_id_is_in_the_response_and_the_log() {
    let (lines, _guard) = Lines::start();
    let client = app().test().await;
    let body: Value = client.get("/disk").await.json();
    let random = body["trace_id"].as_str().unwrap();
    assert!(random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit()), "{random}");
    assert_eq!(lines.count(random), 1, "{}", lines.text());
    assert_ne!(client.get("/disk").await.json::<Value>()["trace_id"], random);

    let body: Value = client.get("/disk").header("traceparent", PARENT).await.json();
    assert_eq!(body["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(lines.count("4bf92f3577b34da6a3ce929d0e0e4736"), 1, "{}", lines.text());
    let page = client
        .get("/disk")
        .header("traceparent", PARENT)
        .header("accept", "text/html")
        .await
        .text();
    assert!(page.contains("Trace id: 4bf92f3577b34da6a3ce929d0e0e4736"), "{page}");

    // An invalid trace id never reaches the page.
    let body: Value = client.get("/disk").header("traceparent", "00-<b>-x-01").await.json();
    assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
    // Client errors have no trace id.
    assert_eq!(client.get("/problem").await.json::<Value>().get("trace_id"), None);
}

#[trine::test]
async fn context_is_logged_and_never_sent() {
    let (lines, _guard) = Lines::start();
    let client = app().test().await;
    let answer = client.get("/context").await;
    assert_eq!(answer.status(), 500);
    assert!(!answer.text().contains("todo") && !answer.text().contains("writing"));
    assert_eq!(
        lines.count("500 Internal Server Error: todo 7: writing: no space"),
        1,
        "{}",
        lines.text()
    );
    client.get("/text").await.expect_status(500);
    assert_eq!(lines.count("500 Internal Server Error: the table is empty"), 1, "{}", lines.text());
}

#[trine::test]
async fn a_problem_inside_stays_that_problem() {
    let (lines, _guard) = Lines::start();
    let client = app().test().await;
    let answer = client.get("/problem").await;
    assert_eq!(answer.status(), 409);
    let body: Value = answer.json();
    assert_eq!((&body["detail"], &body["by"]), (&Value::from("taken"), &Value::from("ann")));
    assert_eq!(lines.count("409 Conflict: taken: registering"), 1, "{}", lines.text());
    for path in ["/derived", "/derived-with-context"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.json::<Value>()["detail"], "no todo has the id 7");
    }
    assert_eq!(lines.count("no todo has the id 7: looking it up"), 1, "{}", lines.text());
    // This error loses its type, as its documentation says.
    client.get("/forgotten").await.expect_status(500);
}

#[test]
fn an_error_has_its_location_and_its_causes() {
    fn fails() -> trine::Result {
        Err(io::Error::other("no space"))?
    }
    let line = line!() - 2;
    let error = fails().unwrap_err().context("writing");
    assert_eq!((error.location().file(), error.location().line()), (file!(), line));
    assert_eq!(error.downcast_ref::<io::Error>().unwrap().to_string(), "no space");
    assert_eq!(format!("{error}"), "writing");
    assert_eq!(format!("{error:#}"), "writing\n  because no space");
    assert!(trine::Error::new("a text").downcast_ref::<io::Error>().is_none());
}

#[trine::test]
async fn the_error_of_a_layer_is_rendered_in_an_accepted_format() {
    async fn slow() {
        std::future::pending::<()>().await;
    }
    let (lines, _guard) = Lines::start();
    let timeout = tower::timeout::TimeoutLayer::new(std::time::Duration::from_millis(5));
    let client = App::new().route("/", get(slow).layer(timeout)).test().await;
    let answer = client.get("/").header("accept", "text/html").header("traceparent", PARENT).await;
    answer.expect_status(504).expect_header("content-type", "text/html; charset=utf-8");
    assert!(answer.text().contains("4bf92f3577b34da6a3ce929d0e0e4736"), "{}", answer.text());
    assert_eq!(lines.count("504 Gateway Timeout"), 1, "{}", lines.text());
}
