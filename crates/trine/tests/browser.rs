//! The error page in a real browser: Chromium, from a real socket. Where there is no Chromium it is skipped, unless
//! `REQUIRE_BROWSER` says that there has to be one. `SCREENSHOTS=folder` takes pictures, to be looked at.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use trine::config::{Config, Profile};
use trine::prelude::*;

#[derive(Debug, Deserialize)]
struct NewArticle {
    title: String,
}

#[derive(Debug, Problem)]
enum ArticleError {
    #[problem(status = 503, detail = "articles cannot be read now")]
    Database(#[from] std::io::Error),
}

struct Articles;

impl Articles {
    fn find(slug: &str) -> Result<String, ArticleError> {
        let file = std::fs::read_to_string(format!("/var/lib/articles/{slug}.md"))?;
        Ok(file)
    }
}

#[get("/articles/{slug}")]
async fn show(slug: String) -> trine::Result<String> {
    let article = Articles::find(&slug).with_context(|| format!("reading the article <{slug}>"))?;
    Ok(article)
}

#[get("/pages/{page}")]
async fn page(page: u32) -> String {
    page.to_string()
}

#[post("/articles")]
async fn create(Json(article): Json<NewArticle>) -> String {
    article.title
}

#[get("/articles")]
async fn list() -> Vec<u8> {
    let none: [u8; 0] = [];
    let first = none.iter().position(|byte| *byte == 1);
    vec![none[first.unwrap_or(7)]]
}

#[trine::test]
async fn it_shows_what_went_wrong_and_loads_nothing_else() {
    let Some(chromium) = chromium() else { return };
    let app = App::new().routes(routes![show, page, create, list]);
    let running = common::start(app.config(dev())).await;
    let pages = [
        ("cause", "/articles/hello?token=s3cr3t", "503 Service Unavailable"),
        ("refusal", "/pages/seven", "400 Bad Request"),
        ("near", "/artcles", "404 Not Found"),
        ("panic", "/articles", "500 Internal Server Error"),
    ];
    for (name, path, title) in pages {
        let dom = dom(&chromium, &running.url(path)).await;
        assert!(dom.contains(&format!("<title>{title} · ")), "{dom}");
        assert!(!dom.contains("s3cr3t"), "{dom}");
        assert_eq!(dom.matches("http://").count() + dom.matches("https://").count(), 0, "{dom}");
        if let Some(folder) = std::env::var_os("SCREENSHOTS") {
            screenshots(&chromium, &running.url(path), &Path::new(&folder).join(name)).await;
        }
    }
    running.stop().await;
}

#[trine::test]
async fn what_a_client_sends_is_text_on_it_and_never_markup() {
    let Some(chromium) = chromium() else { return };
    let app = App::new().routes(routes![show]);
    let running = common::start(app.config(dev())).await;
    let attack = "/articles/%3Cscript%3Edocument.title='taken'%3C%2Fscript%3E?q=<img src=x onerror=alert(1)>";
    let dom = dom(&chromium, &running.url(&attack.replace(' ', "%20"))).await;
    assert!(dom.contains("reading the article &lt;&lt;script&gt;"), "{dom}");
    assert!(!dom.contains("<script") && !dom.contains("<img") && !dom.contains("<title>taken"), "{dom}");
    running.stop().await;
}

fn dev() -> Config {
    let mut config = Config::default();
    config.profile = Profile::Dev;
    config
}

fn chromium() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&paths)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("REQUIRE_BROWSER").is_none(),
            "REQUIRE_BROWSER is set and there is no chromium"
        );
        eprintln!("skipped: there is no chromium on this machine");
    }
    found
}

/// What the browser made of the page.
async fn dom(chromium: &Path, url: &str) -> String {
    let out = run(chromium, &["--dump-dom", url]).await;
    String::from_utf8(out).unwrap()
}

async fn screenshots(chromium: &Path, url: &str, file: &Path) {
    for (scheme, number) in [("dark", 0), ("light", 1)] {
        for (width, height) in [(1280, 900), (390, 844)] {
            let file = format!("{}-{scheme}-{width}.png", file.display());
            let size = format!("--window-size={width},{height}");
            let scheme = format!("--blink-settings=preferredColorScheme={number}");
            let shot = format!("--screenshot={file}");
            run(chromium, &[&size, &shot, &scheme, "--hide-scrollbars", url]).await;
            assert!(std::fs::metadata(&file).unwrap().len() > 5_000, "{file}");
        }
    }
}

async fn run(chromium: &Path, arguments: &[&str]) -> Vec<u8> {
    let profile = tempfile::tempdir().unwrap();
    let command = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), command).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
