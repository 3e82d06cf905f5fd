//! Tests of the whole program, as a separate process with real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod kit;
mod reload;

use std::process::Command;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Client;
use trine::prelude::*;

use crate::kit::{Gateway, until, upstream, write};

#[tokio::test]
async fn requests_find_their_routes() {
    let (api, site, tenant) =
        (upstream("api").await, upstream("site").await, upstream("tenant").await);
    let gateway = Gateway::start(&format!(
        "[gateway]\nroutes = ['site', 'api', 'tenant']\n\
         [routes.api]\nprefix = '/api/'\nstrip_prefix = true\nmax_body = '10'\nupstreams = ['{}/v1']\n\
         [routes.site]\nupstreams = ['{}']\n\
         [routes.tenant]\nhost = 'tenant.example'\nupstreams = ['{}']\n",
        api.url(),
        site.url(),
        tenant.url()
    ));
    assert!(
        gateway
            .get("/api/users?x=%20")
            .await
            .1
            .starts_with("api GET /v1/users?x=%20 0 for=127.0.0.1;")
    );
    assert!(gateway.get("/apis").await.1.starts_with("site GET /apis "));
    let client = Client::new();
    let to_tenant = client.get(format!("{}/x", gateway.url)).header("host", "tenant.example:99");
    assert!(to_tenant.send().await.unwrap().text().await.unwrap().starts_with("tenant GET /x "));

    let post = |length: usize| {
        client.post(format!("{}/api/x", gateway.url)).body("x".repeat(length)).send()
    };
    assert!(post(10).await.unwrap().text().await.unwrap().starts_with("api POST /v1/x 10 "));
    assert_eq!(post(11).await.unwrap().status(), 413);

    let (status, health) = gateway.get("/-/health").await;
    assert_eq!(status, 200);
    assert!(health.contains(r#"{"name":"api","upstreams":1,"healthy":1}"#), "{health}");
    assert!(!health.contains("127.0.0.1"), "it tells nobody where upstreams are");
    let log = gateway.log();
    assert!(
        log.contains("access") && log.contains("/api/users") && log.contains("status=413"),
        "{log}"
    );
}

#[tokio::test]
async fn sighup_loads_routes_again_and_keeps_them_where_they_are_wrong() {
    let (one, two) = (upstream("one").await, upstream("two").await);
    let routes =
        |url: &str| format!("[gateway]\nroutes = ['site']\n[routes.site]\nupstreams = ['{url}']\n");
    let gateway = Gateway::start(&routes(one.url()));
    assert!(gateway.get("/x").await.1.starts_with("one "));
    write(gateway.folder.path(), &routes(two.url()));
    gateway.process.signal("HUP");
    until("the new route", async || gateway.get("/x").await.1.starts_with("two ")).await;
    write(gateway.folder.path(), &routes("nonsense"));
    gateway.process.signal("HUP");
    until("the complaint", async || gateway.log().contains("routes stay as they are")).await;
    assert!(
        gateway.log().contains("`nonsense` is not the URL of an upstream"),
        "{}",
        gateway.log()
    );
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
    let echo = |ws: WebSocket| async {
        ws.on_upgrade(async |mut socket| {
            while let Some(message) = socket.recv().await {
                socket.send(message).await?;
            }
            Ok::<(), trine::ws::Closed>(())
        })
    };
    let upstream = App::new().route("/ws", any(echo)).test_server().await;
    let gateway = Gateway::start(&format!(
        "[gateway]\nroutes = ['ws']\n[routes.ws]\nupstreams = ['{}']\n",
        upstream.url()
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
        tokio::spawn(
            async move { Client::new().get(url).send().await.unwrap().text().await.unwrap() },
        );
    tokio::time::sleep(Duration::from_millis(200)).await;
    gateway.process.signal("TERM");
    assert_eq!(asked.await.unwrap(), "late but whole");
    let status = tokio::task::spawn_blocking(move || gateway.process.wait()).await.unwrap();
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
    let output =
        Command::new(env!("CARGO_BIN_EXE_gateway")).current_dir(folder.path()).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("trine.toml:4: there is no key `routes.a.upstream`"), "{text}");
    assert!(text.contains("`routes.a.upstreams` is missing"), "{text}");
    assert!(text.contains("trine.toml:7: `routes.b.balance`"), "{text}");
}
