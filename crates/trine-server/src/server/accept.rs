//! The accept loop: one connection after the other, never more served than the limit.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::limits::{AtCapacity, Limits};
use crate::listen::socket::{Listener, Socket};
use crate::server::shed::Shed;
use crate::server::shutdown::{Phase, reached};

/// Accepts until the server drains or leaves, and then until nobody waits any more.
///
/// Past the limit nothing is accepted, so that new connections wait in the backlog, where they cost
/// no memory of ours; or they are accepted to be shed.
pub(crate) async fn accept(
    listener: Listener,
    limits: &Limits,
    permits: Arc<Semaphore>,
    mut phase: watch::Receiver<Phase>,
    mut serve: impl FnMut(Socket, OwnedSemaphorePermit),
) {
    let mut draining = pin!(reached(&mut phase, Phase::Leaving));
    let mut shed = Shed::new(limits);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut draining => break,
            accepted = next(&listener, &permits, limits.at_capacity) => accepted,
        };
        match accepted {
            Ok((socket, Some(permit))) => serve(socket, permit),
            Ok((socket, None)) => shed.answer(socket),
            Err(error) => back_off(&error).await,
        }
    }
    accept_rest(listener, &permits, serve);
}

type Accepted = (Socket, Option<OwnedSemaphorePermit>);

/// The next connection with its place; without one where it is to be shed.
async fn next(
    listener: &Listener,
    permits: &Arc<Semaphore>,
    at_capacity: AtCapacity,
) -> io::Result<Accepted> {
    if at_capacity == AtCapacity::Shed {
        let socket = poll_fn(|cx| listener.poll_accept(cx)).await?;
        return Ok((socket, Arc::clone(permits).try_acquire_owned().ok()));
    }
    let place = || Arc::clone(permits).acquire_owned();
    let mut waiting = pin!(place());
    poll_fn(|cx| {
        // The semaphore is never closed.
        let permit = ready!(waiting.as_mut().poll(cx)).ok();
        match listener.poll_accept(cx) {
            Poll::Ready(accepted) => Poll::Ready(accepted.map(|socket| (socket, permit))),
            // Who waits for a connection holds no place: it may be the only one, and somebody
            // else's connection be there.
            Poll::Pending => {
                waiting.set(place());
                Poll::Pending
            }
        }
    })
    .await
}

// Connections that the system has already completed would be reset if the listener just closed.
fn accept_rest(
    listener: Listener,
    permits: &Arc<Semaphore>,
    mut serve: impl FnMut(Socket, OwnedSemaphorePermit),
) {
    let Ok(mut waiting) = listener.into_waiting() else { return };
    while let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        let Some(socket) = waiting.next() else { return };
        serve(socket, permit);
    }
}

/// An error of one connection is that connection's; an error of the whole process needs time to
/// pass, since the next call would fail too and the loop would spin.
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
    async fn only_errors_of_the_process_are_waited_for() {
        let start = tokio::time::Instant::now();
        back_off(&io::Error::from(io::ErrorKind::ConnectionAborted)).await;
        assert_eq!(start.elapsed().as_millis(), 0);
        // EMFILE has no kind of its own.
        back_off(&io::Error::from_raw_os_error(24)).await;
        assert_eq!(start.elapsed().as_millis(), 100);
    }
}
