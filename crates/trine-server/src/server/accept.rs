//! The accept loop, which never serves more connections than the limit allows.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::limits::{AtCapacity, Limits};
use crate::listen::socket::{Accepted, AsyncListener};
use crate::server::shed::Shed;
use crate::server::shutdown::{Phase, reached};

/// Accepts connections until the server drains, and then those that already wait in the backlog.
///
/// At the limit of connections, it accepts none, so that new ones wait in the backlog and use no
/// memory of this process; or it accepts them only to shed them.
pub(crate) async fn accept(
    listener: AsyncListener,
    limits: &Limits,
    permits: Arc<Semaphore>,
    mut phase: watch::Receiver<Phase>,
    mut serve: impl FnMut(Accepted, OwnedSemaphorePermit),
) {
    let mut draining = pin!(reached(&mut phase, Phase::Leaving));
    let mut shed = Shed::new(limits);
    loop {
        let next = tokio::select! {
            biased;
            () = &mut draining => break,
            next = next(&listener, &permits, limits.at_capacity) => next,
        };
        match next {
            Ok((socket, Some(permit))) => serve(socket, permit),
            Ok((socket, None)) => shed.answer(socket),
            Err(error) => back_off(&error).await,
        }
    }
    accept_backlog(listener, &permits, serve);
}

/// The next connection with its permit; without a permit if it is to be shed.
async fn next(
    listener: &AsyncListener,
    permits: &Arc<Semaphore>,
    at_capacity: AtCapacity,
) -> io::Result<(Accepted, Option<OwnedSemaphorePermit>)> {
    if at_capacity == AtCapacity::Shed {
        let socket = poll_fn(|cx| listener.poll_accept(cx)).await?;
        return Ok((socket, Arc::clone(permits).try_acquire_owned().ok()));
    }
    let acquire = || Arc::clone(permits).acquire_owned();
    let mut waiting = pin!(acquire());
    poll_fn(|cx| {
        // The semaphore is never closed.
        let permit = ready!(waiting.as_mut().poll(cx)).ok();
        match listener.poll_accept(cx) {
            Poll::Ready(accepted) => Poll::Ready(accepted.map(|socket| (socket, permit))),
            // This listener gives its permit back while it waits for a connection: it may be the
            // last one, and another listener may have a connection ready.
            Poll::Pending => {
                waiting.set(acquire());
                Poll::Pending
            }
        }
    })
    .await
}

// The system would reset connections that it has already completed if the listener just closed.
fn accept_backlog(
    listener: AsyncListener,
    permits: &Arc<Semaphore>,
    mut serve: impl FnMut(Accepted, OwnedSemaphorePermit),
) {
    let Ok(mut backlog) = listener.into_backlog() else { return };
    while let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        let Some(socket) = backlog.next() else { return };
        serve(socket, permit);
    }
}

/// Waits after an error of the whole process, such as a lack of file descriptors: the next call
/// would fail too, and the loop would spin. An error of one connection needs no wait.
async fn back_off(error: &io::Error) {
    use io::ErrorKind as Kind;
    if matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted) {
        return;
    }
    tracing::warn!(%error, "a connection could not be accepted; the next try is in 100 ms");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_loop_backs_off_after_errors_of_the_process_only() {
        let start = tokio::time::Instant::now();
        back_off(&io::Error::from(io::ErrorKind::ConnectionAborted)).await;
        assert_eq!(start.elapsed().as_millis(), 0);
        // EMFILE has no `ErrorKind`.
        back_off(&io::Error::from_raw_os_error(24)).await;
        assert_eq!(start.elapsed().as_millis(), 100);
    }
}
