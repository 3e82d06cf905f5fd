//! Fallbacks of groups.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::AtomicUsize;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trine::audit::Kind;
use trine::prelude::*;

use crate::common;

async fn seen(path: MatchedPath, method: Method) -> String {
    format!("{method} {path}")
}

/// Marks the response as one that passed this layer.
async fn mark(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    answer.headers_mut().append("x-through", HeaderValue::from_static("api"));
    answer
}

struct Member;

impl FromRequest for Member {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        match cx.headers().contains_key("x-member") {
            true => Ok(Member),
            false => Err(Problem::unauthorized("for members").into()),
        }
    }
}

fn app() -> App {
    let v1 = Group::at("/v1")
        .route("/users", get(seen).post(seen))
        .fallback(async |uri: Uri| format!("v1: {uri}"));
    let club = Group::at("/club")
        .layer(middleware(mark))
        .guard::<Member>()
        .route("/", get(seen))
        .fallback(async |body: String| format!("club: {body}"));
    let api = Group::at("/api")
        .layer(middleware(mark))
        .route("/users", get(seen))
        .route("/users/{id}/posts", get(seen))
        .route("/{kind}/img-{n}.png", get(seen))
        .group(v1)
        .fallback(async |uri: Uri, method: Method| {
            (StatusCode::NOT_FOUND, format!("api: {method} {uri}"))
        });
    App::new()
        .group(api)
        .group(club)
        .route("/{a}/{b}", get(async || "two").post(async || "two"))
        .route("/{a}", get(async || "page"))
        .route("/deep/{*page}", get(async || "page"))
        .group(Group::at("/deep/api").fallback(async || "deep"))
        .fallback(async || (StatusCode::NOT_FOUND, "lost"))
}

#[trine::test]
async fn the_nearest_group_answers_unmatched_requests() {
    let client = app().test().await;
    for (method, path, status, text) in [
        ("GET", "/api", 404, "api: GET /api"),
        ("GET", "/api/", 404, "api: GET /api/"),
        ("GET", "/api/nothing?x", 404, "api: GET /api/nothing?x"),
        ("DELETE", "/api/nothing/at/all/", 404, "api: DELETE /api/nothing/at/all/"),
        // A prefix of a route's path is not a route: the router backtracks to the fallback.
        ("GET", "/api/users/7/nothing", 404, "api: GET /api/users/7/nothing"),
        ("GET", "/api/cats/img-x.jpg", 404, "api: GET /api/cats/img-x.jpg"),
        ("GET", "/api/cats/img-1.png", 200, "GET /api/{kind}/img-{n}.png"),
        ("GET", "/api/users", 200, "GET /api/users"),
        ("GET", "/api/v1", 200, "v1: /api/v1"),
        ("GET", "/api/v1/nothing", 200, "v1: /api/v1/nothing"),
        ("POST", "/api/v1/users", 200, "POST /api/v1/users"),
        ("OPTIONS", "/api/nothing", 404, "api: OPTIONS /api/nothing"),
        // A prefix must end at a segment.
        ("GET", "/apis/x", 200, "two"),
        ("POST", "/apis/x", 200, "two"),
        ("GET", "/page", 200, "page"),
        ("GET", "/deep/x/y", 200, "page"),
        ("GET", "/deep/api", 200, "deep"),
        ("PUT", "/deep/api/x/y", 200, "deep"),
        ("POST", "/", 404, "lost"),
    ] {
        let answer = client.request(method.parse().unwrap(), path).await;
        answer.expect_status(status).expect_text(text);
    }
}

#[trine::test]
async fn other_methods_and_head_are_unaffected() {
    let client = app().test().await;
    client.put("/api/users").await.expect_problem(405);
    client
        .put("/api/v1/users")
        .await
        .expect_status(405)
        .expect_header("allow", "GET, HEAD, POST, OPTIONS");
    client
        .put("/apis/x")
        .await
        .expect_status(405)
        .expect_header("allow", "GET, HEAD, POST, OPTIONS");
    client.head("/api/users").await.expect_status(200);
    client.head("/api/nothing").await.expect_status(404);
    // A path that is a route apart from its trailing slash goes to that route before the fallback.
    client.get("/api/v1/users/").await.expect_status(308).expect_header("location", "../users");
    client.put("/api/v1/users/").await.expect_text("v1: /api/v1/users/");
}

#[trine::test]
async fn layers_guards_and_catchers_of_the_group_wrap_its_fallback() {
    let client = app().test().await;
    let through = |answer: &trine::testing::TestResponse| {
        answer.headers().get_all("x-through").iter().count()
    };
    assert_eq!(through(&client.get("/api/nothing").await), 1);
    assert_eq!(through(&client.get("/api/v1/nothing").await), 1, "the outer group wraps it too");
    assert_eq!(through(&client.get("/page").await), 0);
    let refused = client.post("/club/nothing").text("hi").await;
    assert_eq!((refused.status().as_u16(), through(&refused)), (401, 1));
    client.post("/club/nothing").text("hi").header("x-member", "1").await.expect_text("club: hi");

    let told = async |caught: Caught| format!("told: {}", caught.status().as_u16());
    let group = Group::at("/g").catch(404, told).fallback(async || Problem::not_found("here"));
    let client = App::new().group(group).test().await;
    client.get("/g/x").await.expect_status(404).expect_text("told: 404");
    assert!(client.get("/x").await.text().contains("no route matches"));
}

#[trine::test]
async fn parameters_of_the_prefix_are_those_of_the_fallback() {
    let tenants = Group::at("/{tenant}/in/{rest}")
        .fallback(async |Path((tenant, rest)): Path<(String, String)>| format!("{tenant} {rest}"));
    let hosted = Group::host("{shop}.example.com")
        .group(Group::at("/x/{y}").fallback(async |all: Path<Vec<String>>| format!("{:?}", *all)));
    let client = App::new().group(tenants).group(hosted).body_limit(4).test().await;
    for path in ["/a/in/b", "/a/in/b/", "/a/in/b/c/d%20e"] {
        client.get(path).await.expect_text("a b");
    }
    let answer = client.get("/x/1/2/3").header("host", "Shop.example.com").await;
    answer.expect_text(r#"["shop", "1"]"#);
    client.get("/x/1/2/3").await.expect_problem(404);
    let limited = Group::at("/l").fallback(async |body: String| body);
    let client = App::new().body_limit(4).group(limited).test().await;
    client.post("/l/x").text("1234").await.expect_text("1234");
    client.post("/l/x").text("12345").await.expect_problem(413);
}

/// A body that no route receives has the limit of the application, since no route can set one.
#[trine::test]
async fn the_fallback_of_the_application_has_its_body_limit() {
    let echo = async |body: String| body;
    let lost = || App::new().route("/users", get(seen)).fallback(echo);
    let mut config = trine::config::Config::default();
    config.body_limit = 4;
    let through_layers = lost().body_limit(4).layer(middleware(mark));
    for app in [lost().body_limit(4), lost().config(config), through_layers] {
        let client = app.test().await;
        client.post("/nowhere").text("1234").await.expect_text("1234");
        client.post("/nowhere").text("12345").await.expect_problem(413);
    }
    // Without a configured limit, the default of all routes applies.
    let client = lost().test().await;
    let large = "x".repeat(2 * 1024 * 1024);
    client.post("/nowhere").text(large.clone()).await.expect_text(&large);
    client.post("/nowhere").text(large + "x").await.expect_problem(413);
    // Chunks count as they arrive, and bytes beyond the limit are not read.
    let server = common::start(lost().body_limit(4)).await;
    let mut socket = tokio::net::TcpStream::connect(server.addr).await.unwrap();
    let endless =
        "POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n";
    socket.write_all(endless.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    drop(socket);
    server.stop().await;
}

#[trine::test]
async fn conditions_and_hosts_choose_among_fallbacks() {
    let say = |what: &'static str| move || what;
    let app = App::new()
        .group(Group::at("/api").header("x-version", "2").fallback(say("two")))
        .group(
            Group::at("/api")
                .route("/users", get(seen))
                .group(
                    Group::at("/in").accepts("text/csv").has_header("x-deep").fallback(say("deep")),
                )
                .fallback(say("one")),
        )
        .group(Group::host("a.example.com").route("/own", get(seen)).fallback(say("host")))
        .group(Group::at("/picky").has_header("x-picky").fallback(say("picky")))
        .route("/shared", get(seen));
    let client = app.test().await;
    client.get("/api/x").await.expect_text("one").expect_header("vary", "x-version");
    client.get("/api/x").header("x-version", "2").await.expect_text("two");
    client.get("/api/in/x").await.expect_text("one");
    client
        .get("/api/in/x")
        .header("x-deep", "")
        .header("accept", "text/*")
        .await
        .expect_text("deep");
    client
        .get("/api/in/x")
        .header("x-deep", "")
        .header("accept", "image/png")
        .await
        .expect_text("one");
    client.get("/picky/x").await.expect_problem(404);
    client.get("/picky/x").header("x-picky", "1").await.expect_text("picky");
    // Routes for any host take precedence over the fallback of one host.
    for (path, text) in
        [("/shared", "GET /shared"), ("/own", "GET /own"), ("/x", "host"), ("/", "host")]
    {
        client.get(path).header("host", "a.example.com").await.expect_text(text);
    }
    client.get("/x").await.expect_problem(404);
}

#[tokio::test]
async fn fallbacks_work_over_a_socket() {
    let server = common::start(app()).await;
    let answer = reqwest::get(server.url("/api/nothing")).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap()),
        (404, "api: GET /api/nothing".into())
    );
    assert_eq!(reqwest::get(server.url("/x")).await.unwrap().text().await.unwrap(), "page");
    server.stop().await;
}

#[test]
fn the_audit_and_the_tree_show_fallbacks() {
    async fn of_state(_: State<AtomicUsize>) {}
    async fn of_two(_: Path<(u8, u8)>) {}
    async fn plain() {}
    let line = line!();
    let app = App::new()
        .group(Group::at("/a").fallback(of_state))
        .group(Group::at("/{b}/c").fallback(of_two))
        .group(Group::at("/d").fallback(plain))
        .group(Group::at("/d").fallback(plain))
        .group(Group::at("/f").mount("/", axum::Router::<()>::new()).fallback(plain));
    let audit = app.audit().unwrap_err();
    let found: Vec<_> = audit
        .findings()
        .iter()
        .map(|it| (it.kind, it.text.as_str(), it.locations[0].as_str()))
        .collect();
    let has = |kind: Kind, part: &str, offset: u32| {
        let place = format!("{}:{}", file!(), line + offset);
        assert!(
            found.iter().any(|it| it.0 == kind && it.1.contains(part) && it.2 == place),
            "{part}: {audit}"
        );
    };
    has(Kind::MissingState, "the fallback `of_state` needs state of type", 2);
    has(Kind::PathParams, "takes 2 path parameters as `Path<(u8, u8)>`, but `/{b}/c` has 1 (b)", 3);
    has(
        Kind::Collision,
        "`fallback plain` (any method of /d/{*rest}) and `fallback plain` (any method of /d/{*rest}) are fallbacks for the same requests: remove one of them",
        5,
    );
    has(Kind::Unreachable, "no request reaches `fallback plain` (any method of /f/{*rest})", 6);

    let app = App::new().group(Group::at("/only").layer(middleware(mark)).fallback(plain));
    assert!(app.audit().unwrap().findings().is_empty());
    let tree = app.tree().to_string();
    assert!(tree.contains("    └ fallback /only  plain  ("), "{tree}");
    let text = app.explain("GET", "/only/x").unwrap().to_string();
    assert!(text.contains("is answered by the fallback of /only  plain  ("), "{text}");
    assert!(text.contains("through layer mark"), "{text}");
}

/// Two prefixes are valid each, but not one inside the other. The audit used to panic when a
/// fallback with such a prefix came before others.
#[test]
fn a_fallback_with_a_malformed_prefix_is_reported_and_disturbs_no_other() {
    async fn plain() {}
    let malformed =
        || Group::at("/{id}").group(Group::at("/{id}/x").route("/", get(plain)).fallback(plain));
    let inner = Group::at("/b").route("/", get(plain)).fallback(plain);
    let app = App::new()
        .group(malformed())
        .group(malformed())
        .group(Group::at("/a").fallback(plain).group(inner));
    let audit = app.audit().unwrap_err();
    assert!(audit.findings().iter().all(|finding| finding.kind == Kind::Template), "{audit}");
    assert!(!audit.findings().is_empty());
}
