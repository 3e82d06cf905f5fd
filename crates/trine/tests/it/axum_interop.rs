//! Extractors and middleware that were written for axum in Trine handlers, and Trine's in axum
//! handlers: axum-extra, tower-sessions and axum-valid.

#![cfg(feature = "axum")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::ConnectInfo;
use axum::routing::{get as axum_get, post as axum_post};
use axum_extra::TypedHeader as AxumHeader;
use axum_extra::extract::cookie::{Cookie, Key};
use axum_extra::extract::{CookieJar, PrivateCookieJar};
use axum_extra::headers::UserAgent;
use axum_valid::Garde;
use serde_json::json;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use trine::prelude::*;
use trine::testing::TestClient;
use trine::{Axum, AxumBody, AxumWith, Trine};

use crate::common;

#[derive(serde::Deserialize, garde::Validate)]
struct Signup {
    #[garde(length(min = 3))]
    name: String,
}

#[derive(Debug)]
struct Motto(&'static str);

/// The state of an axum router, and an axum extractor that needs it.
#[derive(Clone)]
struct Prefix(&'static str);

struct Prefixed(String);

impl axum::extract::FromRequestParts<Prefix> for Prefixed {
    type Rejection = axum::http::StatusCode;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &Prefix,
    ) -> Result<Self, Self::Rejection> {
        Ok(Prefixed(format!("{}{}", state.0, parts.uri.path())))
    }
}

async fn visit(
    Axum(jar): Axum<CookieJar>,
    Axum(agent): Axum<AxumHeader<UserAgent>>,
) -> Axum<(CookieJar, String)> {
    let times: u32 = jar.get("times").map_or(0, |cookie| cookie.value().parse().unwrap()) + 1;
    Axum((jar.add(Cookie::new("times", times.to_string())), format!("{} {times}", agent.0)))
}

async fn count(Axum(session): Axum<Session>) -> String {
    let times = session.get::<u32>("times").await.unwrap().unwrap_or(0) + 1;
    session.insert("times", times).await.unwrap();
    times.to_string()
}

async fn sign_up(
    AxumBody(Garde(axum::Json(signup))): AxumBody<Garde<axum::Json<Signup>>>,
) -> String {
    signup.name
}

async fn prefixed(
    prefixed: AxumWith<Prefixed, Prefix>,
    Axum(agent): Axum<Option<AxumHeader<UserAgent>>>,
) -> String {
    format!("{} {}", prefixed.0.0, agent.is_some())
}

fn app() -> App {
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    App::new()
        .state(Prefix("at "))
        .route("/visit", get(visit))
        .route("/sign-up", post(sign_up))
        .route("/prefixed", get(prefixed))
        .group(Group::at("/session").layer(sessions).route("/count", get(count)))
}

#[tokio::test]
async fn axum_extra_reads_and_sets_cookies_in_trine_handlers() {
    let client = app().test().await;
    client.get("/visit").header("user-agent", "tests").await.expect_text("tests 1");
    client.get("/visit").header("user-agent", "tests").await.expect_text("tests 2");
    assert_eq!(client.cookie("times").as_deref(), Some("2"));
    // This is axum-extra's own rejection.
    client
        .get("/visit")
        .await
        .expect_status(400)
        .expect_text("Header of type `user-agent` was missing");
}

#[tokio::test]
async fn tower_sessions_keeps_a_session_under_its_layer() {
    let client = app().test().await;
    for times in ["1", "2", "3"] {
        client.get("/session/count").await.expect_text(times);
    }
    client.another().get("/session/count").await.expect_text("1");
}

#[tokio::test]
async fn axum_valid_checks_a_body() {
    let client = app().test().await;
    client.post("/sign-up").json(&json!({ "name": "Ann" })).await.expect_text("Ann");
    client
        .post("/sign-up")
        .json(&json!({ "name": "A" }))
        .await
        .expect_status(400)
        .expect_text_contains("name");
    client.post("/sign-up").text("Ann").await.expect_status(415);
}

#[tokio::test]
async fn the_body_limit_of_the_route_applies() {
    let client = app().body_limit(3_000_000).test().await;
    let long = "a".repeat(2_500_000);
    client.post("/sign-up").json(&json!({ "name": long })).await.expect_status(200);
    let client = app().body_limit(100).test().await;
    client.post("/sign-up").json(&json!({ "name": "a".repeat(200) })).await.expect_problem(413);
}

#[tokio::test]
async fn an_extractor_gets_the_state_it_needs() {
    app().test().await.get("/prefixed").await.expect_text("at /prefixed false");
    let audit = App::new().route("/prefixed", get(prefixed)).build().await.unwrap_err().to_string();
    assert!(audit.contains("Prefix"), "{audit}");
}

async fn motto(
    Trine(motto): Trine<State<Motto>>,
    axum::extract::Path(name): axum::extract::Path<String>,
) -> String {
    format!("{name}: {}", motto.0.0)
}

async fn read(Trine(Json(signup)): Trine<Json<Signup>>) -> Trine<Result<Html<String>, Problem>> {
    Trine(if signup.name.is_empty() {
        Err(Problem::new(StatusCode::CONFLICT))
    } else {
        Ok(Html(signup.name))
    })
}

/// Uses extractors of both frameworks. Each sees what the other has changed, including the session
/// of the layer.
async fn mixed(
    Trine(method): Trine<Method>,
    session: Session,
    Trine(cookies): Trine<Cookies>,
) -> String {
    session.insert("seen", true).await.unwrap();
    format!("{method} {}", cookies.get("name").unwrap_or("nobody"))
}

fn router() -> axum::Router {
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    axum::Router::new()
        .route("/motto/{name}", axum_get(motto))
        .route("/read", axum_post(read))
        .route("/mixed", axum_get(mixed).layer(sessions))
}

#[tokio::test]
async fn trine_extractors_in_a_mounted_router_use_the_applications_state() {
    let client = App::new().state(Motto("step by step")).mount("/old", router()).test().await;
    client.get("/old/motto/Ann").await.expect_text("Ann: step by step");
    client.get("/old/mixed").cookie("name", "Ann").await.expect_text("GET Ann");
    let read = client.post("/old/read").json(&json!({ "name": "Ann" })).await;
    read.expect_text("Ann").expect_header("content-type", "text/html; charset=utf-8");
    client.post("/old/read").json(&json!({ "name": "" })).await.expect_problem(409);
    let refused = client.post("/old/read").header("accept", "text/html").text("x").await;
    refused.expect_status(415);
    assert!(refused.header("content-type").unwrap().starts_with("text/html"), "{refused:?}");
    client.post("/old/read").text("x").await.expect_problem(415);
}

#[tokio::test]
async fn trine_extractors_in_a_mounted_router_have_a_body_limit() {
    let client = App::new().mount("/old", router()).test().await;
    client
        .post("/old/read")
        .json(&json!({ "name": "a".repeat(3_000_000) }))
        .await
        .expect_problem(413);
}

#[tokio::test]
async fn outside_an_application_the_missing_state_is_named() {
    let client = TestClient::new(router());
    client.post("/read").json(&json!({ "name": "Ann" })).await.expect_text("Ann");
    client.post("/read").json(&json!({ "name": "a".repeat(3_000_000) })).await.expect_problem(413);
    client.get("/motto/Ann").await.expect_problem(500);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_directions_work_over_a_socket() {
    let running = common::start(app().state(Motto("step by step")).mount("/old", router())).await;
    let client = reqwest::Client::new();
    let signed_up =
        client.post(running.url("/sign-up")).json(&json!({ "name": "Ann" })).send().await.unwrap();
    assert_eq!(signed_up.text().await.unwrap(), "Ann");
    let first = client.get(running.url("/session/count")).send().await.unwrap();
    let cookie =
        first.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let second =
        client.get(running.url("/session/count")).header("cookie", cookie).send().await.unwrap();
    assert_eq!(second.text().await.unwrap(), "2");
    let old = client.get(running.url("/old/motto/Ann")).send().await.unwrap();
    assert_eq!(old.text().await.unwrap(), "Ann: step by step");
    running.stop().await;
}

#[derive(Debug)]
struct AppError(&'static str);

impl axum::response::IntoResponse for AppError {
    fn into_response(self) -> axum::response::Response {
        axum::response::IntoResponse::into_response((axum::http::StatusCode::IM_A_TEAPOT, self.0))
    }
}

fn brew(what: &str) -> Result<String, AppError> {
    if what == "tea" { Ok(what.to_owned()) } else { Err(AppError("only tea")) }
}

#[tokio::test]
async fn a_question_mark_converts_an_axum_error_into_a_response() {
    async fn pot(what: Path<String>) -> Result<String, Axum<AppError>> {
        Ok(brew(&what)?)
    }
    let client = App::new().route("/{what}", get(pot)).test().await;
    client.get("/tea").await.expect_text("tea");
    client.get("/coffee").await.expect_status(418).expect_text("only tea");
}

/// An axum response part that fails to convert.
struct Unsendable;

impl axum::response::IntoResponseParts for Unsendable {
    type Error = (axum::http::StatusCode, &'static str);

    fn into_response_parts(
        self,
        _: axum::response::ResponseParts,
    ) -> Result<axum::response::ResponseParts, Self::Error> {
        Err((axum::http::StatusCode::INSUFFICIENT_STORAGE, "no room"))
    }
}

#[tokio::test]
async fn axum_response_parts_combine_with_trine_responders() {
    async fn log_in(jar: AxumWith<PrivateCookieJar, Key>) -> (Axum<PrivateCookieJar>, Redirect) {
        (Axum(jar.0.add(Cookie::new("name", "Ann"))), Redirect::to("/name"))
    }
    async fn name(jar: AxumWith<PrivateCookieJar, Key>) -> Option<String> {
        Some(jar.get("name")?.value().to_owned())
    }
    async fn parts() -> impl IntoResponse {
        let fields = Axum([("x-a", "1"), ("set-cookie", "b=2")]);
        (StatusCode::CREATED, [("x-a", "0"), ("set-cookie", "a=1")], fields, "text")
    }
    async fn unsendable() -> impl IntoResponse {
        (StatusCode::CREATED, Axum(Unsendable), "secret")
    }
    let app = App::new()
        .state(Key::generate())
        .route("/log-in", post(log_in))
        .route("/name", get(name))
        .route("/parts", get(parts))
        .route("/unsendable", get(unsendable));
    let client = app.test().await;
    client.post("/log-in").await.expect_status(303).expect_header("location", "/name");
    client.get("/name").await.expect_text("Ann");
    let parts = client.get("/parts").await;
    parts.expect_status(201).expect_text("text").expect_header("x-a", "1");
    client.get("/unsendable").await.expect_problem(507);
}

/// Handlers of a mounted router used to fail with 500, because the server left no `ConnectInfo`.
#[tokio::test(flavor = "multi_thread")]
async fn axum_finds_the_address_of_the_peer() {
    async fn theirs(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
        peer.to_string()
    }
    async fn ours(
        Axum(ConnectInfo(peer)): Axum<ConnectInfo<SocketAddr>>,
        conn: ConnInfo,
    ) -> String {
        assert_eq!(conn.peer, Some(peer));
        peer.to_string()
    }
    async fn client(Trine(client): Trine<trine::extract::Client>) -> String {
        client.address.unwrap().to_string()
    }
    let router =
        axum::Router::new().route("/peer", axum_get(theirs)).route("/client", axum_get(client));
    let trusted = trine::config::Config::read("trusted_proxies = '127.0.0.1'", []).unwrap();
    let app = App::new().config(trusted).route("/ours", get(ours)).mount("/old", router);
    let running = common::start(app).await;
    for (path, expected) in
        [("/old/peer", "127.0.0.1:"), ("/ours", "127.0.0.1:"), ("/old/client", "203.0.113.7")]
    {
        let ask =
            reqwest::Client::new().get(running.url(path)).header("x-forwarded-for", "203.0.113.7");
        let answer = ask.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.starts_with(expected), "{path}: {text}");
    }
    running.stop().await;
}

#[tokio::test]
async fn cookies_that_an_axum_handler_changes_are_set_if_returned() {
    async fn visit(
        Trine(mut cookies): Trine<Cookies>,
        Trine(mut again): Trine<Cookies>,
    ) -> Trine<(Cookies, String)> {
        cookies.add(("a", "1"));
        again.add(("b", "2"));
        Trine((cookies, "page".to_owned()))
    }
    let client =
        App::new().mount("/old", axum::Router::new().route("/visit", axum_get(visit))).test().await;
    let answer = client.get("/old/visit").await;
    assert_eq!(answer.expect_text("page").headers().get_all("set-cookie").iter().count(), 2);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn cookies_that_an_axum_handler_does_not_return_are_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _default = tracing::subscriber::set_default(subscriber);
    async fn visit(Trine(mut cookies): Trine<Cookies>) -> &'static str {
        cookies.add(("a", "1"));
        "page"
    }
    let client =
        App::new().mount("/old", axum::Router::new().route("/visit", axum_get(visit))).test().await;
    assert!(client.get("/old/visit").await.header("set-cookie").is_none());
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(told.contains("the change to the cookie `a` is lost: in an axum handler"), "{told}");
}
