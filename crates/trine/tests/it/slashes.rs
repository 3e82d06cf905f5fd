//! Paths with an added or missing trailing slash.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trine::Slashes;
use trine::audit::Kind;
use trine::extract::RawTarget;
use trine::guard::guard;
use trine::prelude::*;

use crate::common;

async fn tell(path: MatchedPath, uri: Uri) -> String {
    format!("{path} {uri}")
}

fn app() -> App {
    App::new()
        .route("/users", get(tell).post(async |body: String| body))
        .route("/users/{id}/", get(tell))
        .route("/both", get(tell))
        .route("/both/", get(tell))
        .route("/only/", post(tell))
        .route("/files/{*path}", get(tell))
        .route("/ü", get(tell))
        .route("/csv", get(tell).accepts("text/csv"))
        .group(Group::at("/api").route("/", get(tell)).route("/x:y", get(tell)))
}

#[trine::test]
async fn the_other_spelling_is_redirected_to_the_route() {
    let client = app().test().await;
    for (method, path, location) in [
        ("GET", "/users/", "../users"),
        ("HEAD", "/users/", "../users"),
        ("POST", "/users/?page=2&to=//evil.example/", "../users?page=2&to=//evil.example/"),
        ("GET", "/users/7", "./7/"),
        ("GET", "/users/a%2Fb?", "./a%2Fb/?"),
        ("POST", "/only", "./only/"),
        ("GET", "/api/", "../api"),
        ("GET", "/api/x:y/", "../x:y"),
        ("GET", "/%75sers/", "../users"),
        ("GET", "/%c3%bc/", "../%C3%BC"),
        ("GET", "http://other.example/users/", "../users"),
    ] {
        let answer = client.request(method.parse().unwrap(), path).await;
        answer.expect_status(308).expect_header("location", location);
        assert_eq!(answer.text(), "");
    }
    // A client that follows the redirect arrives with the same method, body and query.
    let client = client.follow_redirects(1);
    client.post("/users/").text("Ann").await.expect_text("Ann");
    client.get("/users/7?x=%20").await.expect_text("/users/{id}/ /users/7/?x=%20");
    client.get("/api/x:y/").await.expect_text("/api/x:y /api/x:y");
}

#[trine::test]
async fn nothing_is_redirected_if_no_route_would_answer() {
    let client = app().fallback(async || (StatusCode::NOT_FOUND, "lost")).test().await;
    for (method, path) in [
        ("GET", "/only"),
        ("PUT", "/users/"),
        ("GET", "/nothing/"),
        ("GET", "/files/"),
        ("GET", "/files"),
        ("GET", "/users//"),
        ("GET", "/users/.."),
        ("GET", "//users/"),
        ("OPTIONS", "/users/"),
    ] {
        client.request(method.parse().unwrap(), path).await.expect_status(404).expect_text("lost");
    }
    // Both forms are routes, or the slash belongs to the rest parameter.
    client.get("/both").await.expect_text("/both /both");
    client.get("/both/").await.expect_text("/both/ /both/");
    client.post("/both/").await.expect_problem(405);
    client.get("/files/a/").await.expect_text("/files/{*path} /files/a/");
    // Conditions apply as they do to the path itself.
    client.get("/csv/").header("accept", "text/*").await.expect_header("location", "../csv");
    client.get("/csv/").header("accept", "image/png").await.expect_text("lost");
}

#[trine::test]
async fn groups_override_the_setting_for_themselves_and_inner_groups() {
    let inner = || Group::at("/in").route("/a", get(tell));
    let app = App::new()
        .slashes(Slashes::Strict)
        .route("/a", get(tell))
        .group(Group::at("/plain").group(inner()))
        .group(Group::at("/led").slashes(Slashes::Redirect).group(inner()))
        .group(
            Group::at("/same")
                .slashes(Slashes::Same)
                .group(inner())
                .group(Group::at("/strict").slashes(Slashes::Strict).route("/a", get(tell))),
        );
    let client = app.test().await;
    client.get("/a/").await.expect_problem(404);
    client.get("/plain/in/a/").await.expect_problem(404);
    client.get("/led/in/a/").await.expect_status(308);
    client.get("/same/in/a/").await.expect_text("/same/in/a /same/in/a");
    client.get("/same/strict/a/").await.expect_problem(404);
}

/// Layers and guards see the path that matched, so an added slash bypasses none of them.
#[trine::test]
async fn layers_guards_and_handlers_see_the_same_path() {
    async fn no_admin(uri: Uri, request: Request, next: Next) -> Result<Response, Problem> {
        match uri.path() == "/admin" {
            true => Err(Problem::forbidden("not for you")),
            false => Ok(next.run(request).await),
        }
    }
    struct NoKeys;
    impl FromRequest for NoKeys {
        type Reads = Head;
        async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
            match cx.uri().path() == "/keys/" {
                true => Err(Problem::unauthorized("whose?").into()),
                false => Ok(NoKeys),
            }
        }
    }
    let routes = || {
        App::new()
            .slashes(Slashes::Same)
            .route("/admin", get(tell))
            .route("/keys/", get(tell))
            .route("/raw", get(async |uri: Uri, raw: RawTarget| format!("{uri} {}", raw.0)))
            .route("/csv", get(tell).accepts("text/csv"))
            .route("/users", post(async |body: String| body))
    };
    let client = routes().layer(middleware(no_admin)).layer(guard::<NoKeys>()).test().await;
    for path in ["/admin", "/admin/", "/%61dmin/"] {
        client.get(path).await.expect_problem(403);
    }
    for path in ["/keys", "/keys/"] {
        client.get(path).await.expect_problem(401);
    }
    for client in [client, routes().test().await] {
        client.get("/%72aw/?x=%61").await.expect_text("/raw?x=%61 /%72aw/?x=%61");
        client.post("/users/").text("Ann").await.expect_text("Ann");
        client.get("/csv/").header("accept", "text/csv").await.expect_text("/csv /csv");
        client.get("/csv/").header("accept", "image/png").await.expect_problem(404);
        client.put("/users/").await.expect_problem(404);
    }
}

/// The redirect is valid for the client, even if an outer service has removed a prefix.
#[trine::test]
async fn a_redirect_keeps_a_prefix_that_was_removed() {
    let inner = app().build().await.unwrap();
    let router = axum::Router::new().nest_service("/nested", inner.clone());
    let hosted = Group::host("api.example.com").route("/v1", get(async || "the API"));
    let client = App::new().mount("/old", inner).mount("/axum", router).group(hosted).test().await;
    let following = client.follow_redirects(1);
    following.get("/old/users/").await.expect_text("/users /users");
    following.get("/axum/nested/users/7").await.expect_text("/users/{id}/ /users/7/");
    client.get("/old/nothing/").await.expect_problem(404);
    let answer = client.get("/v1/").header("host", "api.example.com").await;
    answer.expect_status(308).expect_header("location", "../v1");
    client.get("/v1/").header("host", "www.example.com").await.expect_problem(404);
}

/// Over sockets: no target makes the redirect name another host.
#[tokio::test]
async fn no_target_leads_to_another_host() {
    let server = common::start(app().route("/{a}/{b}", get(tell)).route("/{c}", get(tell))).await;
    let mut redirects = 0;
    for target in [
        "//evil.example/",
        "//evil.example",
        "/%2f/evil.example/",
        "/%2Fevil.example/",
        "/\\evil.example/",
        "/%5cevil.example/",
        "/https:/",
        "/evil.example/a/",
        "/users/?//evil.example/",
        &server.url("/users/"),
        "http://evil.example/users/",
    ] {
        let mut socket = TcpStream::connect(server.addr).await.unwrap();
        let host = if target.starts_with("http://evil") {
            "evil.example".to_owned()
        } else {
            server.addr.to_string()
        };
        let head = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
        redirects += usize::from(answer.starts_with("HTTP/1.1 308"));
        let (path, _) =
            location.unwrap_or("./").split_once('?').unwrap_or((location.unwrap_or("./"), ""));
        assert!(path.starts_with("../") || path.starts_with("./"), "{target}: {answer}");
        assert!(!path.contains("//") && !path.contains('\\'), "{target}: {answer}");
    }
    assert!(redirects > 5, "{redirects}");
    server.stop().await;
}

#[test]
fn the_audit_reports_conflicts() {
    let routes = |slashes| {
        let both = Group::at("/g")
            .route("/a", get(tell))
            .route("/a/", post(tell))
            .route("/{id}", get(tell));
        App::new().group(both.slashes(slashes)).route("/{*rest}", get(tell))
    };
    let audit = routes(Slashes::Same).audit().unwrap_err();
    let [finding] = audit.findings() else { panic!("{audit}") };
    assert_eq!(finding.kind, Kind::Collision);
    assert_eq!(
        finding.text,
        "under `Slashes::Same`, `tell` (POST /g/a/) and `tell` (GET /g/a) have the same path: write both with the same ending if their methods differ, otherwise remove one of them"
    );
    assert_eq!(finding.locations.len(), 2);
    let audit = routes(Slashes::Redirect).audit().unwrap();
    let of_slashes = audit.findings().iter().filter(|finding| finding.text.starts_with("`Slashes"));
    let told: Vec<_> = of_slashes.map(|finding| (finding.kind, &*finding.text)).collect();
    assert_eq!(
        told,
        [
            (
                Kind::Shadowed,
                "`Slashes::Redirect` has no effect on `/g/a`: `tell` (POST /g/a/) answers the path with the other ending; remove that route if this path should be redirected"
            ),
            (
                Kind::Shadowed,
                "`Slashes::Redirect` has no effect on `/g/{id}`: `tell` (GET /{*rest}) answers the path with the other ending; remove that route if this path should be redirected"
            ),
        ]
    );
    // Without a setting there is no conflict. A fallback does not conflict either.
    assert!(!routes(Slashes::Strict).audit().unwrap().to_string().contains("Slashes"));
    assert!(app().audit().unwrap().findings().is_empty());
    let fallen = Group::at("/g").slashes(Slashes::Same).route("/a", get(tell)).fallback(tell);
    assert!(App::new().group(fallen).audit().unwrap().findings().is_empty());
}

#[test]
fn an_explanation_names_the_target_of_the_redirect() {
    let said = |app: App, path: &str| app.explain("GET", path).unwrap().to_string();
    let text = said(app(), "/users/");
    assert!(
        text.contains(
            "is answered with 308 to `../users`: the path of the route has the other ending"
        ),
        "{text}"
    );
    assert!(text.contains("the route is GET /users  tell  ("), "{text}");
    assert!(text.contains("the path has an extra slash at its end"), "{text}");
    assert!(said(app().slashes(Slashes::Strict), "/users/").contains("no route has this path"));
    let same = App::new().slashes(Slashes::Same).route("/users", get(tell));
    assert!(said(same, "/users/").contains("is answered by GET /users  tell"));
}
