//! Measures the CPU time per request. This is no test; it prints a figure:
//! `cargo test --release -p trine-server --test it http3::load -- --ignored --nocapture`
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::attacks::Child;
use super::peer::head;

const STREAMS: usize = 100;
const REQUESTS: usize = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "not a test: it measures CPU time"]
async fn processor_time_per_request() {
    let child = Child::start().await;
    let client = Arc::new(child.raw().await);
    run(&client, REQUESTS / 10).await;
    for _ in 0..3 {
        let (began, worked) = (Instant::now(), child.cpu_time());
        run(&client, REQUESTS).await;
        let (took, worked) = (began.elapsed(), child.cpu_time() - worked);
        println!(
            "{REQUESTS} requests, {STREAMS} at a time on one connection: {:.1} µs of processor time of the server each, {:.0} a second",
            worked.as_secs_f64() * 1e6 / REQUESTS as f64,
            REQUESTS as f64 / took.as_secs_f64(),
        );
    }
}

async fn run(client: &Arc<super::peer::Raw>, requests: usize) {
    let left = Arc::new(AtomicUsize::new(requests));
    let one = |_| {
        let (client, left) = (Arc::clone(client), Arc::clone(&left));
        tokio::spawn(async move {
            let head = head("GET", "/hello", &[]);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
            {
                let (mut send, mut receive) = client.quic.open_bi().await.unwrap();
                send.write_all(&head).await.unwrap();
                send.finish().unwrap();
                assert!(receive.read_to_end(1000).await.unwrap().ends_with(b"hello"));
            }
        })
    };
    for task in (0..STREAMS).map(one).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}
