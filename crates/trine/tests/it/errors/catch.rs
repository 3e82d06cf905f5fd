//! Catchers: which one is called, what it receives, and what happens to its response.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tower::timeout::TimeoutLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use trine::catch::Panic;
use trine::prelude::*;

use super::log::Lines;

#[derive(Debug, Problem)]
enum DbError {
    #[problem(status = 503, header("retry-after", "3"))]
    Down(#[from] io::Error),
    #[problem(status = 404, detail = "no row {0}")]
    NoRow(u32),
}

async fn down() -> Result<(), DbError> {
    Err(io::Error::other("refused"))?
}

async fn down_by_question_mark() -> trine::Result<()> {
    Err(DbError::Down(io::Error::other("refused"))).context("reading")
}

async fn no_row() -> Result<(), DbError> {
    Err(DbError::NoRow(7))
}

async fn taken() -> Problem {
    Problem::conflict("taken").with("by", "ann")
}

async fn fine() -> &'static str {
    "fine"
}

async fn number(Path(number): Path<u8>) -> String {
    number.to_string()
}

async fn echo(body: String) -> String {
    body
}

async fn by_app(problem: Caught) -> String {
    format!("app: {}", *problem)
}

async fn by_group(problem: Caught) -> String {
    format!("group: {}", *problem)
}

async fn by_class(problem: Caught) -> String {
    format!("class: {}", *problem)
}

async fn by_type(error: Caught<DbError>) -> String {
    match &*error {
        DbError::Down(cause) => {
            format!("down: {cause}, told as {}", error.problem().status().as_u16())
        }
        DbError::NoRow(id) => format!("no row {id}"),
    }
}

async fn by_cause(error: Caught<io::Error>) -> (StatusCode, String) {
    (StatusCode::BAD_GATEWAY, format!("io: {}", *error))
}

#[trine::test]
async fn a_catcher_is_chosen_by_type_then_status_then_range() {
    let app = App::new().route("/down", get(down)).route("/down-2", get(down_by_question_mark));
    let app =
        app.route("/no-row", get(no_row)).route("/taken", get(taken)).route("/fine", get(fine));
    let client = app
        .catch(.., by_app)
        .catch(400..=499, by_class)
        .catch(StatusCode::NOT_FOUND, by_group)
        .catch(catch::of::<DbError>(), by_type)
        .test()
        .await;
    client.get("/down").await.expect_status(503).expect_text("down: refused, told as 503");
    client.get("/down-2").await.expect_status(503).expect_text("down: refused, told as 503");
    client.get("/no-row").await.expect_status(404).expect_text("no row 7");
    client.get("/nowhere").await.expect_status(404);
    assert_eq!(
        client.get("/nowhere").await.text(),
        "group: 404 Not Found: no route matches `/nowhere`"
    );
    client.get("/taken").await.expect_status(409).expect_text("class: 409 Conflict: taken");
    client.get("/fine").await.expect_status(200).expect_text("fine");
}

#[trine::test]
async fn a_catcher_finds_a_cause_of_the_error_and_may_set_a_status() {
    let client =
        App::new().route("/", get(down)).catch(catch::of::<io::Error>(), by_cause).test().await;
    client.get("/").await.expect_status(502).expect_text("io: refused");
}

#[trine::test]
async fn the_innermost_catcher_goes_first_and_other_problems_pass_outward() {
    let inner = Group::at("/inner")
        .route("/taken", get(taken))
        .route("/no-row", get(no_row))
        .catch(404, by_group);
    let outer =
        Group::at("/outer").group(inner).route("/no-row", get(no_row)).catch(400..=499, by_class);
    let app = App::new().group(outer).route("/no-row", get(no_row)).catch(.., by_app);
    let client = app.test().await;
    client.get("/outer/inner/no-row").await.expect_text("group: 404 Not Found: no row 7");
    client.get("/outer/inner/taken").await.expect_text("class: 409 Conflict: taken");
    client.get("/outer/no-row").await.expect_text("class: 404 Not Found: no row 7");
    client.get("/no-row").await.expect_text("app: 404 Not Found: no row 7");
    // A path that no route has belongs to no group. A known path with another method belongs to its
    // group.
    assert!(client.get("/outer/inner/x").await.text().starts_with("app: 404"));
    assert!(client.post("/outer/inner/taken").await.text().starts_with("class: 405"));
    assert!(client.post("/no-row").await.text().starts_with("app: 405"));
}

#[trine::test]
async fn a_catcher_handles_built_in_problems_and_refusals_of_extractors() {
    let app = App::new().route("/n/{n}", get(number)).route("/echo", post(echo).limit(4));
    let client = app.catch(.., by_app).test().await;
    let texts = [
        (client.get("/nowhere").await, 404),
        (client.delete("/n/1").await, 405),
        (client.get("/%zz").await, 400),
        (client.get("/n/300").await, 400),
        (client.post("/echo").text("12345").await, 413),
    ];
    for (answer, status) in texts {
        assert!(
            answer.text().starts_with(&format!("app: {status} ")),
            "{status}: {}",
            answer.text()
        );
        answer.expect_status(status);
    }
    // The header fields of the problem are kept.
    assert_eq!(client.delete("/n/1").await.header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[trine::test]
async fn a_plain_response_with_an_error_status_is_left_alone() {
    async fn plain() -> (StatusCode, &'static str) {
        (StatusCode::NOT_FOUND, "my own page")
    }
    let client = App::new().route("/", get(plain)).catch(.., by_app).test().await;
    client.get("/").await.expect_status(404).expect_text("my own page");
}

#[trine::test]
async fn a_catcher_sees_the_head_of_a_consumed_request() {
    async fn takes(_request: Request) -> Result<(), DbError> {
        Err(DbError::NoRow(1))
    }
    async fn catcher(method: Method, uri: Uri, headers: HeaderMap, route: MatchedPath) -> String {
        format!("{method} {uri} {:?} {}", headers["x-name"], &*route)
    }
    let client = App::new().route("/{id}", post(takes)).catch(404, catcher).test().await;
    let answer = client.post("/7?a=b").header("x-name", "ann").text("body").await;
    answer.expect_status(404).expect_text("POST /7?a=b \"ann\" /{id}");
}

struct Pages(&'static str);

#[trine::test]
async fn the_audit_checks_the_extractors_and_state_of_a_catcher() {
    async fn page(pages: State<Pages>, problem: Caught) -> Html<String> {
        let Pages(text) = *pages;
        Html(format!("{text}{}", problem.status().as_u16()))
    }
    let app = || App::new().catch(404, page);
    let audit = app().audit().unwrap_err().to_string();
    assert!(audit.contains("the catcher of 404 needs state") && audit.contains("Pages"), "{audit}");
    let client = app().state(Pages("page ")).test().await;
    let answer = client.get("/").await;
    answer
        .expect_status(404)
        .expect_text("page 404")
        .expect_header("content-type", "text/html; charset=utf-8");
}

#[trine::test]
async fn the_audit_finds_a_status_that_no_problem_has() {
    let place = format!("at {}:", file!());
    let apps = [
        App::new().catch(200, by_app),
        App::new().catch(4040, by_app),
        App::new().catch(0..400, by_app),
    ];
    for app in apps {
        let audit = app.audit().unwrap_err().to_string();
        assert!(audit.contains("never runs: problems have statuses from 400 to 599"), "{audit}");
        assert!(audit.contains(&place), "{audit}");
    }
}

#[trine::test]
async fn a_failing_catcher_is_logged_and_the_problem_is_sent_unchanged() {
    async fn refuses(_: Path<u8>, _: Caught) -> &'static str {
        "never"
    }
    async fn errs(_: Caught) -> trine::Result<String> {
        Err(io::Error::other("the template is gone"))?
    }
    async fn wrong_type(_: Caught<DbError>) -> &'static str {
        "never"
    }
    let (lines, _guard) = Lines::start();
    let app = App::new().catch(.., by_app);
    let a = Group::at("/a").route("/", get(taken)).catch(409, refuses);
    let b = Group::at("/b").route("/", get(taken)).catch(409, errs);
    let c = Group::at("/c").route("/", get(taken)).catch(409, wrong_type);
    let client = app.group(a).group(b).group(c).test().await;
    for (path, why) in [
        ("/a", "Path"),
        ("/b", "the template is gone"),
        ("/c", "has no `it::errors::catch::DbError` behind it"),
    ] {
        let before = lines.count(why);
        let answer = client.get(path).await;
        answer.expect_status(409).expect_header("content-type", "application/problem+json");
        let body: Value = answer.json();
        assert_eq!(
            (&body["detail"], &body["by"]),
            (&Value::from("taken"), &Value::from("ann")),
            "{path}"
        );
        assert!(lines.count("ERROR") > 0 && lines.count(why) > before, "{path}: {}", lines.text());
    }
}

#[trine::test]
async fn a_catcher_may_return_a_problem() {
    async fn other_words(problem: Caught) -> Problem {
        Problem::new(problem.status())
            .title("In other words")
            .with("was", problem.detail_text().unwrap_or_default())
    }
    let inner = Group::at("/g").route("/", get(taken)).catch(.., other_words);
    let client = App::new().group(inner).catch(.., by_app).test().await;
    let answer = client.get("/g").header("accept", "text/plain").await;
    answer.expect_status(409).expect_text("409 In other words\n");
    assert_eq!(client.get("/g").await.json::<Value>()["was"], "taken");
}

#[trine::test]
async fn layers_see_the_catchers_response_and_keep_their_fields() {
    let cors = CorsLayer::new().allow_origin(tower_http::cors::Any);
    let app = App::new().route("/", get(taken)).layer(cors).layer(CompressionLayer::new());
    let client = app.catch(409, async || "x".repeat(1000)).test().await;
    let answer = client
        .get("/")
        .header("origin", "https://example.com")
        .header("accept-encoding", "gzip")
        .await;
    answer
        .expect_status(409)
        .expect_header("access-control-allow-origin", "*")
        .expect_header("content-encoding", "gzip");
    assert_eq!(answer.bytes()[..2], [0x1f, 0x8b]);
}

#[trine::test]
async fn a_catcher_handles_errors_of_layers_in_its_scope() {
    async fn slow() {
        std::future::pending::<()>().await;
    }
    async fn refuse(_request: Request, _next: Next) -> Problem {
        Problem::forbidden("not you")
    }
    async fn only_numbers(_: Path<u8>, request: Request, next: Next) -> Response {
        next.run(request).await
    }
    // On a busy machine, the outer timeout must not fire first.
    let timeout = |millis| TimeoutLayer::new(Duration::from_millis(millis));
    let group = Group::at("/g")
        .route("/slow", get(slow).layer(timeout(5)))
        .route("/x/{n}", get(fine).layer(middleware(only_numbers)))
        .catch(504, by_group);
    let closed =
        Group::at("/closed").route("/", get(fine)).layer(middleware(refuse)).catch(403, by_group);
    let app = App::new().group(group).group(closed).route("/slow", get(slow)).layer(timeout(1000));
    let client = app.catch(.., by_app).test().await;
    client.get("/g/slow").await.expect_status(504).expect_text("group: 504 Gateway Timeout");
    client.get("/closed").await.expect_status(403).expect_text("group: 403 Forbidden: not you");
    assert!(
        client.get("/g/x/a").await.text().starts_with("app: 400"),
        "{}",
        client.get("/g/x/a").await.text()
    );
    client.get("/slow").await.expect_status(504).expect_text("app: 504 Gateway Timeout");
}

#[trine::test]
async fn mounted_services_have_catchers() {
    let inner = App::new().route("/taken", get(taken)).build().await.unwrap();
    let fails =
        tower::service_fn(async |_: Request| Err::<Response, _>(io::Error::other("broken pipe")));
    let app = App::new().mount("/inner", inner).mount("/fails", fails).catch(.., by_app);
    let client = app.test().await;
    client.get("/inner/taken").await.expect_status(409).expect_text("app: 409 Conflict: taken");
    client.get("/fails/x").await.expect_status(500).expect_text("app: 500 Internal Server Error");
}

#[trine::test]
async fn panics_are_caught_by_catchers_for_panics() {
    async fn panics() {
        panic!("seven is {}", 7);
    }
    let line = line!() - 2;
    async fn sorry(panic: Caught<Panic>) -> String {
        format!("{} at {}", panic.message(), panic.location().unwrap())
    }
    let group = Group::at("/g").route("/", get(panics)).route("/fine", get(fine));
    let client = App::new()
        .group(group.catch(catch::of::<Panic>(), sorry))
        .route("/", get(panics))
        .test()
        .await;
    let answer = client.get("/g").await;
    assert_eq!(answer.status(), 500);
    assert!(
        answer.text().starts_with(&format!("seven is 7 at {}:{line}:", file!())),
        "{}",
        answer.text()
    );
    client.get("/g/fine").await.expect_text("fine");
    // Outside of the group, the panic is not caught.
    assert!(client.get("/").await.text().contains("Internal Server Error"));
}

#[trine::test]
async fn outside_of_a_catcher_caught_is_a_500() {
    async fn handler(problem: Option<Caught>) -> String {
        problem.is_some().to_string()
    }
    async fn must(_: Caught) {}
    let client = App::new().route("/", get(handler)).route("/must", get(must)).test().await;
    client.get("/must").await.expect_status(500);
    client.get("/").await.expect_status(500);
}

#[trine::test]
async fn a_caught_problem_is_logged_once() {
    let (lines, _guard) = Lines::start();
    let group =
        Group::at("/g").route("/", get(down)).layer(middleware(passes)).catch(503, by_group);
    let client = App::new().group(group).layer(middleware(passes)).catch(.., by_app).test().await;
    async fn passes(request: Request, next: Next) -> Response {
        next.run(request).await
    }
    client.get("/g").await.expect_status(503).expect_header("retry-after", "3");
    assert_eq!(lines.count("refused"), 1, "{}", lines.text());
}
