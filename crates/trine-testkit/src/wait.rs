//! Deadlines, and waiting for a condition.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// The maximum time that one step of a test may take, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(2);

/// Awaits the future, and panics if it takes longer than [`PATIENCE`].
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it took too long")
}

/// Waits until the condition holds. `what` names it in the panic that follows [`PATIENCE`].
///
/// An event that can be awaited is better: a channel, a line of a log, the end of a connection.
pub async fn until(what: impl Display, mut holds: impl FnMut() -> bool) {
    until_async(what, async || holds()).await;
}

/// As [`until`], for a condition that is itself asynchronous.
pub async fn until_async(what: impl Display, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "it never came: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// As [`until`], for a test without a runtime.
pub fn until_blocking(what: impl Display, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never came: {what}");
        std::thread::sleep(PAUSE);
    }
}
