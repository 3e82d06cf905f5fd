//! What cancels a request after its client is gone: every setting with every way to disconnect.
#![allow(clippy::unwrap_used, reason = "services of a test")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use trine_core::Body;
use trine_server::{Cancel, ServerConfig};

use crate::common::{Client, Running, config, start_with, within};

const WORK: Duration = Duration::from_millis(300);

/// How many requests completed, and how many were dropped, completed or not.
#[derive(Clone, Default)]
struct Counts {
    ended: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

struct Guard(Counts);

/// Serves requests by a handler that reads the body, waits for a while and answers.
fn start(cancel: Cancel) -> (Running, Counts) {
    let counts = Counts::default();
    let counting = counts.clone();
    let server = start_with(
        ServerConfig { cancel, ..config() },
        tower::service_fn(move |request: Request<Body>| {
            let guard = Guard(counting.clone());
            async move {
                let read = request.into_body().bytes().await.is_ok();
                tokio::time::sleep(WORK).await;
                guard.0.ended.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(Response::new(Body::from(if read { "whole" } else { "lost" })))
            }
        }),
    );
    (server, counts)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Leave {
    HalfClose,
    Reset,
}

/// What the client read, and whether the request completed.
async fn leave(cancel: Cancel, request: &str, how: Leave) -> (String, bool) {
    let (server, counts) = start(cancel);
    let mut client = Client::connect(server.address).await;
    client.send(request).await;
    tokio::time::sleep(WORK / 3).await;
    let read = match how {
        Leave::HalfClose => {
            tokio::io::AsyncWriteExt::shutdown(&mut client.0).await.unwrap();
            client.rest().await
        }
        Leave::Reset => {
            client.0.set_zero_linger().unwrap();
            drop(client);
            String::new()
        }
    };
    within(async {
        while counts.dropped.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(WORK / 20).await;
        }
    })
    .await;
    server.stop().await;
    (read, counts.ended.load(Ordering::SeqCst) == 1)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfour";

#[tokio::test]
async fn by_default_a_reset_cancels_and_a_fin_does_not() {
    let (read, ended) = leave(Cancel::Reset, GET, Leave::HalfClose).await;
    assert!(ended && read.ends_with("whole"), "{read}");
    let (_, ended) = leave(Cancel::Reset, GET, Leave::Reset).await;
    assert!(!ended);
}

/// The time within which a server that is not reading must notice a reset.
const NOTICED: Duration = Duration::from_secs(5);

/// Whether the server drops a handler that never answers when the client resets the connection.
/// Before the reset, the client sends `request`, and a FIN if `half_close` is set.
async fn is_noticed(request: Vec<u8>, half_close: bool) -> bool {
    let counts = Counts::default();
    let counting = counts.clone();
    let server = start_with(
        config(),
        tower::service_fn(move |_: Request<Body>| {
            let guard = Guard(counting.clone());
            async move {
                let _guard = guard;
                std::future::pending::<()>().await;
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        }),
    );
    let mut client = Client::connect(server.address).await;
    client.send(request).await;
    if half_close {
        tokio::io::AsyncWriteExt::shutdown(&mut client.0).await.unwrap();
    }
    // Longer than the first check: queued bytes and a FIN are not taken for a reset.
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert_eq!(counts.dropped.load(Ordering::SeqCst), 0, "dropped before the reset");
    client.0.set_zero_linger().unwrap();
    drop(client);
    let dropped = async {
        while counts.dropped.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(WORK / 20).await;
        }
    };
    let noticed = tokio::time::timeout(NOTICED, dropped).await.is_ok();
    server.handle.abort();
    within(server.task).await.unwrap().unwrap();
    noticed
}

#[tokio::test]
async fn a_reset_is_noticed_after_queued_bytes_and_after_a_fin() {
    let pipelined = GET.repeat(1000).into_bytes();
    let upload = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}",
        "x".repeat(50_000)
    );
    let (a, b, c, d) = tokio::join!(
        is_noticed(pipelined.clone(), false),
        is_noticed(upload.into_bytes(), false),
        is_noticed(GET.as_bytes().to_vec(), true),
        is_noticed(pipelined, true),
    );
    assert!(a, "pipelined");
    assert!(b, "an upload that the handler does not read");
    assert!(c, "after a FIN");
    assert!(d, "pipelined, after a FIN");
}

#[tokio::test]
async fn a_fin_cancels_if_configured() {
    for how in [Leave::HalfClose, Leave::Reset] {
        let (read, ended) = leave(Cancel::Fin, GET, how).await;
        assert!(!ended && read.is_empty(), "{how:?} {read}");
    }
    // A response that is complete before the FIN is not lost.
    let (server, _) = start(Cancel::Fin);
    let mut client = Client::connect(server.address).await;
    client.send(GET).await;
    assert!(client.answer().await.ends_with("whole"));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn nothing_cancels_if_configured() {
    for (request, how) in [
        (GET, Leave::HalfClose),
        (GET, Leave::Reset),
        (POST, Leave::HalfClose),
        (POST, Leave::Reset),
    ] {
        let (read, ended) = leave(Cancel::Never, request, how).await;
        assert!(ended, "{how:?}");
        let expected = if request == GET { "whole" } else { "lost" };
        assert!(how == Leave::Reset || read.ends_with(expected), "{how:?} {read}");
    }
}
