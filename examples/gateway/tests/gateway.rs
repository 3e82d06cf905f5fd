//! The whole program as its clients and its upstreams meet it: a process of its own, real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, StatusCode};
use trine::prelude::*;
use trine::testing::TestServer;

struct Gateway {
    process: Child,
    /// Read no further, but not closed: the program has more to say.
    _stdout: BufReader<ChildStdout>,
    url: String,
    folder: tempfile::TempDir,
}

impl Gateway {
    /// Starts it with these routes.
    fn start(routes: &str) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), routes);
        let mut process = Command::new(env!("CARGO_BIN_EXE_gateway"))
            .current_dir(folder.path())
            .env("TRINE_PORT", "0")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        let (_, rest) = first.split_once("http://").unwrap_or_else(|| panic!("no address in {first:?}"));
        let url = format!("http://{}", rest.split(',').next().unwrap().trim());
        Gateway { process, _stdout: stdout, url, folder }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn log(&self) -> String {
        let mut text = String::new();
        std::fs::File::open(self.folder.path().join("log")).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = Client::new().get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(folder: &Path, routes: &str) {
    std::fs::write(folder.join("trine.toml"), routes).unwrap();
}

/// An upstream that says its name and what it was asked.
async fn upstream(name: &'static str) -> TestServer {
    let tell = move |request: Request| async move {
        let forwarded = request.headers().get("forwarded").map(|value| value.to_str().unwrap().to_owned());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let length = request.into_body().bytes().await.unwrap().len();
        format!("{name} {method} {uri} {length} {}", forwarded.unwrap_or_default())
    };
    App::new().route("/{*rest}", any(tell)).test_server().await
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came: {what}");
}

#[tokio::test]
async fn requests_find_their_routes() {
    let (api, site, tenant) = (upstream("api").await, upstream("site").await, upstream("tenant").await);
    let gateway = Gateway::start(&format!(
        "[gateway]\nroutes = ['site', 'api', 'tenant']\n\
         [routes.api]\nprefix = '/api/'\nstrip_prefix = true\nmax_body = '10'\nupstreams = ['{}/v1']\n\
         [routes.site]\nupstreams = ['{}']\n\
         [routes.tenant]\nhost = 'tenant.example'\nupstreams = ['{}']\n",
        api.url(),
        site.url(),
        tenant.url()
    ));
    assert!(gateway.get("/api/users?x=%20").await.1.starts_with("api GET /v1/users?x=%20 0 for=127.0.0.1;"));
    assert!(gateway.get("/apis").await.1.starts_with("site GET /apis "));
    let client = Client::new();
    let to_tenant = client.get(format!("{}/x", gateway.url)).header("host", "tenant.example:99");
    assert!(to_tenant.send().await.unwrap().text().await.unwrap().starts_with("tenant GET /x "));

    let post = |length: usize| client.post(format!("{}/api/x", gateway.url)).body("x".repeat(length)).send();
    assert!(post(10).await.unwrap().text().await.unwrap().starts_with("api POST /v1/x 10 "));
    assert_eq!(post(11).await.unwrap().status(), 413);

    let (status, health) = gateway.get("/-/health").await;
    assert_eq!(status, 200);
    assert!(health.contains(r#"{"name":"api","upstreams":1,"healthy":1}"#), "{health}");
    assert!(!health.contains("127.0.0.1"), "it tells nobody where upstreams are");
    let log = gateway.log();
    assert!(log.contains("access") && log.contains("/api/users") && log.contains("status=413"), "{log}");
}

#[tokio::test]
async fn sighup_loads_routes_again_and_keeps_them_where_they_are_wrong() {
    let (one, two) = (upstream("one").await, upstream("two").await);
    let routes = |url: &str| format!("[gateway]\nroutes = ['site']\n[routes.site]\nupstreams = ['{url}']\n");
    let gateway = Gateway::start(&routes(one.url()));
    assert!(gateway.get("/x").await.1.starts_with("one "));
    write(gateway.folder.path(), &routes(two.url()));
    gateway.signal("-HUP");
    until("the new route", async || gateway.get("/x").await.1.starts_with("two ")).await;
    write(gateway.folder.path(), &routes("nonsense"));
    gateway.signal("-HUP");
    until("the complaint", async || gateway.log().contains("routes stay as they are")).await;
    assert!(gateway.log().contains("`nonsense` is not the URL of an upstream"), "{}", gateway.log());
    assert!(gateway.get("/x").await.1.starts_with("two "));
}

#[tokio::test]
async fn an_upstream_that_is_ill_is_taken_out() {
    let well = upstream("well").await;
    let ill = App::new()
        .route("/health", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/x", get(|| async { "ill" }))
        .test_server()
        .await;
    let gateway = Gateway::start(&format!(
        "[gateway]\nroutes = ['site']\n[routes.site]\nhealth_path = '/health'\nhealth_interval = '20ms'\n\
         upstreams = ['{}', '{}']\n",
        well.url(),
        ill.url()
    ));
    until("the check", async || gateway.get("/-/health").await.1.contains(r#""healthy":1"#)).await;
    for _ in 0..4 {
        assert!(gateway.get("/x").await.1.starts_with("well "));
    }
    well.stop().await;
    until("the other check", async || gateway.get("/-/health").await.0 == 503).await;
    assert_eq!(gateway.get("/x").await.0, 503);
}

#[tokio::test]
async fn websockets_pass() {
    let echo = |upgrade: axum::extract::ws::WebSocketUpgrade| async {
        upgrade.on_upgrade(|mut socket| async move {
            while let Some(Ok(message)) = socket.recv().await {
                let _ = socket.send(message).await;
            }
        })
    };
    let router = axum::Router::new().route("/ws", axum::routing::any(echo));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let gateway = Gateway::start(&format!(
        "[gateway]\nroutes = ['ws']\n[routes.ws]\nupstreams = ['http://{address}']\n"
    ));
    let url = format!("{}/ws", gateway.url.replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send("hello".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap(), "hello");
}

#[tokio::test]
async fn sigterm_lets_requests_end() {
    let slow = App::new()
        .route(
            "/",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                "late but whole"
            }),
        )
        .test_server()
        .await;
    let mut gateway = Gateway::start(&format!(
        "[gateway]\nroutes = ['slow']\n[routes.slow]\nupstreams = ['{}']\n",
        slow.url()
    ));
    let url = gateway.url.clone();
    let asked =
        tokio::spawn(async move { Client::new().get(url).send().await.unwrap().text().await.unwrap() });
    tokio::time::sleep(Duration::from_millis(200)).await;
    gateway.signal("-TERM");
    assert_eq!(asked.await.unwrap(), "late but whole");
    let status = tokio::task::spawn_blocking(move || gateway.process.wait().unwrap()).await.unwrap();
    assert!(status.success());
}

#[test]
fn mistakes_are_told_with_their_lines_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "[gateway]\nroutes = ['a', 'b']\n[routes.a]\nupstream = ['http://x']\n[routes.b]\nupstreams = []\n\
         balance = 'best'\n",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_gateway")).current_dir(folder.path()).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("trine.toml:4: there is no key `routes.a.upstream`"), "{text}");
    assert!(text.contains("`routes.a.upstreams` is missing"), "{text}");
    assert!(text.contains("trine.toml:7: `routes.b.balance`"), "{text}");
}
