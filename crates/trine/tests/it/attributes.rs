//! Handlers with route attributes, from the request to the response.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tower::ServiceExt as _;
use trine::prelude::*;
use trine::{Route, delete, get, head, patch, post, put, route, routes};

async fn send(routes: Vec<Route>, method: &str, uri: &str, body: &str) -> (StatusCode, String) {
    let service = App::new().routes(routes).build().await.unwrap_or_else(|audit| panic!("{audit}"));
    let request =
        Request::builder().method(method).uri(uri).body(Body::from(body.to_owned())).unwrap();
    let Ok(response) = service.oneshot(request).await;
    let status = response.status();
    (status, String::from_utf8(response.into_body().bytes().await.unwrap().into()).unwrap())
}

async fn ok(routes: Vec<Route>, method: &str, uri: &str, body: &str) -> String {
    let (status, text) = send(routes, method, uri, body).await;
    assert_eq!(status, StatusCode::OK, "{method} {uri}: {text}");
    text
}

/// Greets a person by name.
///
/// At length.
#[get("/hello/{name}?{shout}")]
async fn hello(name: String, shout: Option<bool>) -> String {
    let greeting = format!("Hello, {name}!");
    if shout == Some(true) { greeting.to_uppercase() } else { greeting }
}

#[trine::test]
async fn names_bind_to_path_and_query() {
    assert_eq!(ok(routes![hello], "GET", "/hello/Ann", "").await, "Hello, Ann!");
    assert_eq!(
        ok(routes![hello], "GET", "/hello/J%C3%BCrgen?shout=true", "").await,
        "HELLO, JÜRGEN!"
    );
    let (status, text) = send(routes![hello], "GET", "/hello/Ann?shout=maybe", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        text.contains("query parameter `shout`: expected `true` or `false`, got `maybe`"),
        "{text}"
    );
}

#[trine::test]
async fn the_function_stays_a_function() {
    assert_eq!(hello("Ann".into(), None).await, "Hello, Ann!");
    assert_eq!(double(4), "8");
}

// Arguments may be in any order, and may have names that the generated code also uses, such as
// `cx`.
#[get("/{year}/{month}/img-{cx}.png/{*needs}?{tag}&{r}")]
async fn many(
    r: Option<char>,
    needs: String,
    tag: Vec<u8>,
    month: u8,
    cx: i8,
    method: Method,
    year: u16,
) -> String {
    format!("{year} {month} {cx} {needs} {tag:?} {r:?} {method}")
}

#[trine::test]
async fn arguments_may_be_in_any_order() {
    let uri = "/2026/11/img--7.png/a/b%20c?tag=1&r=%2B&tag=2";
    assert_eq!(ok(routes![many], "GET", uri, "").await, "2026 11 -7 a/b c [1, 2] Some('+') GET");
    let (status, _) = send(routes![many], "GET", "/2026/November/img-1.png/x", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

/// Reads only the head, so it runs before the body is read.
struct Refusing;

impl FromRequest for Refusing {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        match cx.headers().contains_key("x-refuse") {
            true => Err(Problem::forbidden("refused").into()),
            false => Ok(Refusing),
        }
    }
}

#[post("/first/{id}", limit = "8B")]
async fn body_first(body: String, id: u8, _guard: Refusing) -> String {
    format!("{id} {body}")
}

#[put("/optional")]
async fn maybe_body(body: Result<String, Rejection>, method: Method) -> String {
    format!("{method} {}", body.is_ok())
}

#[trine::test]
async fn the_body_argument_may_be_anywhere_and_has_its_limit() {
    assert_eq!(ok(routes![body_first], "POST", "/first/3", "text").await, "3 text");
    let (status, _) = send(routes![body_first], "POST", "/first/3", "nine char").await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(ok(routes![maybe_body], "PUT", "/optional", "x").await, "PUT true");
}

/// The future of a handler is `Send` whatever its arguments hold, even with a value from the path.
#[get("/held/{n}")]
async fn held(
    n: u8,
    people: trine::State<trine::topic::Presence<(), &'static str>>,
    body: String,
) -> String {
    drop(people.enter((), "Ann"));
    format!("{n} {body}")
}

#[trine::test]
async fn arguments_may_contain_static_references() {
    let people = trine::topic::Presence::<(), &'static str>::default();
    let client = App::new().state(people).routes(routes![held]).test().await;
    client.get("/held/7").await.expect_text("7 ");
}

#[get("/double/{n}")]
fn double(n: u32) -> String {
    (n * 2).to_string()
}

#[delete("/nothing")]
async fn nothing() {}

#[patch("/opaque")]
async fn opaque() -> impl IntoResponse {
    (StatusCode::CREATED, "made")
}

#[get("/fallible/{n}")]
fn fallible(n: u8) -> Result<&'static str, Problem> {
    if n == 0 { Err(Problem::conflict("zero")) } else { Ok("fine") }
}

#[trine::test]
async fn functions_may_be_synchronous_and_return_any_responder() {
    assert_eq!(ok(routes![double], "GET", "/double/21", "").await, "42");
    assert_eq!(ok(routes![nothing], "DELETE", "/nothing", "").await, "");
    assert_eq!(
        send(routes![opaque], "PATCH", "/opaque", "").await,
        (StatusCode::CREATED, "made".into())
    );
    assert_eq!(ok(routes![fallible], "GET", "/fallible/1", "").await, "fine");
    assert_eq!(send(routes![fallible], "GET", "/fallible/0", "").await.0, StatusCode::CONFLICT);
}

#[route("/any")]
async fn whichever(method: Method) -> String {
    method.to_string()
}

#[route("/cache", method = "PURGE")]
async fn purge() -> &'static str {
    "purged"
}

#[head("/quiet")]
async fn quiet() -> StatusCode {
    StatusCode::ACCEPTED
}

#[trine::test]
async fn a_route_may_have_any_method() {
    assert_eq!(ok(routes![whichever], "GET", "/any", "").await, "GET");
    assert_eq!(ok(routes![whichever], "BREW", "/any", "").await, "BREW");
    assert_eq!(ok(routes![purge], "PURGE", "/cache", "").await, "purged");
    assert_eq!(send(routes![purge], "GET", "/cache", "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(send(routes![quiet], "HEAD", "/quiet", "").await.0, StatusCode::ACCEPTED);
}

mod admin {
    use trine::get;

    #[get("/stats")]
    pub(super) async fn stats() -> &'static str {
        "stats"
    }

    pub(super) mod deep {
        #[trine::get("/deep")]
        pub(crate) async fn show() -> &'static str {
            "deep"
        }
    }
}

mod todos {
    #[trine::get("/inner")]
    pub(super) async fn inner() -> &'static str {
        "inner"
    }
}

// A module occupies this name in the type namespace.
#[get("/todos", name = "list_todos")]
async fn todos() -> &'static str {
    "todos"
}

#[get("/both")]
#[trine::post("/both", name = "post_both")]
async fn both(method: Method) -> String {
    method.to_string()
}

#[get("/type/{type}", name = "r#type")]
async fn r#type(r#type: String) -> String {
    r#type
}

#[trine::test]
async fn routes_are_found_by_their_paths() {
    let all = || {
        routes![
            admin::stats,
            self::admin::deep::show,
            list_todos,
            todos::inner,
            r#type,
            both,
            post_both,
        ]
    };
    assert_eq!(ok(all(), "GET", "/stats", "").await, "stats");
    assert_eq!(ok(all(), "GET", "/deep", "").await, "deep");
    assert_eq!(ok(all(), "GET", "/todos", "").await, "todos");
    assert_eq!(ok(all(), "GET", "/inner", "").await, "inner");
    assert_eq!(ok(all(), "GET", "/type/x", "").await, "x");
    assert_eq!(ok(all(), "GET", "/both", "").await, "GET");
    assert_eq!(ok(all(), "POST", "/both", "").await, "POST");
    assert_eq!(routes![].len(), 0);
}

// rustc evaluates `cfg` before it expands an attribute, wherever the `cfg` is written, so the type
// is removed together with its function.
#[get("/gone")]
#[cfg(any())]
async fn gone() -> NoSuchType {}

#[cfg(not(any()))]
#[get("/here")]
async fn here() {}

#[trine::test]
async fn cfg_removes_the_route_too() {
    assert_eq!(
        routes![
            here,
            #[cfg(any())]
            gone
        ]
        .len(),
        1
    );
}

#[deprecated = "use hello"]
#[get("/old", limit = "1KiB")]
async fn old() {}

#[trine::test]
async fn the_application_knows_the_declared_routes() {
    let service = App::new().routes(routes![hello, old, whichever]).build().await.unwrap();
    let [hello, old, whichever] = &service.routes().cloned().collect::<Vec<_>>()[..] else {
        panic!("three routes")
    };

    assert_eq!((hello.method.as_ref(), &*hello.path), (Some(&Method::GET), "/hello/{name}"));
    assert_eq!(hello.doc, Some("Greets a person by name.\n\nAt length."));
    assert_eq!((&*hello.handler, hello.deprecated), ("hello", false));
    assert!(hello.file.ends_with("attributes.rs"));
    let source =
        include_str!("attributes.rs").lines().position(|line| line.starts_with("async fn hello"));
    assert_eq!(Some(hello.line as usize), source.map(|line| line + 1));

    assert_eq!((old.doc, old.deprecated, old.body_limit), (None, true, 1024));
    assert_eq!(whichever.method, None);
}

#[trine::test]
#[should_panic(expected = "as usual")]
async fn test_attributes_are_kept() {
    panic!("as usual");
}

#[trine::test]
async fn a_test_may_return_a_result() -> Result<(), std::num::ParseIntError> {
    tokio::task::yield_now().await;
    assert_eq!("7".parse::<u8>()?, 7);
    Ok(())
}
