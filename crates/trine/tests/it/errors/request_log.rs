//! The log line for each request.

use std::time::Duration;

use trine::config::{Config, LogRequests, Profile};
use trine::prelude::*;
use trine::testing::TestClient;

use super::log::Lines;

async fn show(Path(id): Path<u8>) -> String {
    id.to_string()
}

async fn search(query: Query<Search>) -> String {
    query.0.token.to_string()
}

#[derive(Debug, serde::Deserialize)]
struct Search {
    token: u32,
}

async fn fails() -> trine::Result<()> {
    Err(std::io::Error::other("no space"))?
}

async fn slow() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

async fn never() {
    std::future::pending::<()>().await;
}

struct Admin;

impl FromRequest for Admin {
    type Reads = Head;

    async fn from_request(_: &mut Cx) -> Result<Self, Rejection> {
        Err(Problem::forbidden("this is for admins").into())
    }
}

async fn rewrites(mut request: Request, next: Next) -> Response {
    if request.uri().path() == "/old" {
        *request.uri_mut() = "/users/7".parse().unwrap();
    }
    next.run(request).await
}

fn app() -> App {
    App::new()
        .route("/users/{id}", get(show))
        .route("/search", get(search))
        .route("/fails", get(fails))
        .route("/slow", get(slow))
        .route("/never", get(never))
        .route("/report", get(async || "new").header("x-version", "2"))
        .group(Group::host("api.example.com").route("/hosted", get(async || "hosted")))
        .group(Group::at("/admin").guard::<Admin>().route("/keys", get(async || "keys")))
        .group(
            Group::at("/told")
                .guard::<Admin>()
                .route("/", get(slow))
                .catch(403, async || Redirect::to("/in")),
        )
}

async fn client(profile: Profile, log_requests: LogRequests, app: App) -> TestClient {
    let mut config = Config::default();
    (config.profile, config.log_requests) = (profile, log_requests);
    app.config(config).test().await
}

/// The line of the last request, from its level on and without its duration.
fn last(lines: &Lines) -> String {
    let text = lines.text();
    let line = text.lines().rfind(|line| line.contains("trine::request")).unwrap_or_default();
    let line = line.split_once("INFO ").unwrap_or_default().1;
    let words = line.split(' ').filter(|word| !word.starts_with("ms="));
    words.collect::<Vec<_>>().join(" ")
}

#[trine::test]
async fn under_dev_the_request_log_has_the_outcome_and_its_reason() {
    let (lines, _guard) = Lines::start();
    for app in [app(), app().layer(middleware(rewrites))] {
        let client = client(Profile::Dev, LogRequests::default(), app).await;
        client.get("/users/7").await.expect_status(200);
        assert_eq!(
            last(&lines),
            r#"trine::request: method=GET path="/users/7" status=200 route="/users/{id}""#
        );
        client.get("/users/x").await.expect_status(400);
        let line = last(&lines);
        let start = r#"trine::request: method=GET path="/users/x" status=400 route="/users/{id}" why="400 Bad Request: "#;
        assert!(line.starts_with(start) && line.ends_with(r#"by="Path""#), "{line}");
        client.get("/admin/keys").await.expect_status(403);
        let refused =
            r#"status=403 route="/admin/keys" why="403 Forbidden: this is for admins" by="Admin""#;
        assert!(last(&lines).ends_with(refused), "{}", last(&lines));
        // A catcher changed the response.
        client.get("/told").await.expect_status(303);
        assert!(
            last(&lines).contains(r#"status=303 route="/told" why="403 Forbidden: "#),
            "{}",
            last(&lines)
        );
        client.get("/nowhere").await.expect_status(404);
        let nowhere =
            r#"path="/nowhere" status=404 why="404 Not Found: no route matches `/nowhere`""#;
        assert!(last(&lines).ends_with(nowhere), "{}", last(&lines));
        client.delete("/users/7").await.expect_status(405);
        assert!(
            last(&lines).contains(
                r#"method=DELETE path="/users/7" status=405 route="/users/{id}" why="405"#
            )
        );
        client.get("/report").header("x-version", "2").await.expect_status(200);
        assert!(
            last(&lines).ends_with(r#"path="/report" status=200 route="/report""#),
            "{}",
            last(&lines)
        );
        client.get("/hosted").header("host", "api.example.com").await.expect_status(200);
        assert!(
            last(&lines).ends_with(r#"path="/hosted" status=200 route="/hosted""#),
            "{}",
            last(&lines)
        );
        let answer = client.get("/fails").await;
        let id = answer.json::<serde_json::Value>()["trace_id"].as_str().unwrap().to_owned();
        let failed = format!(r#"why="500 Internal Server Error" trace_id="{id}""#);
        assert!(last(&lines).ends_with(&failed), "{}", last(&lines));
    }
    // The route is the matched one, even if a layer rewrites the path.
    assert_eq!(lines.count("trine::request"), 18, "{}", lines.text());
    let client =
        client(Profile::Dev, LogRequests::default(), app().layer(middleware(rewrites))).await;
    client.get("/old").await.expect_text("7");
    assert!(
        last(&lines).ends_with(r#"path="/old" status=200 route="/users/{id}""#),
        "{}",
        last(&lines)
    );
}

/// The logged route is the one that answers, or the target of the redirect. Looking up the path
/// again would find another one.
#[trine::test]
async fn the_request_log_names_the_matched_route() {
    async fn respells(mut request: Request, next: Next) -> Response {
        let uri = match request.uri().path() {
            "/odd" => "/%75sers/7",
            "/more" => "/same/x/",
            _ => return next.run(request).await,
        };
        *request.uri_mut() = uri.parse().unwrap();
        next.run(request).await
    }
    let (lines, _guard) = Lines::start();
    let routes = || {
        let api = Group::at("/api").route("/users", get(slow)).fallback(async || "nothing");
        let same = Group::at("/same").slashes(trine::Slashes::Same).route("/x", get(async || "x"));
        app().group(api).group(same)
    };
    for app in [routes(), routes().layer(middleware(respells))] {
        let client = client(Profile::Dev, LogRequests::default(), app).await;
        client.get("/api/users/").await.expect_status(308);
        let led = r#"path="/api/users/" status=308 route="/api/users""#;
        assert!(last(&lines).ends_with(led), "{}", last(&lines));
        client.get("/api/nothing").await.expect_text("nothing");
        assert!(last(&lines).ends_with(r#"status=200 route="/api/{*rest}""#), "{}", last(&lines));
        client.get("/users/%zz").await.expect_status(400);
        assert!(!last(&lines).contains("route="), "{}", last(&lines));
        client.get("/same/x/").await.expect_text("x");
        assert!(last(&lines).ends_with(r#"status=200 route="/same/x""#), "{}", last(&lines));
    }
    let client =
        client(Profile::Dev, LogRequests::default(), routes().layer(middleware(respells))).await;
    client.get("/odd").await.expect_text("7");
    assert!(
        last(&lines).ends_with(r#"path="/odd" status=200 route="/users/{id}""#),
        "{}",
        last(&lines)
    );
    client.get("/more").await.expect_text("x");
    assert!(
        last(&lines).ends_with(r#"path="/more" status=200 route="/same/x""#),
        "{}",
        last(&lines)
    );
}

#[trine::test]
async fn the_request_log_has_durations_and_unanswered_requests() {
    let (lines, _guard) = Lines::start();
    let client = client(Profile::Dev, LogRequests::default(), app()).await;
    client.get("/slow").await.expect_status(200);
    let text = lines.text();
    let took: f64 = text.split("ms=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((20.0..10_000.0).contains(&took), "{text}");
    let gone = tokio::time::timeout(Duration::from_millis(20), client.get("/never").send()).await;
    assert!(gone.is_err());
    let expected = r#"path="/never" route="/never" why="no response: the client disconnected, or the handler panicked""#;
    assert!(last(&lines).ends_with(expected), "{}", last(&lines));
}

#[trine::test]
async fn the_request_log_never_contains_query_values() {
    let (lines, _guard) = Lines::start();
    for profile in [Profile::Dev, Profile::Prod] {
        let client = client(profile, LogRequests::Always, app()).await;
        client.get("/search?token=tiger-lily&x=1").await.expect_status(400);
        client.get("/nowhere?token=tiger-lily").await.expect_status(404);
        client.get("/search?token=tiger%2Dlily").await.expect_status(400);
        client.get(format!("/search?token={}", "tiger-lily".repeat(99))).await.expect_status(400);
    }
    let text = lines.text();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("trine::request")).collect();
    assert_eq!(ours.len(), 8, "{text}");
    assert!(ours.iter().all(|line| !line.contains("tiger")), "{ours:?}");
    assert!(ours[0].contains("`token`") && ours[0].contains("…"), "{}", ours[0]);
    // Only the profile `dev` logs the detail.
    assert!(ours[4].contains(r#"why="400 Bad Request" by="#), "{}", ours[4]);
}

#[trine::test]
async fn the_request_log_is_on_under_dev_and_on_request() {
    for (profile, log_requests, count) in [
        (Profile::Dev, LogRequests::Dev, 1),
        (Profile::Prod, LogRequests::Dev, 0),
        (Profile::Dev, LogRequests::Never, 0),
        (Profile::Prod, LogRequests::Never, 0),
        (Profile::Prod, LogRequests::Always, 1),
    ] {
        let (lines, _guard) = Lines::start();
        let client = client(profile, log_requests, app()).await;
        client.get("/users/7").await.expect_status(200);
        assert_eq!(
            lines.count("trine::request"),
            count,
            "{profile:?} {log_requests:?}: {}",
            lines.text()
        );
    }
    // Without a configuration there is no profile.
    let (lines, _guard) = Lines::start();
    app().test().await.get("/users/7").await.expect_status(200);
    assert_eq!(lines.count("trine::request"), 0);
}
