//! How connections and streams end: by a shutdown, by a cancellation, or by force.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::{Request, Response};
use trine_core::Body;
use trine_server::{Cancel, ServerConfig};

use super::peer::{self, *};
use crate::common::{config, start, start_with, within};

/// The first GOAWAY says that no more streams are wanted, and the second names the last one (RFC
/// 9113, 6.8). No request in between is lost.
#[tokio::test]
async fn a_shutdown_sends_goaway_twice_and_completes_open_requests() {
    let server = start(config());
    let mut peer = Peer::connect(server.address).await;
    peer.send(get(1, "/slow")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.handle.shutdown();
    let first = peer.until(|frame| frame.kind == GOAWAY).await.unwrap();
    assert_eq!(first.payload[..4], 0x7fff_ffff_u32.to_be_bytes());
    let asked = peer.until(|frame| frame.kind == PING).await.unwrap();
    // The client sent this before it received the GOAWAY.
    peer.send([get(3, "/hello"), frame(PING, ACK, 0, asked.payload)].concat()).await;
    let second = peer.until(|frame| frame.kind == GOAWAY).await.unwrap();
    assert_eq!(second.payload[..4], 3_u32.to_be_bytes());
    let mut bodies = 0;
    while let Some(frame) = peer.read().await {
        bodies += frame.payload.len() * usize::from(frame.kind == DATA);
    }
    // The response to the second request may have arrived before the second GOAWAY.
    assert!(bodies >= "slow".len());
    drop(peer);
    within(server.task).await.unwrap().unwrap();
}

/// Requests before, during and after the GOAWAY. Each client has sent its preface and cannot know
/// of the shutdown.
#[tokio::test]
async fn requests_that_race_a_shutdown_are_answered() {
    let server = start(config());
    let mut peers = Vec::new();
    for number in 0..100 {
        peers.push(if number % 2 == 0 {
            Peer::connect(server.address).await
        } else {
            let mut peer = Peer::raw(server.address).await;
            peer.send([PREFACE, &settings(&[])].concat()).await;
            peer
        });
    }
    let asking = peers.into_iter().enumerate().map(async |(number, mut peer)| {
        tokio::time::sleep(Duration::from_micros(200 * number as u64)).await;
        peer.send(get(1, "/hello")).await;
        assert_eq!(peer.answer(1).await.body, b"hello", "{number}");
    });
    let telling = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        server.handle.shutdown();
    };
    tokio::join!(futures_util::future::join_all(asking), telling);
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let server = start(ServerConfig { shutdown_timeout: Duration::from_millis(300), ..config() });
    let mut peer = Peer::connect(server.address).await;
    peer.send(get(1, "/never")).await;
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.handle.shutdown();
    within(server.task).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3));
}

/// Counts the futures that were dropped and those that completed.
fn slow(
    ends: &Arc<AtomicUsize>,
    drops: &Arc<AtomicUsize>,
) -> impl trine_server::HttpService + Clone + Send + Sync + use<> {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (ends, drops) = (Arc::clone(ends), Arc::clone(drops));
    tower::service_fn(move |_: Request<Body>| {
        let (ends, guard) = (Arc::clone(&ends), Guard(Arc::clone(&drops)));
        async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            ends.fetch_add(1, Ordering::SeqCst);
            drop(guard);
            Ok::<_, Infallible>(Response::new(Body::from("done")))
        }
    })
}

#[tokio::test]
async fn a_reset_cancels_unless_cancellation_is_off() {
    for (cancel, expected) in [(Cancel::Reset, 0), (Cancel::Never, 2)] {
        let (ends, drops) = (Arc::default(), Arc::default());
        let server = start_with(ServerConfig { cancel, ..config() }, slow(&ends, &drops));
        let mut peer = Peer::connect(server.address).await;
        peer.send(get(1, "/")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        peer.send(reset(1)).await;
        // A connection that ends has the same effect.
        let mut other = Peer::connect(server.address).await;
        other.send(get(1, "/")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(other);
        let begun = Instant::now();
        while drops.load(Ordering::SeqCst) < 2 && begun.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(
            (drops.load(Ordering::SeqCst), ends.load(Ordering::SeqCst)),
            (2, expected),
            "{cancel:?}"
        );
        drop(peer);
        server.stop().await;
    }
}

/// A wake-up from another thread reaches its stream while other streams are busy.
#[tokio::test]
async fn a_stream_is_woken_from_another_thread() {
    let service = tower::service_fn(|request: Request<Body>| async move {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let wait = request.uri().path().len() as u64;
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(wait));
            sender.send(wait)
        });
        let waited = receiver.await.unwrap();
        Ok::<_, Infallible>(Response::new(Body::from(waited.to_string())))
    });
    let server = start_with(config(), service);
    let mut peer = Peer::connect(server.address).await;
    for round in 0..5 {
        let all: Vec<u8> = (0..20)
            .flat_map(|at| get(2 * (20 * round + at) + 1, &"/".repeat(at as usize + 1)))
            .collect();
        peer.send(all).await;
        let mut answers = 0;
        while answers < 20 {
            let frame = peer.until(|frame| frame.kind == DATA).await.unwrap();
            let at = (frame.stream - 1) / 2 - 20 * round;
            assert_eq!(frame.payload, (at + 1).to_string().as_bytes());
            answers += 1;
        }
    }
    drop(peer);
    server.stop().await;
}

/// An error of a layer becomes a response as the table says, and the service is made again.
#[tokio::test]
async fn errors_of_layers_are_answered_by_the_table() {
    let service = tower::ServiceBuilder::new()
        .timeout(Duration::from_millis(50))
        .service_fn(crate::common::kitchen);
    let server = start_with(config(), service);
    let mut peer = Peer::connect(server.address).await;
    peer.send(get(1, "/never")).await;
    assert_eq!(peer.answer(1).await.status, Some(504));
    assert!(peer.lives(3).await);
    drop(peer);
    let service = tower::ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .service_fn(crate::common::kitchen);
    let shedding = start_with(config(), service);
    let mut peer = Peer::connect(shedding.address).await;
    peer.send([get(1, "/slow"), get(3, "/hello")].concat()).await;
    assert_eq!(peer.answer(3).await.status, Some(503));
    assert_eq!(peer.answer(1).await.body, b"slow");
    drop(peer);
    server.stop().await;
    shedding.stop().await;
}

#[tokio::test]
async fn http2_works_with_work_stealing() {
    let bound = crate::common::bind(config());
    let (address, handle) = (bound.local_addr(), bound.handle());
    let task = tokio::spawn(
        bound
            .serve_stealing(trine_server::HyperUpgrades(tower::service_fn(crate::common::kitchen))),
    );
    let mut peer = Peer::connect(address).await;
    peer.send([post(1, "/echo"), frame(DATA, 0, 1, "a")].concat()).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    peer.send(frame(DATA, peer::END_STREAM, 1, "b")).await;
    assert_eq!(peer.answer(1).await.body, b"ab");
    drop(peer);
    handle.shutdown();
    within(task).await.unwrap().unwrap();
}
