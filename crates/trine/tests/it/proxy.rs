//! The reverse proxy inside of an application.
#![cfg(all(feature = "proxy", feature = "test-server", feature = "ws"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use trine::prelude::*;
use trine::proxy::{Proxy, ProxyConfig};
use trine::testing::TestServer;

async fn upstream() -> TestServer {
    let tell = |request: Request| async move {
        let field = |name: &str| {
            request
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        format!("{} {} {} {}", request.method(), request.uri(), field("host"), field("forwarded"))
    };
    App::new().route("/{*rest}", any(tell)).test_server().await
}

#[tokio::test]
async fn the_proxy_works_under_a_prefix_and_knows_the_client() {
    let upstream = upstream().await;
    let proxy = Proxy::to(format!("{}/base", upstream.url())).unwrap();
    let server = App::new().mount("/api", proxy).test_server().await;
    let text = reqwest::get(format!("{}/api/a%2Fb?x=%20", server.url()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let host = server.url().strip_prefix("http://").unwrap();
    assert_eq!(
        text,
        format!("GET /base/a%2Fb?x=%20 {host} for=127.0.0.1;host=\"{host}\";proto=http")
    );
}

/// What the upstream learns about a client if the application trusts these proxies.
async fn heard(trusted: &str) -> String {
    let tell = |request: Request| async move {
        let field = |name: &str| {
            request
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        format!(
            "{} / {} / {}",
            field("x-forwarded-for"),
            field("x-forwarded-proto"),
            field("forwarded")
        )
    };
    let upstream = App::new().route("/{*rest}", any(tell)).test_server().await;
    let config = trine::config::Config::read(trusted, []).unwrap();
    let proxy = Proxy::to(upstream.url().to_owned()).unwrap();
    let server = App::new().config(config).mount("/", proxy).test_server().await;
    let client = reqwest::Client::new().get(format!("{}/x", server.url()));
    let client =
        client.header("x-forwarded-for", "203.0.113.9").header("x-forwarded-proto", "https");
    let client = client.header("forwarded", "for=6.6.6.6").header("host", "a.example");
    client.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn the_proxy_trusts_the_proxies_of_the_application() {
    assert_eq!(heard("").await, "127.0.0.1 / http / for=127.0.0.1;host=a.example;proto=http");
    assert_eq!(
        heard("trusted_proxies = '127.0.0.1'").await,
        "203.0.113.9, 127.0.0.1 / https / for=203.0.113.9;host=a.example;proto=https"
    );
    assert_eq!(
        heard("trusted_proxies = '127.0.0.1'\nforwarded_by = 'forwarded'").await,
        "6.6.6.6 / http / for=6.6.6.6, for=127.0.0.1;host=a.example;proto=http"
    );
}

#[tokio::test]
async fn problems_of_the_proxy_are_rendered_by_the_application() {
    let seen = |caught: trine::Caught| async move {
        format!(
            "{} by {}",
            caught.status().as_u16(),
            caught.problem().detail_text().unwrap_or_default()
        )
    };
    let nowhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = Proxy::to(format!("http://{nowhere}")).unwrap();
    let server = App::new().mount("/api", proxy.clone()).catch(502, seen).test_server().await;
    let text = reqwest::get(format!("{}/api/x", server.url())).await.unwrap().text().await.unwrap();
    assert_eq!(text, "502 by the upstream cannot be reached");
    let server = App::new().mount("/api", proxy).test_server().await;
    let page =
        reqwest::Client::new().get(format!("{}/api/x", server.url())).header("accept", "text/html");
    let page = page.send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
}

#[tokio::test]
async fn the_body_limit_applies() {
    let upstream = upstream().await;
    let proxy = Proxy::to(upstream.url().to_owned()).unwrap();
    let proxy = proxy.config(ProxyConfig { max_body_bytes: 10, ..ProxyConfig::default() });
    let server = App::new().mount("/api", proxy).test_server().await;
    let post = |length| {
        reqwest::Client::new()
            .post(format!("{}/api/x", server.url()))
            .body("x".repeat(length))
            .send()
    };
    assert_eq!(post(10).await.unwrap().status(), 200);
    assert_eq!(post(11).await.unwrap().status(), 413);
    // A body without a declared length is cut off at the limit.
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>("chunk"));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let unsized_one =
        reqwest::Client::new().post(format!("{}/api/x", server.url())).body(body).send();
    assert_eq!(unsized_one.await.unwrap().status(), 413);
}

#[tokio::test]
async fn a_websocket_passes_and_ends_with_the_server() {
    let echo = |ws: WebSocket| async {
        ws.on_upgrade(async |mut socket| {
            while let Some(message) = socket.recv().await {
                socket.send(message).await?;
            }
            Ok::<(), trine::ws::Closed>(())
        })
    };
    let upstream = App::new().route("/ws", any(echo)).test_server().await;
    let proxy = Proxy::to(upstream.url().to_owned()).unwrap();
    let server = App::new().mount("/chat", proxy).test_server().await;
    let url = format!("{}/chat/ws", server.url().replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    // The tunnel notices the shutdown immediately, because the upgrade was not passed to hyper.
    let start = std::time::Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
}
