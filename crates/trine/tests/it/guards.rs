//! Guards of groups, values that are made once per request, and derived extractors.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tower_http::request_id::{MakeRequestUuid, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use trine::audit::Kind;
use trine::prelude::*;
use trine::{Cached, guard};

/// Records the order in which extractors and handlers run.
fn note(cx: &mut Cx, what: &str) {
    let mut seen = cx.extensions().get::<Seen>().cloned().unwrap_or_default();
    seen.0.push_str(what);
    cx.extensions_mut().insert(seen);
}

#[derive(Clone, Default)]
struct Seen(String);

impl FromRequest for Seen {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        note(cx, "handler");
        Ok(cx.extensions().get::<Seen>().cloned().unwrap_or_default())
    }
}

async fn seen(seen: Seen) -> String {
    seen.0
}

/// Records that it ran, and refuses the request if the header field with its name says so.
struct Named<const NAME: char>;

impl<const NAME: char> FromRequest for Named<NAME> {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        note(cx, &format!("{NAME} "));
        match cx
            .headers()
            .get("x-refuse")
            .is_some_and(|refuse| refuse.as_bytes().contains(&(NAME as u8)))
        {
            true => Err(Problem::forbidden(format!("refused by {NAME}")).into()),
            false => Ok(Named),
        }
    }
}

async fn pass(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    answer.headers_mut().insert("x-outer", HeaderValue::from_static("saw it"));
    answer
}

fn nested() -> App {
    App::new().layer(middleware(pass)).layer(guard::<Named<'0'>>()).group(
        Group::at("/a/{x}").guard::<Named<'1'>>().group(
            Group::at("/b").guard::<Named<'2'>>().layer(guard::<Named<'3'>>()).route(
                "/c",
                // Declared before the handler: the layers of a route wrap it in either order.
                trine::Methods::default()
                    .layer(guard::<Named<'4'>>())
                    .get(seen)
                    .post(async |body: String| body),
            ),
        ),
    )
}

#[trine::test]
async fn guards_run_from_the_outermost_group_to_the_handler() {
    let client = nested().test().await;
    assert_eq!(client.get("/a/x/b/c").await.text(), "0 1 2 3 4 handler");
    // The body reaches the handler.
    assert_eq!(client.post("/a/x/b/c").body("text").await.text(), "text");
}

#[trine::test]
async fn the_first_guard_that_refuses_answers_in_an_accepted_format() {
    let client = nested().test().await;
    for (refuse, first) in [("43", '3'), ("4", '4'), ("201", '0'), ("21", '1')] {
        let answer = client.get("/a/x/b/c").header("x-refuse", refuse).await;
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(answer.text().contains(&format!("refused by {first}")), "{}", answer.text());
        assert_eq!(answer.headers()["x-outer"], "saw it");
    }
    let answer = client.get("/a/x/b/c").header("x-refuse", "2").header("accept", "text/html").await;
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    // Outside of all groups, only the guard of the application runs.
    assert_eq!(client.get("/nowhere").header("x-refuse", "1234").await.status(), 404);
    assert_eq!(client.get("/nowhere").header("x-refuse", "0").await.status(), 403);
}

#[trine::test]
async fn a_refusal_carries_its_problem_to_outer_layers() {
    async fn catch(request: Request, next: Next) -> Response {
        let mut answer = next.run(request).await;
        match Problem::take(&mut answer) {
            Some(problem) => {
                format!("caught: {}", problem.detail_text().unwrap_or_default()).into_response()
            }
            None => answer,
        }
    }
    let group =
        Group::at("/g").layer(middleware(catch)).guard::<Named<'1'>>().route("/", get(seen));
    let client = App::new().group(group).test().await;
    assert_eq!(client.get("/g").header("x-refuse", "1").await.text(), "caught: refused by 1");
}

/// A document that is looked up by its id. Only 7 exists.
#[derive(FromParam)]
#[param(with = "Document::find", needs(AtomicUsize))]
struct Document;

impl Document {
    async fn find(id: u64, cx: &Cx) -> Result<Document, Rejection> {
        cx.state::<AtomicUsize>()?.fetch_add(1, Ordering::Relaxed);
        if id == 7 { Ok(Document) } else { Err(Problem::not_found("no such document").into()) }
    }
}

#[get("/documents/{document}?{also}")]
async fn read(document: Document, also: Option<Document>, _user: Named<'u'>) -> &'static str {
    let Document = document;
    if also.is_some() { "both" } else { "one" }
}

#[put("/documents/{document}")]
async fn write(text: String, document: Document, _user: Named<'u'>) -> String {
    let Document = document;
    text
}

#[trine::test]
async fn an_unauthorized_client_does_not_learn_what_exists() {
    let client = App::new().state(AtomicUsize::new(0)).routes(routes![read, write]).test().await;
    let stranger = |method: Method, path: &str| {
        client.request(method, path).header("x-refuse", "u").bytes(&b"\xff"[..])
    };
    for path in
        ["/documents/7", "/documents/8", "/documents/x", "/documents/7?also=8", "/documents/%FF"]
    {
        let (read, write) = (stranger(Method::GET, path).await, stranger(Method::PUT, path).await);
        assert_eq!((read.status().as_u16(), write.status().as_u16()), (403, 403), "{path}");
        assert_eq!(read.text().replace("GET", "PUT"), write.text(), "{path}");
    }
    // An authorized client gets every error, first the value's and then the body's.
    client.get("/documents/7?also=7").await.expect_text("both");
    client.get("/documents/7?also=8").await.expect_problem(404);
    client.put("/documents/8").bytes(&b"\xff"[..]).await.expect_problem(404);
    client.put("/documents/7").bytes(&b"\xff"[..]).await.expect_problem(400);
    client.put("/documents/7").text("new").await.expect_text("new");
}

/// Reads the body and authenticates the client. The document is looked up earlier, since no
/// argument of the handler checks the client before that.
#[derive(FromRequest)]
struct Signed {
    _by: Counter,
    text: String,
}

#[post("/documents/{document}")]
async fn sign(document: Document, signed: Signed) -> String {
    let Document = document;
    signed.text
}

#[test]
fn the_audit_notes_lookups_before_the_authorization() {
    async fn checked(_: Counter, request: Request, next: Next) -> Response {
        next.run(request).await
    }
    let app = || App::new().state(AtomicUsize::new(0));
    let group = || Group::at("/g").routes(routes![sign, read, write]);
    let audit = app().group(group()).audit().unwrap();
    let [finding] = audit.findings() else { panic!("{audit}") };
    assert_eq!(finding.kind, Kind::LookedUpFirst);
    assert!(
        finding.text.starts_with(
            "`sign` (POST /g/documents/{document}) looks up `document: Document` before it extracts `signed: Signed`, which reads the body"
        ),
        "{audit}"
    );
    for guarded in [
        app().group(group().guard::<Named<'u'>>()),
        app().layer(guard::<Counter>()).group(group()),
        app().group(group().layer(middleware(checked))),
        app().routes([trine::Route::of::<sign>().guard::<Counter>()]),
    ] {
        assert!(guarded.audit().unwrap().findings().is_empty());
    }
}

/// Requires a counter, which shows what ran, and a state that may be missing.
struct Counter(usize);

impl FromRequest for Counter {
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        needs.state::<AtomicUsize>();
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let runs = cx.state::<AtomicUsize>()?.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::task::yield_now().await;
        match cx.headers().contains_key("x-refuse") {
            true => Err(Problem::forbidden(format!("run {runs}")).into()),
            false => Ok(Counter(runs)),
        }
    }
}

#[test]
fn the_audit_sees_what_guards_need_wherever_they_are_declared() {
    let line = line!();
    let app = App::new()
        .layer(guard::<Counter>())
        .group(
            Group::at("/g")
                .guard::<Cached<Counter>>()
                .group(Group::at("/h").guard::<Option<Counter>>()),
        )
        .route("/r", get(seen).layer(guard::<Cached<Option<Counter>>>()));
    let audit = app.audit().unwrap_err();
    // All uses of one missing state are one finding with three locations.
    let [finding] = audit.findings() else { panic!("{audit}") };
    let at = |line: u32| format!("{}:{line}", file!());
    assert_eq!(finding.locations, [at(line + 2), at(line + 5), at(line + 6)], "{audit}");
    assert_eq!(finding.kind, Kind::MissingState);
    assert!(
        finding.text.starts_with("the guard `Counter` and 3 others need state of type"),
        "{audit}"
    );
}

#[trine::test]
async fn a_cached_extractor_runs_once_per_request_across_all_layers() {
    async fn middle(counter: Cached<Counter>, request: Request, next: Next) -> Response {
        let mut answer = next.run(request).await;
        answer.headers_mut().insert("x-run", counter.0.into());
        answer
    }
    async fn handler(
        first: Cached<Counter>,
        again: Option<Cached<Counter>>,
        other: Counter,
    ) -> String {
        format!("{} {} {}", first.0, again.unwrap().0, other.0)
    }
    let group = Group::at("/g")
        .guard::<Cached<Counter>>()
        // Tower layers that pass the request on.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            std::time::Duration::from_secs(9),
        ))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(middleware(middle))
        .route("/", get(handler).layer(guard::<Cached<Counter>>()));
    let client = App::new().state(AtomicUsize::new(0)).group(group).test().await;
    let answer = client.get("/g").await;
    assert_eq!((answer.headers()["x-run"].to_str().unwrap(), &*answer.text()), ("1", "1 1 2"));
    // The next request has its own values.
    assert_eq!(client.get("/g").await.text(), "3 3 4");
}

#[trine::test]
async fn an_error_is_not_cached() {
    async fn handler(a: Result<Cached<Counter>, Rejection>, b: Cached<Counter>) -> String {
        format!("{} {}", a.is_ok(), b.0)
    }
    let client = App::new().state(AtomicUsize::new(0)).route("/", get(handler)).test().await;
    let answer = client.get("/").header("x-refuse", "").await;
    assert!(answer.status() == 403 && answer.text().contains("run 2"), "{}", answer.text());
    assert_eq!(client.get("/").await.text(), "true 3");
}

#[trine::test]
async fn a_foreign_arc_is_not_taken_for_a_cached_value() {
    struct Text(String);
    impl FromRequest for Text {
        type Reads = Head;
        async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
            cx.extensions_mut().insert(Arc::new(Text("another's".into())));
            Ok(Text("own".into()))
        }
    }
    async fn handler(text: Cached<Text>, again: Cached<Text>) -> String {
        format!("{} {}", text.0, again.0)
    }
    let client = App::new().route("/", get(handler)).test().await;
    assert_eq!(client.get("/").await.text(), "own own");
}
