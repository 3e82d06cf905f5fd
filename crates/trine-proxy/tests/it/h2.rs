//! Upstreams over HTTP/2, in clear text.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, Response, Version};
use http_body_util::BodyExt as _;
use trine_core::Body;
use trine_proxy::{Proxy, ProxyConfig};

use crate::kit;
use crate::kit::{front, get, request, send, talk, text, until, upstream, whole};

fn h2c(upstream: &kit::Upstream) -> String {
    format!("h2c://{}", upstream.address)
}

#[tokio::test]
async fn requests_share_a_connection() {
    let upstream = upstream(|request| async move {
        assert_eq!(request.version(), Version::HTTP_2);
        assert!(
            request.headers().get("host").is_none()
                && request.headers().get("connection").is_none()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        let text = format!("{} {}", request.method(), request.uri());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        whole(format!("{text} {}", String::from_utf8_lossy(&body)))
    })
    .await;
    let front = front(Proxy::to(h2c(&upstream)).unwrap());
    let mut many = tokio::task::JoinSet::new();
    for at in 0..20 {
        let path = format!("/{at}?q=%20");
        let address = front.address;
        many.spawn(async move {
            let post = request("POST", &path).map(|_| Body::from("body"));
            let answer = text(send(address, post).await).await;
            assert_eq!(answer, format!("POST http://example.com{path} body"));
        });
    }
    many.join_all().await;
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_connection_respects_the_limit_of_streams() {
    let upstream = upstream(|_| async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        whole("ok")
    })
    .await;
    let config = ProxyConfig { max_streams: 2, ..ProxyConfig::default() };
    let front = front(Proxy::to(h2c(&upstream)).unwrap().config(config));
    let mut many = tokio::task::JoinSet::new();
    for _ in 0..6 {
        many.spawn(get(front.address, "/"));
    }
    assert!(many.join_all().await.iter().all(|(status, _)| *status == 200));
    assert_eq!(upstream.connections(), 3);
}

#[tokio::test]
async fn trailers_and_an_echo_pass_both_ways() {
    let upstream = upstream(|request| async move {
        let collected = request.into_body().collect().await.unwrap();
        let mut trailers = HeaderMap::new();
        let sum = collected.trailers().and_then(|trailers| trailers.get("x-sum")).cloned();
        trailers.insert("x-back", sum.unwrap_or_else(|| "none".parse().unwrap()));
        let frames = [
            Ok(http_body::Frame::data("data".into())),
            Ok::<_, std::io::Error>(http_body::Frame::trailers(trailers)),
        ];
        Response::new(Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(
            frames,
        ))))
    })
    .await;
    let front = front(Proxy::to(h2c(&upstream)).unwrap());
    let answer = talk(
        front.address,
        "POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te, close\r\n\
         transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n",
    )
    .await;
    assert!(answer.contains("4\r\ndata\r\n0\r\nx-back: 42\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_lost_connection_is_replaced_and_idle_ones_are_closed() {
    let upstream = upstream(|_| async { whole("ok") }).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let (cut, _) = tokio::sync::broadcast::channel::<()>(1);
    let cutting = cut.clone();
    let to = upstream.address;
    // A relay whose connections can be cut.
    tokio::spawn(async move {
        loop {
            let (mut left, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            let mut cut = cutting.subscribe();
            tokio::spawn(async move {
                count.fetch_add(1, Ordering::SeqCst);
                let mut right = tokio::net::TcpStream::connect(to).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut left, &mut right) => {}
                    _ = cut.recv() => {}
                }
                count.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let config = ProxyConfig { idle_timeout: Duration::from_millis(300), ..ProxyConfig::default() };
    let front = front(Proxy::to(format!("h2c://{address}")).unwrap().config(config));
    assert_eq!(get(front.address, "/").await.0, 200);
    cut.send(()).unwrap();
    assert_eq!(get(front.address, "/").await.0, 200);
    until("the idle connection ends", || open.load(Ordering::SeqCst) == 0).await;
    assert_eq!(get(front.address, "/").await.0, 200);
}

#[tokio::test]
async fn timeouts_apply_to_streams_too() {
    let upstream = upstream(|request| async move {
        if request.uri().path() == "/slow" {
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        let parts = futures_util::stream::unfold(0, |at| async move {
            if at > 0 {
                tokio::time::sleep(Duration::from_secs(20)).await;
            }
            Some((Ok::<_, std::io::Error>("part"), at + 1))
        });
        Response::new(Body::stream(parts))
    })
    .await;
    let short = Duration::from_millis(150);
    let config =
        ProxyConfig { response_timeout: short, read_timeout: short, ..ProxyConfig::default() };
    let front = front(Proxy::to(h2c(&upstream)).unwrap().config(config));
    assert_eq!(get(front.address, "/slow").await.0, 504);
    let response = send(front.address, request("GET", "/")).await;
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn an_upgrade_cannot_pass_over_http2() {
    let upstream = upstream(|request| async move {
        assert!(request.headers().get("upgrade").is_none());
        whole("plain")
    })
    .await;
    let front = front(Proxy::to(h2c(&upstream)).unwrap());
    let asked =
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n";
    let answer = talk(front.address, asked).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("plain"), "{answer}");
}

#[tokio::test]
async fn an_upstream_without_http2_is_502() {
    let upstream = kit::raw(|mut stream, _| async move {
        kit::say(&mut stream, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let front = front(Proxy::to(h2c(&upstream)).unwrap());
    assert_eq!(get(front.address, "/").await.0, 502);
}
