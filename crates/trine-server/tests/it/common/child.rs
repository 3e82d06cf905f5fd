//! A server in a separate process, so that its memory and CPU time can be measured.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use trine_core::Body;
pub use trine_testkit::process::MIB;
use trine_testkit::process::{Process, this_binary};

use crate::common::kitchen;

/// Counts its calls. `/endless` has a response without an end.
pub async fn service(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    match request.uri().path() {
        "/calls" => Ok(Response::new(Body::from(CALLS.load(Ordering::Relaxed).to_string()))),
        "/endless" => {
            let chunks =
                std::iter::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 16 * 1024])));
            Ok(Response::new(Body::stream(futures_util::stream::iter(chunks))))
        }
        _ => {
            CALLS.fetch_add(1, Ordering::Relaxed);
            kitchen(request).await
        }
    }
}

/// The process, and its memory before the attack.
pub struct Attacked {
    process: Process,
    memory: u64,
}

impl Attacked {
    /// Runs the ignored test `name` of this binary, and returns the text that it prints after
    /// `listening on `.
    pub fn start(name: &str) -> (Attacked, String) {
        let mut process = Process::start(&mut this_binary(name));
        let said = process.line_after("listening on ");
        (Attacked { process, memory: 0 }, said)
    }

    /// Measures the memory. Everything above it counts as growth from now on.
    pub fn note_memory(&mut self) {
        self.memory = self.process.memory();
    }

    pub fn cpu_time(&self) -> Duration {
        self.process.cpu_time()
    }

    /// Fails if the process has grown by `most` bytes or more, or has used five seconds of CPU
    /// time.
    pub fn is_modest(&self, most: u64) {
        let growth = self.process.memory().saturating_sub(self.memory);
        assert!(growth < most, "{} KiB of growth", growth / 1024);
        assert!(self.cpu_time() < Duration::from_secs(5), "{:?} of work", self.cpu_time());
    }
}
