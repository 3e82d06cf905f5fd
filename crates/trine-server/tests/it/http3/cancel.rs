//! Requests that their clients cancel.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use trine_core::Body;
use trine_server::{Cancel, Http3, HttpService, ServerConfig};

use super::peer::{PAUSE, Raw, config, frame, head, start, start_with};
use crate::common::within;

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
    dropped: AtomicUsize,
}

struct Guard(Arc<Counts>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// A service that waits for a while. `counts` records whether its future completes or is dropped.
fn slow(counts: &Arc<Counts>) -> impl HttpService + Clone + Send + Sync + use<> {
    let counts = Arc::clone(counts);
    tower::service_fn(move |request: Request<Body>| {
        let counts = Arc::clone(&counts);
        async move {
            // If the body were dropped here, the server would ask the client to stop sending it. A
            // reset from the client would then obey the server and cancel nothing.
            let _held = request;
            counts.begun.fetch_add(1, Ordering::SeqCst);
            let guard = Guard(Arc::clone(&counts));
            tokio::time::sleep(PAUSE).await;
            counts.ended.fetch_add(1, Ordering::SeqCst);
            std::mem::forget(guard);
            Ok::<_, Infallible>(Response::new(Body::from("done")))
        }
    })
}

async fn until(count: &AtomicUsize, wanted: usize) {
    within(async {
        while count.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Cancels one request in each of the three ways that a client has.
async fn each_way(cancel: Cancel) -> (usize, usize) {
    let counts = Arc::new(Counts::default());
    let peer = start_with(ServerConfig { cancel, ..config() }, slow(&counts));
    // STOP_SENDING, after the request is complete.
    let client = Raw::connect(&peer).await;
    let (mut send, mut receive) = client.open(head("GET", "/", &[])).await;
    send.finish().unwrap();
    until(&counts.begun, 1).await;
    receive.stop(0x10c_u32.into()).unwrap();
    // RESET_STREAM, in the middle of a body that the handler does not read.
    let (mut send, _receive) =
        client.open([head("POST", "/", &[]), frame(0, b"some")].concat()).await;
    until(&counts.begun, 2).await;
    send.reset(0x10c_u32.into()).unwrap();
    // The connection is closed.
    let other = Raw::connect(&peer).await;
    let (mut send, _receive) = other.open(head("GET", "/", &[])).await;
    send.finish().unwrap();
    until(&counts.begun, 3).await;
    other.quic.close(0x100_u32.into(), b"");
    tokio::time::sleep(PAUSE * 2).await;
    let counted = (counts.ended.load(Ordering::SeqCst), counts.dropped.load(Ordering::SeqCst));
    peer.stop().await;
    counted
}

#[tokio::test]
async fn a_cancelled_request_is_dropped() {
    assert_eq!(each_way(Cancel::Reset).await, (0, 3));
}

/// The end of a request stream is the end of the request. It does not mean that the client is gone.
#[tokio::test]
async fn a_fin_does_not_cancel_the_request() {
    assert_eq!(each_way(Cancel::Fin).await, (0, 3));
    let peer = start(ServerConfig { cancel: Cancel::Fin, ..config() });
    assert_eq!(peer.client().await.get("/slow").await.text(), "slow");
    peer.stop().await;
}

#[tokio::test]
async fn requests_complete_if_cancellation_is_off() {
    assert_eq!(each_way(Cancel::Never).await, (3, 0));
}

/// The rapid reset of HTTP/2 (CVE-2023-44487): each such request causes work and costs its client
/// nothing.
#[tokio::test]
async fn a_client_that_cancels_too_many_requests_is_disconnected() {
    let http3 = Http3 { max_cancelled: 10, ..Http3::default() };
    let peer = start(ServerConfig { http3, ..config() });
    let client = Raw::connect(&peer).await;
    let mut sent = 0;
    while client.quic.close_reason().is_none() {
        let Ok((mut send, mut receive)) = client.quic.open_bi().await else { break };
        let _ = send.write_all(&head("GET", "/never", &[])).await;
        // The server sees each reset before the next request.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let _ = receive.stop(0x10c_u32.into());
        sent += 1;
        assert!(sent < 100, "the connection is still open");
    }
    // H3_EXCESSIVE_LOAD
    assert_eq!(client.closed().await, 0x107);
    assert!(sent > 10, "{sent}");
    peer.stop().await;
}

/// A browser cancels the images that the user scrolls past and reads the others.
#[tokio::test]
async fn completed_requests_make_up_for_cancelled_ones() {
    let http3 = Http3 { max_cancelled: 5, ..Http3::default() };
    let peer = start(ServerConfig { http3, ..config() });
    let client = Raw::connect(&peer).await;
    for _ in 0..20 {
        let (_send, mut receive) = client.open(head("GET", "/never", &[])).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        receive.stop(0x10c_u32.into()).unwrap();
        let (mut send, mut receive) = client.open(head("GET", "/hello", &[])).await;
        send.finish().unwrap();
        within(receive.read_to_end(1000)).await.unwrap();
    }
    assert!(client.quic.close_reason().is_none());
    peer.stop().await;
}
