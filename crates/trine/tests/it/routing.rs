//! From a method and a path to a handler, and the responses if there is none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;
use trine::Methods;
use trine::audit::Kind;
use trine::prelude::*;

async fn send(app: App, method: &str, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let Ok(response) = app.build().await.unwrap().oneshot(request).await;
    let (head, body) = response.into_parts();
    (head.status, head.headers, String::from_utf8(body.bytes().await.unwrap().into()).unwrap())
}

/// Records which route matched, and its parameters as they are written in the path.
struct Seen(String);

impl FromRequest for Seen {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let mut seen = cx.route().map_or("?", |route| &route.path).to_owned();
        for index in 0.. {
            let Some(value) = cx.matched().param(index)? else { break };
            seen.push_str(&format!(" {value}"));
        }
        Ok(Seen(seen))
    }
}

async fn seen(Seen(seen): Seen) -> String {
    seen
}

fn app() -> App {
    App::new()
        .route("/", get(seen))
        .route("/users", get(seen).post(seen))
        .route("/users/{id}", get(seen))
        .route("/users/me", get(seen))
        .route("/files/{*path}", get(seen))
        .route("/img-{n}.png", get(seen))
        .route("/grüße", get(seen))
        .route("/%7e{{a}}%2f", get(seen))
        .route("/purge", Methods::default().on(Method::from_bytes(b"PURGE").ok(), seen))
        .route("/any", any(seen))
        .group(
            Group::at("/t/{tenant}")
                .route("/", get(seen))
                .group(Group::at("/x").route("/{id}", get(seen))),
        )
}

#[tokio::test]
async fn paths_match_their_routes() {
    for (path, wanted) in [
        ("/", "/"),
        ("/users", "/users"),
        ("/users/7", "/users/{id} 7"),
        ("/users/7?x=1", "/users/{id} 7"),
        ("/users/me", "/users/me"),
        ("/users/a%20b", "/users/{id} a b"),
        ("/users/a%2Fb", "/users/{id} a/b"),
        ("/%75sers/7", "/users/{id} 7"),
        ("/users/%C3%A9", "/users/{id} é"),
        ("/files/a/b/c", "/files/{*path} a/b/c"),
        ("/img-12.png", "/img-{n}.png 12"),
        ("/gr%C3%BC%c3%9fe", "/grüße"),
        ("/~{a}%2F", "/%7e{{a}}%2f"),
        ("/%7e%7Ba%7d%2f", "/%7e{{a}}%2f"),
        ("/t/acme", "/t/{tenant} acme"),
        ("/t/acme/x/9", "/t/{tenant}/x/{id} acme 9"),
        ("http://example.org/users/7", "/users/{id} 7"),
    ] {
        let (status, _, seen) = send(app(), "GET", path).await;
        assert_eq!((status.as_u16(), seen.as_str()), (200, wanted), "{path}");
    }
}

#[tokio::test]
async fn an_unmatched_path_is_a_404() {
    for path in
        ["/nothing", "/nothing/", "/users/7/x", "/files/", "//users", "/users//7", "/t//x/9"]
    {
        let (status, headers, body) = send(app(), "GET", path).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert!(body.contains("no route matches"), "{body}");
    }
}

// This used to be a 404, as if the other end of a tunnel were a resource of this server.
#[tokio::test]
async fn a_connect_request_without_a_handler_is_a_501() {
    // The bytes that follow belong to the tunnel, even if they look like a request.
    let sent = b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n\
        GET /users/7 HTTP/1.1\r\nHost: example.org\r\n\r\n";
    // A fallback for everything does not open a tunnel either.
    for app in [app(), app().fallback(async || "hello")] {
        let server = app.test_server().await;
        let mut stream = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        // Otherwise the server waits for the end of the bytes that it does not read.
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 501 ") && answer.contains("opens no tunnel"),
            "{answer}"
        );
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_decoded_is_a_400() {
    for path in ["/users/%zz", "/users/%4", "/no%where"] {
        let (status, _, body) = send(app(), "GET", path).await;
        assert_eq!(status, 400, "{path}");
        assert!(
            body.contains("two hexadecimal digits after each `%`") && body.contains(path),
            "{body}"
        );
    }
    let (status, _, body) = send(app(), "GET", "/users/%FF").await;
    assert_eq!(status, 400);
    assert!(body.contains("path parameter `id`: expected UTF-8") && body.contains("%FF"), "{body}");
}

#[tokio::test]
async fn a_405_lists_the_allowed_methods() {
    for (method, path, allow) in [
        ("DELETE", "/users", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/users/7", "GET, HEAD, OPTIONS"),
        ("BREW", "/", "GET, HEAD, OPTIONS"),
        ("GET", "/purge", "PURGE, OPTIONS"),
    ] {
        let (status, headers, body) = send(app(), method, path).await;
        assert_eq!(status, 405, "{method} {path}");
        assert_eq!(headers["allow"], allow);
        assert!(body.contains(&format!("no handler for {method}")), "{body}");
    }
    let (status, headers, body) = send(app(), "OPTIONS", "/users").await;
    assert_eq!(
        (status.as_u16(), headers["allow"].to_str().unwrap(), body.as_str()),
        (204, "GET, HEAD, POST, OPTIONS", "")
    );
    assert_eq!(send(app(), "PURGE", "/purge").await.0, 200);
    assert_eq!(send(app(), "BREW", "/any").await.0, 200);
    assert_eq!(send(app(), "HEAD", "/users/7").await.0, 200);
}

#[tokio::test]
async fn the_fallback_answers_unmatched_requests() {
    async fn lost(uri: Uri) -> (StatusCode, String) {
        (StatusCode::NOT_FOUND, format!("lost at {uri}"))
    }
    let (status, _, body) = send(app().fallback(lost), "GET", "/nowhere?x=1").await;
    assert_eq!((status.as_u16(), body.as_str()), (404, "lost at /nowhere?x=1"));
}

#[tokio::test]
async fn problems_are_rendered_in_an_accepted_format() {
    for (accept, content_type, start) in [
        (
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/html; charset=utf-8",
            "<!doctype html>",
        ),
        ("application/json", "application/problem+json", "{"),
        ("text/markdown, text/html;q=0.5", "text/markdown; charset=utf-8", "# 404 Not Found"),
        ("text/plain", "text/plain; charset=utf-8", "404 Not Found"),
        ("image/png", "application/problem+json", "{"),
    ] {
        let request =
            Request::get("/nothing").header("accept", accept).body(Body::empty()).unwrap();
        let Ok(response) = app().build().await.unwrap().oneshot(request).await;
        assert_eq!(response.headers()["content-type"], content_type, "{accept}");
        let body = response.into_body().bytes().await.unwrap();
        assert!(body.starts_with(start.as_bytes()), "{accept}: {body:?}");
    }
}

#[tokio::test]
async fn the_body_argument_may_be_anywhere_and_is_read_last() {
    async fn first(body: String, method: Method, seen: Seen) -> String {
        format!("{method} {} {body}", seen.0)
    }
    struct Refuses;
    impl FromRequest for Refuses {
        type Reads = Head;
        async fn from_request(_: &mut Cx) -> Result<Self, Rejection> {
            Err(Problem::forbidden("parts first").into())
        }
    }
    async fn refused(_body: String, _: Refuses) {}
    let app = App::new()
        .route("/", post(first))
        .route("/refused", post(refused))
        .route("/sync", get(|| "sync"));
    let app = app.build().await.unwrap();
    let request = Request::post("/").body(Body::from("text")).unwrap();
    let Ok(response) = app.clone().oneshot(request).await;
    assert_eq!(response.into_body().bytes().await.unwrap(), "POST / text");
    // The body is not UTF-8, so reading it first would result in a 400.
    let request = Request::post("/refused").body(Body::from(&b"\xff"[..])).unwrap();
    let Ok(response) = app.clone().oneshot(request).await;
    assert_eq!(response.status(), 403);
    let Ok(response) = app.oneshot(Request::get("/sync").body(Body::empty()).unwrap()).await;
    assert_eq!(response.into_body().bytes().await.unwrap(), "sync");
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused() {
    async fn length(body: Bytes) -> String {
        body.len().to_string()
    }
    let app = App::new()
        .body_limit(4)
        .route("/", post(length))
        .route("/more", post(length).limit(8).put(length));
    let app = app.build().await.unwrap();
    for (method, path, body, status) in [
        ("POST", "/", "1234", 200),
        ("POST", "/", "12345", 413),
        ("POST", "/more", "12345678", 200),
        ("POST", "/more", "123456789", 413),
        ("PUT", "/more", "12345678", 200),
        ("PUT", "/more", "123456789", 413),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
        let Ok(response) = app.clone().oneshot(request).await;
        assert_eq!(response.status(), status, "{method} {path} {body}");
    }
}

#[test]
fn the_audit_reports_all_mistakes_with_their_locations() {
    struct Missing;
    impl FromRequest for Missing {
        type Reads = Head;
        fn needs(needs: &mut Needs) {
            needs.state::<u64>();
        }
        async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
            cx.state::<u64>().map(|_| Missing)
        }
    }
    async fn needs_state(_: Option<Missing>) {}
    let line = line!();
    let app = App::new()
        .route("/{a}", get(seen))
        .route("/{b}", get(seen))
        .route("no-slash", get(seen))
        .route("/empty", Methods::default())
        .route("/state", get(needs_state))
        .state(1_u8)
        .state(2_u8);
    let audit = app.audit().unwrap_err();
    let kinds: Vec<Kind> = audit.findings().iter().map(|finding| finding.kind).collect();
    let wanted =
        [Kind::StateTwice, Kind::Collision, Kind::Template, Kind::NoMethods, Kind::MissingState];
    assert_eq!(kinds, wanted, "{audit}");
    let places = &audit.findings()[1].locations;
    assert_eq!(*places, [format!("{}:{}", file!(), line + 3), format!("{}:{}", file!(), line + 2)]);
    let text = audit.to_string();
    for fragment in
        ["found 5 mistakes", "GET /{a}", "`no-slash` must start with `/`", "`u64`", "needs_state"]
    {
        assert!(text.contains(fragment), "{fragment}: {text}");
    }
}

#[test]
fn state_that_many_handlers_lack_is_one_mistake() {
    async fn one(_: State<u8>) {}
    async fn two(_: State<u8>, _: State<u16>) {}
    let mut app = App::new();
    for path in ["/a", "/b", "/c", "/d"] {
        app = app.route(path, get(one).post(two));
    }
    let audit = app.audit().unwrap_err();
    let said: Vec<&str> = audit.findings().iter().map(|finding| &*finding.text).collect();
    assert_eq!(said.len(), 2, "{audit}");
    assert!(
        said[0].starts_with("the handler `one` and 7 others need state of type `u8`, "),
        "{audit}"
    );
    assert!(
        said[1].starts_with("the handler `two` and 3 others need state of type `u16`, "),
        "{audit}"
    );
    assert_eq!(audit.findings()[0].locations.len(), 3);
}

#[test]
fn a_path_argument_is_compared_with_the_whole_template() {
    async fn one(_: Option<Path<u8>>) {}
    async fn two(_: Path<(u8, String)>) {}
    async fn named(_: Path<std::collections::HashMap<String, String>>) {}
    let group = Group::at("/{a}")
        .route("/one", get(one))
        .route("/two/{b}", get(two))
        .route("/{*rest}", get(named));
    App::new().group(group).audit().unwrap();
    let group = Group::at("/{a}").route("/one/{b}", get(one)).route("/two", get(two));
    let audit = App::new().group(group).route("/none", get(one)).fallback(one).audit().unwrap_err();
    let said: Vec<&str> = audit.findings().iter().map(|finding| &*finding.text).collect();
    let kinds: Vec<Kind> = audit.findings().iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::PathParams; 4]);
    let alone = "takes 1 path parameter as `Path<u8>`, but `/";
    assert_eq!(
        said,
        [
            format!("the handler `the fallback` {alone}` has none: name them, as in `/{{id}}`"),
            format!("the handler `one` {alone}{{a}}/one/{{b}}` has 2 (a, b): take a tuple of 2 or a struct with these names"),
            "the handler `two` takes 2 path parameters as `Path<(u8, alloc::string::String)>`, but `/{a}/two` has 1 (a): \
             take one value"
                .to_owned(),
            format!("the handler `one` {alone}none` has none: name them, as in `/{{id}}`"),
        ]
    );
}

#[test]
fn a_group_with_layers_collides_like_any_other() {
    let group = Group::at("/a").layer(middleware(pass)).route("/x", get(seen));
    async fn pass(request: Request, next: Next) -> Response {
        next.run(request).await
    }
    let app = App::new().route("/a/x", get(seen)).group(group);
    assert_eq!(app.audit().unwrap_err().findings()[0].kind, Kind::Collision);
}

#[tokio::test]
async fn undeclared_state_is_a_500_that_only_the_log_explains() {
    async fn undeclared(cx: Undeclared) -> String {
        cx.0
    }
    struct Undeclared(String);
    impl FromRequest for Undeclared {
        type Reads = Head;
        async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
            Ok(Undeclared(cx.state::<String>()?.to_string()))
        }
    }
    let (status, _, body) = send(App::new().route("/", get(undeclared)), "GET", "/").await;
    assert_eq!(status, 500);
    assert!(!body.contains("String"), "{body}");
    let (_, _, body) =
        send(App::new().state("held".to_owned()).route("/", get(undeclared)), "GET", "/").await;
    assert_eq!(body, "held");
}
