//! Interoperability: an axum `Router` inside and outside of an application, and clients that are
//! not Trine's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use axum::extract::ws::WebSocketUpgrade;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tower::ServiceExt as _;
use trine::prelude::*;
use trine_server::HyperUpgrades;

use crate::common;

fn axum_router() -> axum::Router {
    async fn socket(upgrade: WebSocketUpgrade) -> axum::response::Response {
        upgrade.on_upgrade(|mut socket| async move {
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        })
    }
    axum::Router::new()
        .route("/", axum::routing::get(|| async { "axum's root" }))
        .route(
            "/hello/{name}",
            axum::routing::get(
                |axum::extract::Path(name): axum::extract::Path<String>| async move { name },
            ),
        )
        .route("/echo", axum::routing::post(|body: String| async { body }))
        .route("/query", axum::routing::get(|uri: axum::http::Uri| async move { uri.to_string() }))
        .route("/ws", axum::routing::any(socket))
}

async fn echo(method: Method, body: String) -> String {
    format!("{method} {body}")
}

async fn get_text(app: &trine::AppService, path: &str) -> (u16, String) {
    let Ok(response) = app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await;
    let status = response.status().as_u16();
    (status, String::from_utf8(response.into_body().bytes().await.unwrap().into()).unwrap())
}

#[tokio::test]
async fn an_axum_router_is_mounted_in_an_application() {
    let app = App::new()
        .route("/own", post(echo))
        .mount("/legacy", axum_router())
        .group(Group::at("/t/{tenant}").mount("/old", axum_router()));
    let app = app.build().await.unwrap();
    for (path, status, text) in [
        ("/legacy", 200, "axum's root"),
        ("/legacy/", 200, "axum's root"),
        ("/legacy/hello/Ann", 200, "Ann"),
        ("/legacy/query?a=b&c", 200, "/query?a=b&c"),
        ("/t/acme/old/hello/Bob", 200, "Bob"),
        ("/legacy/nothing", 404, ""),
    ] {
        assert_eq!(get_text(&app, path).await, (status, text.to_owned()), "{path}");
    }
    let request = Request::post("/legacy/echo").body(Body::from("through")).unwrap();
    let Ok(response) = app.oneshot(request).await;
    assert_eq!(response.into_body().bytes().await.unwrap(), "through");
}

/// The first step of a migration: all routes stay in axum, and new handlers are added beside them.
#[tokio::test]
async fn an_axum_router_is_mounted_at_the_root_beside_other_routes() {
    let app = App::new().route("/own", get(|| "ours")).mount("/", axum_router());
    let app = app.build().await.unwrap();
    for (path, status, text) in [
        ("/own", 200, "ours"),
        ("/", 200, "axum's root"),
        ("/hello/Ann", 200, "Ann"),
        ("/query?a=b", 200, "/query?a=b"),
        ("/nothing", 404, ""),
    ] {
        assert_eq!(get_text(&app, path).await, (status, text.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn an_application_nests_in_an_axum_router() {
    let app = App::new().route("/echo", post(echo)).build().await.unwrap();
    let router = axum_router().nest_service("/new", app);
    let request =
        axum::http::Request::post("/new/echo").body(axum::body::Body::from("inside")).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "POST inside");
}

async fn websocket_echoes(url: &str) {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    socket.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_axum_router_runs_on_trines_server_with_websockets() {
    let running = common::serve(HyperUpgrades(axum_router()));
    assert_eq!(reqwest::get(running.url("/hello/Ann")).await.unwrap().text().await.unwrap(), "Ann");
    websocket_echoes(&format!("ws://{}/ws", running.addr)).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_axum_router_keeps_its_websockets() {
    let running =
        common::start(App::new().route("/own", post(echo)).mount("/legacy", axum_router())).await;
    websocket_echoes(&format!("ws://{}/legacy/ws", running.addr)).await;
    let own = reqwest::Client::new().post(running.url("/own")).body("x").send().await.unwrap();
    assert_eq!(own.text().await.unwrap(), "POST x");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reqwest_works() {
    async fn peer(conn: ConnInfo) -> String {
        conn.peer.map(|peer| peer.to_string()).unwrap_or_default()
    }
    let running = common::start(App::new().route("/", get(peer).post(echo))).await;
    let client = reqwest::Client::new();
    let peer = client.get(running.url("/")).send().await.unwrap().text().await.unwrap();
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    let big = "b".repeat(1_500_000);
    let answer = client.post(running.url("/")).body(big.clone()).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), format!("POST {big}"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_reads_its_413() {
    let running = common::start(App::new().body_limit(1000).route("/", post(echo))).await;
    let client = reqwest::Client::new();
    let declared = client.post(running.url("/")).body("b".repeat(200_000)).send().await.unwrap();
    assert_eq!(declared.status(), 413);
    assert!(declared.text().await.unwrap().contains("limit of 1000 bytes"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_hyper_client_works() {
    let running = common::start(App::new().route("/", post(echo))).await;
    let stream = TcpStream::connect(running.addr).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    for text in ["one", "two"] {
        let request =
            hyper::Request::post("/").header("host", "localhost").body(text.to_owned()).unwrap();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            format!("POST {text}")
        );
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_works() {
    let running = common::start(App::new().route("/", post(echo))).await;
    let curl = |args: &'static [&'static str]| {
        let mut command = tokio::process::Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "10"])
            .args(args)
            .arg(running.url("/"));
        command.output()
    };
    let Ok(output) = curl(&["--data", "from curl"]).await else {
        // CI installs curl and sets `CI`, so the test cannot be skipped there unnoticed.
        assert!(std::env::var_os("CI").is_none(), "curl is not installed");
        return eprintln!("skipped: curl is not installed");
    };
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "POST from curl");
    let expecting = curl(&["--data", "x", "--header", "Expect: 100-continue"]).await.unwrap();
    assert_eq!(String::from_utf8(expecting.stdout).unwrap(), "POST x");
    running.stop().await;
}
