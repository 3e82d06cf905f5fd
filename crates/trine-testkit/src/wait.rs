//! Deadlines, and waiting for a condition.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// The maximum time that one step of a test may take on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The interval between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(2);

/// Awaits the future, and panics if it takes longer than [`PATIENCE`].
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("the future took too long")
}

/// Waits until the condition holds, and panics with `what` after [`PATIENCE`].
///
/// Prefer to await an event: a channel, a log line, the end of a connection.
pub async fn until(what: impl Display, mut holds: impl FnMut() -> bool) {
    until_async(what, async || holds()).await;
}

/// Like [`until`], for an asynchronous condition.
pub async fn until_async(what: impl Display, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "timed out waiting: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Like [`until`], for a test without a runtime.
pub fn until_blocking(what: impl Display, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "timed out waiting: {what}");
        std::thread::sleep(PAUSE);
    }
}
