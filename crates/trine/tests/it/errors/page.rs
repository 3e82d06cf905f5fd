//! The error page under `dev`, as HTML, Markdown and JSON, and its absence under `prod`.
//! `tests/it/browser.rs` opens it in a browser.

use std::io;

use serde::Deserialize;
use serde_json::{Value, json};
use trine::config::{Config, Profile};
use trine::prelude::*;

#[derive(Debug, Deserialize)]
struct NewUser {
    name: String,
}

#[get("/users/{id}")]
async fn show(id: u32) -> trine::Result<String> {
    Err(io::Error::other("refused by the database"))
        .with_context(|| format!("reading user {id}"))?
}

#[post("/users")]
async fn create(Json(user): Json<NewUser>) -> String {
    user.name
}

#[get("/panic")]
async fn panics() -> &'static str {
    panic!("seven\n<b>is</b> {}", 7)
}

async fn plain_panics() {
    panic!("at once")
}

async fn made() -> Problem {
    Problem::conflict("taken").note("template", "page.html:7\n  {{ <x> }}")
}

async fn taken(_: Request) -> Result<(), trine::Error> {
    Err(trine::Error::new("gone"))
}

fn app(profile: Profile) -> App {
    let app =
        App::new().routes(routes![show, create, panics]).route("/plain-panic", get(plain_panics));
    let app = app.route("/made", get(made)).route("/taken", post(taken));
    let mut config = Config::default();
    config.profile = profile;
    app.config(config)
}

/// The location of a text in this file, as the page shows it.
fn place_of(text: &str) -> String {
    let line = include_str!("page.rs").lines().position(|line| line.contains(text)).unwrap() + 1;
    format!("{}:{line}", file!())
}

async fn told(path: &str, accept: &str) -> String {
    let answer = app(Profile::Dev).test().await.get(path).header("accept", accept).await;
    answer.text()
}

#[trine::test]
async fn json_has_a_member_for_developers() {
    let client = app(Profile::Dev).test().await;
    let answer = client.get("/users/7?token=abc").header("authorization", "Bearer abc").await;
    answer.expect_status(500).expect_header("content-type", "application/problem+json");
    answer.expect_header("cache-control", "no-store");
    let body: Value = answer.json();
    let dev = &body["dev"];
    assert_eq!(dev["causes"], json!(["reading user 7", "refused by the database"]));
    assert_eq!(
        (&dev["handler"]["name"], &dev["handler"]["path"]),
        (&json!("show"), &json!("/users/{id}"))
    );
    assert_eq!(dev["handler"]["location"], place_of("async fn show"));
    assert_eq!(dev["made_at"], place_of(".with_context("), "{dev:#}");
    assert!(dev["backtrace"][0]["function"].as_str().unwrap().ends_with("page::show"), "{dev:#}");
    let frames = dev["backtrace"].to_string();
    assert!(
        !frames.contains("trine::") && !frames.contains("tokio") && !frames.contains("core::"),
        "{dev:#}"
    );
    assert_eq!(dev["request"]["target"], "/users/7?token=••••••");
    assert!(dev["request"]["headers"].to_string().contains("Bearer ••••••"), "{dev:#}");
    assert!(!body.to_string().contains("abc"), "{body}");
    assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
}

#[trine::test]
async fn the_extractor_that_refused_is_named_with_its_type() {
    let client = app(Profile::Dev).test().await;
    let body: Value =
        client.post("/users").json(&json!({ "name": 7 })).await.expect_status(422).json();
    assert_eq!(body["dev"]["refused_by"], "Json<NewUser>");
    assert_eq!(body["dev"]["handler"]["name"], "create");
    assert_eq!(body["dev"].get("made_at"), None, "the location is in the framework");
    let body: Value = client.get("/users/seven").await.expect_status(400).json();
    assert_eq!(body["dev"]["refused_by"], "u32");
}

#[trine::test]
async fn similar_paths_are_suggested() {
    let client = app(Profile::Dev).test().await;
    for (method, path, near) in [
        (Method::GET, "/user/7", "did you mean `GET /users/{id}`?"),
        (Method::GET, "/users", "`POST /users` exists"),
        (Method::POST, "/users/7", "`GET /users/{id}` exists"),
        (Method::POST, "/user", "did you mean `POST /users`?"),
        (Method::GET, "/panics", "did you mean `GET /panic`?"),
    ] {
        let text =
            client.request(method.clone(), path).header("accept", "text/markdown").await.text();
        assert!(text.contains(near), "{method} {path}: {text}");
        assert!(text.contains("- POST /users `create`, "), "{text}");
        assert!(!text.contains("other methods"), "{text}");
    }
    let text = told("/something/else", "text/plain").await;
    assert!(!text.contains("did you mean"), "{text}");
    // If a handler does not find something, the path is not wrong.
    let text = told("/made", "text/plain").await;
    assert!(!text.contains("## Routes"), "{text}");
}

#[trine::test]
async fn markdown_is_terse_and_shows_the_line() {
    let text = told("/users/7", "text/markdown").await;
    assert!(
        text.starts_with("# 500 Internal Server Error\n\n- because: reading user 7\n"),
        "{text}"
    );
    let source =
        include_str!("page.rs").lines().find(|line| line.contains(".with_context(")).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with('>')).unwrap();
    assert!(line.ends_with(&format!("| {source}")), "{text}");
    let text = told("/made", "text/markdown").await;
    assert!(text.contains("## template\n\n    page.html:7\n      {{ <x> }}\n"), "{text}");
}

#[trine::test]
async fn panics_are_shown_and_the_next_request_is_served() {
    let client = app(Profile::Dev).test().await;
    for path in ["/panic", "/plain-panic"] {
        let body: Value = client.get(path).await.expect_status(500).json();
        let cause = body["dev"]["causes"][0].as_str().unwrap();
        assert!(cause.starts_with(&format!("panicked at {}:", file!())), "{cause}");
        let made_at = body["dev"]["made_at"].as_str().unwrap();
        assert!(cause.contains(&format!("{made_at}:")), "{body:#}");
        let frame = body["dev"]["backtrace"][0]["function"].as_str().unwrap();
        assert!(frame.ends_with("panics"), "{body:#}");
    }
    let page = client.get("/panic").header("accept", "text/html").await.text();
    assert!(
        page.contains("<a href=\"vscode://file/") && page.contains("tests/it/errors/page.rs:"),
        "{page}"
    );
    assert!(page.contains("&lt;b&gt;is&lt;/<wbr>b&gt; 7") && !page.contains("<b>is"), "{page}");
    client.get("/made").await.expect_status(409);
}

#[trine::test]
async fn a_head_that_the_handler_consumed_is_still_shown() {
    let client = app(Profile::Dev).test().await;
    let answer =
        client.post("/taken?a=b").header("accept", "text/html").header("x-name", "ann").await;
    answer.expect_status(500).expect_header("content-type", "text/html; charset=utf-8");
    assert!(
        answer.text().contains("/<wbr>taken?a=b")
            && answer.text().contains("<th>x-name</th><td>ann</td>")
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert_eq!(policy, "default-src 'none'; style-src 'unsafe-inline'");
    assert!(!answer.text().contains("<script"));
}

#[trine::test]
async fn a_catcher_takes_precedence_over_the_page() {
    async fn own(problem: Caught) -> String {
        problem.to_string()
    }
    let client =
        app(Profile::Dev).catch(409, own).catch(catch::of::<catch::Panic>(), own).test().await;
    client.get("/made").await.expect_status(409).expect_text("409 Conflict: taken");
    client.get("/panic").await.expect_status(500).expect_text("500 Internal Server Error");
    assert!(client.get("/nowhere").header("accept", "text/html").await.text().contains("Routes ("));
}

#[trine::test]
async fn prod_shows_no_internals() {
    let unset = App::new().routes(routes![show, create]).route("/made", get(made));
    for app in [app(Profile::Prod), unset] {
        let client = app.test().await;
        for accept in ["application/json", "text/html", "text/markdown", "text/plain"] {
            let answers = [
                client.get("/users/7").header("accept", accept).await,
                client.get("/made").header("accept", accept).await,
                client.get("/users").header("accept", accept).await,
                client.get("/user").header("accept", accept).await,
                client.post("/users").header("accept", accept).json(&json!({})).await,
            ];
            for answer in answers {
                let text = answer.text();
                let inside = [
                    ".rs",
                    "refused by",
                    "reading user",
                    "page.html",
                    "NewUser",
                    "\"dev\"",
                    "backtrace",
                    "did you",
                ];
                let leaked = inside.iter().find(|inside| text.contains(**inside));
                assert_eq!(leaked, None, "{text}");
                assert_eq!(answer.header("cache-control"), None);
            }
        }
    }
}

/// The test below starts this one as a process of its own. Otherwise it does nothing.
#[trine::test]
async fn the_program_that_is_served() {
    if std::env::var_os("TRINE_PORT").is_some() {
        App::new().routes(routes![show]).serve().await.unwrap();
    }
}

#[trine::test]
async fn a_served_program_uses_its_profile() {
    for (profile, shows) in [("dev", true), ("prod", false)] {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut program = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "errors::page::the_program_that_is_served"])
            .env_clear()
            .env("TRINE_EDITOR", "zed")
            .env("TRINE_PROFILE", profile)
            .env("TRINE_PORT", port.to_string())
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let text = loop {
            match reqwest::get(format!("http://127.0.0.1:{port}/users/7")).await {
                Ok(answer) => break answer.text().await.unwrap(),
                Err(_) => assert!(program.try_wait().unwrap().is_none(), "the program has ended"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert!(text.contains("trace_id"), "{text}");
        assert_eq!(text.contains("refused by the database"), shows, "{profile}: {text}");
        program.kill().await.unwrap();
    }
}
