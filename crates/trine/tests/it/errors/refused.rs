//! What a catcher sees of a request that a guard or a layer refused, and what happens to its
//! response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tower::timeout::TimeoutLayer;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use trine::config::{Config, Profile};
use trine::prelude::*;
use trine::testing::TestClient;
use trine::{Axum, BoxError, Cached, ConnInfo, Redirect, guard};

use super::log::Lines;

/// Refuses every request.
struct Member;

impl FromRequest for Member {
    type Reads = Head;

    async fn from_request(_: &mut Cx) -> Result<Self, Rejection> {
        Err(Problem::unauthorized("sign in first").into())
    }
}

async fn refuses(_request: Request, _next: Next) -> Problem {
    Problem::unauthorized("sign in first")
}

async fn extracts(_: Member, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// A Tower service that answers with a problem.
async fn tower_problem(_: Request) -> Result<Response, BoxError> {
    Ok(Problem::unauthorized("sign in first").into_response())
}

async fn members() -> &'static str {
    "members"
}

async fn slow() {
    std::future::pending::<()>().await;
}

/// A redirect with a message in the session, and a cookie.
async fn to_login(
    Axum(session): Axum<Session>,
    mut cookies: Cookies,
    conn: Option<ConnInfo>,
    problem: Caught,
) -> trine::Result<(Cookies, Redirect)> {
    let detail = problem.detail_text().unwrap_or("too slow");
    session.insert("flash", format!("{detail}, {}", conn.is_some())).await?;
    cookies.add(("back", "members"));
    Ok((cookies, Redirect::to("/login")))
}

async fn login(Axum(session): Axum<Session>) -> trine::Result<String> {
    Ok(session.remove::<String>("flash").await?.unwrap_or_else(|| "no flash".to_owned()))
}

fn sessions() -> SessionManagerLayer<MemoryStore> {
    SessionManagerLayer::new(MemoryStore::default()).with_secure(false)
}

/// Every way to refuse a request, each under a path of its own that has no sessions.
fn refusals() -> Vec<(&'static str, Group)> {
    let answering = tower::layer::layer_fn(|_: Next| tower::service_fn(tower_problem));
    vec![
        ("guard", Group::at("/guard").guard::<Member>().route("/", get(members))),
        ("route", Group::at("/route").route("/", get(members).layer(guard::<Member>()))),
        (
            "middleware",
            Group::at("/middleware").layer(middleware(refuses)).route("/", get(members)),
        ),
        ("extractor", Group::at("/extractor").layer(middleware(extracts)).route("/", get(members))),
        ("tower", Group::at("/tower").layer(answering).route("/", get(members))),
        (
            "error",
            Group::at("/error")
                .layer(TimeoutLayer::new(Duration::from_millis(5)))
                .route("/", get(slow)),
        ),
        ("handler", Group::at("/handler").route("/", get(async |_: Member| "never"))),
    ]
}

async fn flashes(client: &TestClient, path: &str) {
    let answer = client.get(path).await;
    answer.expect_status(303).expect_header("location", "/login");
    assert_eq!(client.cookie("back").as_deref(), Some("members"), "{path}");
    let flash = client.get("/login").await.text();
    assert!(flash == "sign in first, true" || flash == "too slow, true", "{path}: {flash}");
    // The message was shown once and is gone.
    client.get("/login").await.expect_text("no flash");
}

/// The named groups, inside of a group with the sessions and the catcher, and inside of an
/// application with both.
fn nested(dev: bool) -> [App; 3] {
    let config = || {
        let mut config = Config::default();
        config.profile = if dev { Profile::Dev } else { Profile::Prod };
        config
    };
    let group = || refusals().into_iter().fold(Group::at(""), |all, (_, group)| all.group(group));
    let inside = group().layer(sessions()).route("/login", get(login)).catch(.., to_login);
    let apart = Group::at("")
        .layer(sessions())
        .group(group().catch(.., to_login))
        .route("/login", get(login));
    let outer =
        App::new().layer(sessions()).group(group()).route("/login", get(login)).catch(.., to_login);
    [App::new().group(inside), App::new().group(apart), outer].map(|app| app.config(config()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_with_a_flash_message_works_after_any_refusal() {
    for dev in [false, true] {
        for app in nested(dev) {
            let server = app.test_server().await;
            for (name, _) in refusals() {
                flashes(server.client(), &format!("/{name}")).await;
            }
            server.stop().await;
        }
    }
}

#[trine::test]
async fn a_catcher_works_in_the_same_scope_as_the_session() {
    let app = App::new()
        .layer(sessions())
        .layer(guard::<Open>())
        .layer(middleware(lets_in))
        .catch(401, to_login_too);
    let client = app.route("/login", get(login)).route("/members", get(members)).test().await;
    client.get("/members").await.expect_status(303);
    client.get("/login").await.expect_text("sign in first");
}

async fn to_login_too(Axum(session): Axum<Session>, problem: Caught) -> trine::Result<Redirect> {
    session.insert("flash", problem.detail_text().unwrap_or_default()).await?;
    Ok(Redirect::to("/login"))
}

/// Accepts every request.
struct Open;

impl FromRequest for Open {
    type Reads = Head;

    async fn from_request(_: &mut Cx) -> Result<Self, Rejection> {
        Ok(Open)
    }
}

async fn lets_in(uri: Uri, request: Request, next: Next) -> Result<Response, Problem> {
    match uri.path() {
        "/login" => Ok(next.run(request).await),
        _ => Err(Problem::unauthorized("sign in first")),
    }
}

struct Asked(AtomicUsize);

/// Counts how often it was extracted.
struct Visitor(usize);

impl FromRequest for Visitor {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Visitor(cx.state::<Asked>()?.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

#[trine::test]
async fn cached_values_are_not_made_again() {
    async fn known(visitor: Cached<Visitor>, _: Caught) -> String {
        format!("visitor {}", visitor.0)
    }
    async fn caching(visitor: Cached<Visitor>, _request: Request, _next: Next) -> Problem {
        Problem::forbidden(format!("visitor {} may not", visitor.0))
    }
    async fn takes(_: Cached<Visitor>, _: Request) -> Problem {
        Problem::forbidden("not you")
    }
    let guarded =
        Group::at("/guard").guard::<Cached<Visitor>>().guard::<Member>().route("/", get(members));
    let apart = Group::at("/apart")
        .guard::<Cached<Visitor>>()
        .group(Group::at("/in").layer(middleware(refuses)).route("/", get(members)));
    let middle = Group::at("/middleware").layer(middleware(caching)).route("/", get(members));
    let app =
        App::new().state(Asked(AtomicUsize::new(0))).group(guarded).group(apart).group(middle);
    let client = app.route("/taken", get(takes)).catch(.., known).test().await;
    for (at, path) in ["/guard", "/apart/in", "/middleware", "/taken"].into_iter().enumerate() {
        client.get(path).await.expect_text(&format!("visitor {}", at + 1));
    }
}

#[trine::test]
async fn outer_layers_see_the_response_of_the_catcher() {
    async fn stamps(request: Request, next: Next) -> Response {
        let mut answer = next.run(request).await;
        let length = answer.headers().get("content-type").cloned();
        answer.headers_mut().extend(length.map(|value| (HeaderName::from_static("x-saw"), value)));
        answer
    }
    let group =
        Group::at("/g").layer(middleware(stamps)).guard::<Member>().route("/", get(members));
    let client = App::new().group(group.catch(401, async || Html("page"))).test().await;
    client.get("/g").await.expect_status(401).expect_header("x-saw", "text/html; charset=utf-8");
}

#[trine::test]
async fn catchers_of_an_inner_group_do_not_handle_an_outer_guard() {
    let inner = Group::at("/in").route("/", get(members)).catch(.., async || "inner");
    let outer = Group::at("/out").guard::<Member>().group(inner).catch(.., async || "outer");
    let client = App::new().group(outer).test().await;
    client.get("/out/in").await.expect_status(401).expect_text("outer");
}

#[trine::test]
async fn outer_catchers_do_not_handle_a_mounted_application() {
    let inner = App::new().layer(guard::<Member>()).route("/", get(members)).build().await.unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let catcher = move || {
        let count = Arc::clone(&count);
        async move { (HeaderMap::new(), count.fetch_add(1, Ordering::Relaxed).to_string()) }
    };
    let app = App::new().layer(guard::<Open>()).mount("/inner", inner).catch(.., catcher);
    app.test().await.get("/inner").await.expect_status(401).expect_text("0");
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[trine::test]
async fn a_catcher_that_fails_panics_or_is_refused_falls_back() {
    async fn plain(_: Caught) -> (StatusCode, &'static str) {
        (StatusCode::INTERNAL_SERVER_ERROR, "the catcher is broken")
    }
    // Without a session layer, axum's extractor rejects the request with its own response.
    async fn refused(_: Axum<Session>) -> &'static str {
        "never"
    }
    async fn panics(_: Caught) -> &'static str {
        panic!("in the catcher")
    }
    let (lines, _guard) = Lines::start();
    let group = |path: &str| Group::at(path).guard::<Member>().route("/", get(members));
    let app = App::new()
        .group(group("/plain").catch(401, plain))
        .group(group("/refused").catch(401, refused))
        .group(group("/panics").catch(401, panics))
        .group(Group::at("/handler").route("/", get(async |_: Member| "never")).catch(401, panics));
    let client = app.test().await;
    for path in ["/plain", "/refused", "/panics", "/handler"] {
        let before = lines.count("ERROR");
        let answer = client.get(path).await;
        answer.expect_problem(401);
        assert_eq!(answer.json::<Value>()["detail"], "sign in first", "{path}");
        assert_eq!(lines.count("ERROR"), before + 1, "{path}: {}", lines.text());
    }
    assert_eq!(lines.count(": in the catcher"), 2, "{}", lines.text());
}

#[trine::test]
async fn a_server_error_may_be_sent_with_another_5xx_status() {
    async fn fails() -> trine::Result<()> {
        Err(std::io::Error::other("no space"))?
    }
    let busy = async || (StatusCode::SERVICE_UNAVAILABLE, "back soon");
    let client = App::new().route("/", get(fails)).catch(500, busy).test().await;
    client.get("/").await.expect_status(503).expect_text("back soon");
}
