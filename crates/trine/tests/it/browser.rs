//! Pages and event streams in a real browser (Chromium), over real sockets. `SCREENSHOTS=folder`
//! saves pictures for a human to look at.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::task::JoinHandle;
use trine::AppService;
use trine::config::{Config, Profile};
use trine::extract::AnyText;
use trine::prelude::*;
use trine::sse::{LastEventId, Sse};
use trine::topic::{Topic, TopicConfig};
use trine_server::{Server, ServerConfig, ServerError, ServerHandle};
use trine_testkit::tools;

use crate::common;

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
async fn show(slug: AnyText) -> trine::Result<String> {
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
async fn the_error_page_shows_the_error_and_loads_nothing_else() {
    let Some(chromium) = tools::chromium() else { return };
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
async fn client_input_is_text_on_the_error_page_and_never_markup() {
    let Some(chromium) = tools::chromium() else { return };
    let app = App::new().routes(routes![show]);
    let running = common::start(app.config(dev())).await;
    let attack = "/articles/%3Cscript%3Edocument.title='taken'%3C%2Fscript%3E?q=<img src=x onerror=alert(1)>";
    let dom = dom(&chromium, &running.url(&attack.replace(' ', "%20"))).await;
    assert!(dom.contains("reading the article &lt;&lt;script&gt;"), "{dom}");
    assert!(
        !dom.contains("<script") && !dom.contains("<img") && !dom.contains("<title>taken"),
        "{dom}"
    );
    running.stop().await;
}

/// A server stops and starts again while a page is open. `EventSource` reconnects by itself, and
/// misses no message that the topic still has.
#[trine::test]
async fn an_event_source_reconnects_after_restarts() {
    let Some(chromium) = tools::chromium() else { return };
    let heard = Heard::default();
    let topic = Topic::<String>::with(TopicConfig { history: 10, ..TopicConfig::default() });
    let first = Restarting::start(0, &heard, &topic).await;
    let profile = tempfile::tempdir().unwrap();
    let _browser = Command::from(tools::headless(&chromium, profile.path()))
        // Keeps Chromium running.
        .arg("--remote-debugging-port=0")
        .arg(format!("http://127.0.0.1:{}/", first.port))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    heard.wait_for("came for the first time").await;
    topic.publish("one".into());
    heard.wait_for("message one").await;

    // The process keeps its topic, so the page receives exactly what was published in the meantime.
    let port = first.port;
    first.stop().await;
    topic.publish("two".into());
    let second = Restarting::start(port, &heard, &topic).await;
    let one = topic.history()[0].id();
    heard.wait_for(&format!("came back behind {one}")).await;
    heard.wait_for("message two").await;

    // Another process does not have the earlier messages, and says so.
    let two = topic.history()[1].id();
    second.stop().await;
    let fresh = Topic::<String>::with(TopicConfig { history: 10, ..TopicConfig::default() });
    fresh.publish("three".into());
    let third = Restarting::start(port, &heard, &fresh).await;
    heard.wait_for(&format!("came back behind {two}")).await;
    heard.wait_for("message three").await;
    third.stop().await;
    let told: Vec<String> =
        heard.all().into_iter().filter(|text| !text.starts_with("came")).collect();
    assert_eq!(told, ["message one", "message two", "lagged null", "message three"]);
}

/// What the page and the server report, in order.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn wait_for(&self, text: &str) {
        let there = async {
            while !self.all().iter().any(|heard| heard == text) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), there).await;
        waited.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.all()));
    }
}

#[get("/")]
async fn listening() -> Html<&'static str> {
    Html(
        r#"<!doctype html><link rel=icon href="data:,"><script>
        let told = Promise.resolve();
        const tell = body => told = told.then(() => fetch("/told", { method: "POST", body })).catch(() => {});
        const source = new EventSource("/events");
        source.onmessage = event => tell("message " + JSON.parse(event.data));
        source.addEventListener("lagged", event => tell("lagged " + event.data));
        </script>"#,
    )
}

#[get("/events")]
async fn events(
    topic: State<Topic<String>>,
    heard: State<Heard>,
    last: Option<LastEventId>,
) -> impl IntoResponse {
    let came = last.as_ref().map(|last| format!("came back behind {}", last.0));
    heard.0.0.lock().unwrap().push(came.unwrap_or_else(|| "came for the first time".into()));
    Sse::new(topic.subscribe_since(last).events()).retry(Duration::from_millis(200))
}

#[post("/told")]
async fn told(heard: State<Heard>, text: String) {
    heard.0.0.lock().unwrap().push(text);
}

/// A broadcast is compressed once and sent between messages that are compressed for one page only.
/// The browser's inflater must understand both, with and without context takeover.
#[cfg(feature = "ws")]
#[trine::test]
async fn a_page_understands_broadcasts_mixed_with_its_own_messages() {
    use trine::ws::{Compression, WebSocketConfig};

    #[get("/")]
    async fn page() -> Html<&'static str> {
        Html(
            r#"<!doctype html><link rel=icon href="data:,"><script>
            let told = Promise.resolve();
            const tell = body => told = told.then(() => fetch("/told", { method: "POST", body }));
            const socket = new WebSocket("ws://" + location.host + "/mixed");
            socket.onopen = () => tell(socket.extensions);
            socket.onclose = event => tell("closed with " + event.code);
            socket.onmessage = ({ data }) => {
                tell(data);
                if (data.startsWith("all")) socket.send(data.replaceAll("all", "you"));
            };
            </script>"#,
        )
    }
    #[get("/mixed")]
    async fn mixed(topic: State<Topic<String>>, ws: WebSocket) -> Response {
        ws.on_upgrade(async move |mut socket| {
            socket.forward(topic.subscribe().messages_by(|text| Ok(text.value().clone().into())));
            while let Some(own) = socket.recv().await {
                socket.send(own).await.unwrap();
            }
        })
    }
    let Some(chromium) = tools::chromium() else { return };
    for context_takeover in [false, true] {
        let (heard, topic) = (Heard::default(), Topic::<String>::new());
        let compression = Some(Compression { context_takeover, ..Compression::default() });
        let config = WebSocketConfig { compression, ..WebSocketConfig::default() };
        let app = App::new().state(heard.clone()).state(topic.clone()).state(config);
        let running = common::start(app.routes(routes![page, mixed, told])).await;
        let profile = tempfile::tempdir().unwrap();
        let _browser = Command::from(tools::headless(&chromium, profile.path()))
            .args(["--remote-debugging-port=0", &running.url("/")])
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let agreed = if context_takeover {
            ""
        } else {
            "; server_no_context_takeover; client_no_context_takeover"
        };
        heard.wait_for(&format!("permessage-deflate{agreed}")).await;
        for round in 0..5 {
            let text = format!("all in round {round}, ").repeat(40);
            assert_eq!(topic.publish(text.clone()), 1);
            heard.wait_for(&text.replace("all", "you")).await;
            assert_eq!(heard.all().len(), 3 + round * 2);
        }
        running.stop().await;
    }
}

/// A server on a port that it can bind again.
struct Restarting {
    port: u16,
    service: AppService,
    handle: ServerHandle,
    served: JoinHandle<Result<(), ServerError>>,
}

impl Restarting {
    async fn start(port: u16, heard: &Heard, topic: &Topic<String>) -> Restarting {
        let app = App::new().state(heard.clone()).state(topic.clone());
        let service = app.routes(routes![listening, events, told]).build().await.unwrap();
        let config = ServerConfig { port, workers: 1, signals: false, ..ServerConfig::default() };
        let bound = Server::new(config).bind().unwrap();
        let (port, handle) = (bound.local_addr().port(), bound.handle());
        Restarting { port, handle, served: tokio::spawn(bound.serve(service.clone())), service }
    }

    async fn stop(self) {
        self.service.begin_shutdown();
        self.handle.shutdown();
        let ended = tokio::time::timeout(Duration::from_secs(2), self.served).await;
        ended.expect("the stream does not end with the server").unwrap().unwrap();
    }
}

fn dev() -> Config {
    let mut config = Config::default();
    config.profile = Profile::Dev;
    config
}

/// The DOM that the browser made of the page.
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
    let command = Command::from(tools::headless(chromium, profile.path()))
        .args(arguments)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), command).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
