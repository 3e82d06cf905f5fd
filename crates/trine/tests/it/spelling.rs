//! All parts of an application see one normalized form of the request target.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::Extensions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_http::trace::TraceLayer;
use trine::extract::RawTarget;
use trine::guard::guard;
use trine::prelude::*;

use crate::common;

/// Records the target and the raw target as they are seen here.
fn note(cx: &mut Cx, place: &str) {
    let raw = cx.extensions().get::<RawTarget>().map_or(cx.uri(), |raw| &raw.0).to_string();
    let seen = cx.extensions().get::<Notes>().cloned().unwrap_or_default();
    let notes = format!("{}{place} {} {raw}\n", seen.0, cx.uri());
    cx.extensions_mut().insert(Notes(notes));
}

#[derive(Clone, Default)]
struct Notes(String);

struct Place<const NAME: char>;

impl<const NAME: char> FromRequest for Place<NAME> {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        note(cx, &NAME.to_string());
        Ok(Place)
    }
}

async fn middle(_: Place<'m'>, request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn end(_: Place<'h'>, notes: Extensions, uri: Uri, raw: RawTarget) -> String {
    format!("{}{uri} {}", notes.get::<Notes>().unwrap().0, *raw)
}

/// The kind of layer that could be bypassed: it checks the path before routing.
async fn no_admin(uri: Uri, request: Request, next: Next) -> Result<Response, Problem> {
    match uri.path().starts_with("/admin") {
        true => Err(Problem::forbidden("not for you")),
        false => Ok(next.run(request).await),
    }
}

#[trine::test]
async fn every_part_sees_the_target_that_matched() {
    let app = App::new()
        .layer(TraceLayer::new_for_http())
        .layer(guard::<Place<'o'>>())
        .layer(middleware(middle))
        .group(
            Group::at("/a b")
                .guard::<Place<'g'>>()
                .layer(middleware(middle))
                .route("/{x}/|", get(end).layer(guard::<Place<'r'>>())),
        )
        .fallback(end);
    let client = app.test().await;
    let raw = "/%61%20b/%2f%7e/|?%61=%2f";
    let one = "/a%20b/%2F~/%7C?%61=%2f";
    let lines: String =
        ["o", "m", "g", "m", "r", "h"].map(|place| format!("{place} {one} {raw}\n")).concat();
    client.get(raw).await.expect_text(&format!("{lines}{one} {raw}"));
    // A target that is normalized already is also the raw one.
    let lines: String =
        ["o", "m", "g", "m", "r", "h"].map(|place| format!("{place} {one} {one}\n")).concat();
    client.get(one).await.expect_text(&format!("{lines}{one} {one}"));
    let lost = client.get("/%6cost%2f").await.text();
    assert_eq!(
        lost,
        ["o", "m", "h"].map(|at| format!("{at} /lost%2F /%6cost%2f\n")).concat()
            + "/lost%2F /%6cost%2f"
    );
}

#[trine::test]
async fn no_spelling_bypasses_a_layer() {
    let secret = || get(async || "secret");
    let inner = App::new().route("/keys", secret()).build().await.unwrap();
    let client = App::new()
        .layer(middleware(no_admin))
        .route("/admin/keys", secret())
        .mount("/admin/old", inner)
        .route("/{a}/{b}", get(async |uri: Uri| uri.to_string()))
        .test()
        .await;
    for path in [
        "/admin/keys",
        "/%61dmin/keys",
        "/%61%64%6d%69%6e/%6Beys",
        "/%61dmin/old/keys",
        "/admin/nothing",
    ] {
        client.get(path).await.expect_problem(403);
    }
    // An encoded slash does not separate segments: this is another path, which has no guard.
    client.get("/%2fadmin/keys").await.expect_text("/%2Fadmin/keys");
    client.get("/a/%zz").await.expect_problem(400);
}

#[trine::test]
async fn a_path_that_a_layer_sets_is_normalized_too() {
    async fn rewrite(mut request: Request, next: Next) -> Response {
        *request.uri_mut() = "/%61/%2f".parse().unwrap();
        next.run(request).await
    }
    let tell = get(async |uri: Uri, raw: RawTarget| format!("{uri} {}", raw.0));
    let client = App::new().layer(middleware(rewrite)).route("/a/{x}", tell).test().await;
    client.get("/x").await.expect_text("/a/%2F /%61/%2f");
}

#[trine::test]
async fn problems_and_explanations_show_the_target() {
    let app = || App::new().route("/users/{id}", get(async |Path(_): Path<u8>| ()));
    let client = app().test().await;
    assert!(client.get("/%75ser").await.text().contains("no route matches `/user`"));
    assert!(client.post("/%75sers/7").await.text().contains("`/users/7` has no handler for POST"));
    let explained = app().explain("GET", "/%75sers/%37").unwrap().to_string();
    assert!(
        explained.contains("is answered by GET /users/{id}") && explained.contains("id = `7`"),
        "{explained}"
    );
}

/// The body of the response to a GET whose target is sent unchanged.
async fn ask(server: &common::Running, target: &str) -> String {
    let mut socket = TcpStream::connect(server.addr).await.unwrap();
    let head =
        format!("GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.addr);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Over sockets: a foreign service under a prefix sees the path that matched, without an added or
/// missing slash.
#[tokio::test]
async fn a_mounted_service_sees_the_normalized_target_over_a_socket() {
    let tell = |request: axum::extract::Request| async move {
        format!("{} {}", request.uri(), RawTarget::of(&request))
    };
    let router =
        axum::Router::new().route("/admin/{*rest}", axum::routing::get(tell)).fallback(tell);
    let inner = App::new()
        .route("/{*rest}", get(async |uri: Uri, raw: RawTarget| format!("{uri} {}", raw.0)));
    let app = App::new().mount("/axum", router).mount("/trine", inner.build().await.unwrap());
    let server = common::start(app).await;
    for (target, wanted) in [
        ("/%61xum/%61dmin/a%2fb?%61", "/admin/a%2Fb?%61 /%61xum/%61dmin/a%2fb?%61"),
        ("/axum/admin/a%2Fb", "/admin/a%2Fb /axum/admin/a%2Fb"),
        ("/axum/%7bx}", "/%7Bx%7D /axum/%7bx}"),
        ("/trine/%61/%2f", "/a/%2F /trine/%61/%2f"),
        ("/trine/a", "/a /trine/a"),
    ] {
        assert_eq!(ask(&server, target).await, wanted, "{target}");
    }
    // The same for an absolute target (RFC 9112, section 3.2.2).
    let target = server.url("/%61xum/%7e");
    let told = ask(&server, &target).await;
    assert!(told.contains("/~ ") && told.ends_with("/%61xum/%7e"), "{told}");
    server.stop().await;
}

/// A layer that changes the target keeps the raw target itself. Trine does so only for its own
/// changes.
#[trine::test]
async fn a_layer_that_changes_the_target_keeps_the_raw_one() {
    async fn keeps(mut request: Request, next: Next) -> Response {
        let raw = RawTarget(RawTarget::of(&request).clone());
        request.extensions_mut().insert(raw);
        moves(request, next).await
    }
    async fn moves(mut request: Request, next: Next) -> Response {
        if let Some(rest) = request.uri().path().strip_prefix("/v1") {
            *request.uri_mut() = rest.parse().unwrap();
        }
        next.run(request).await
    }
    let tell = || get(async |uri: Uri, raw: RawTarget| format!("{uri} {}", raw.0));
    let inner = App::new().route("/{name}", tell()).build().await.unwrap();
    let app = || App::new().route("/{name}", tell()).mount("/in", inner.clone());
    let client = app().layer(middleware(keeps)).test().await;
    for (raw, uri) in [
        ("/v1/ann", "/ann"),
        ("/%761/ann", "/ann"),
        ("/v1/%61nn", "/ann"),
        ("/ann", "/ann"),
        ("/v1/in/ann", "/ann"),
        ("/v1/%69n/ann", "/ann"),
    ] {
        client.get(raw).await.expect_text(&format!("{uri} {raw}"));
    }
    // If the layer does not keep it, the inner services see no raw target, unless Trine has kept
    // one.
    let client = app().layer(middleware(moves)).test().await;
    client.get("/v1/ann").await.expect_text("/ann /ann");
    client.get("/%761/ann").await.expect_text("/ann /%761/ann");
}
