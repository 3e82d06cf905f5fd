//! The accept loop: one connection after the other, never more served than the limit.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::{AtCapacity, ServerConfig};
use crate::shed::Shed;
use crate::shutdown::{Phase, reached};
use crate::socket::{Listener, Socket};

/// Accepts until the server drains or leaves, and then until nobody waits any more.
///
/// Past the limit nothing is accepted, so that new connections wait in the backlog, where they cost no memory of ours; or
/// they are accepted to be shed.
pub(crate) async fn accept(
    listener: Listener,
    config: &ServerConfig,
    permits: Arc<Semaphore>,
    mut phase: watch::Receiver<Phase>,
    mut serve: impl FnMut(Socket, OwnedSemaphorePermit),
) {
    let mut draining = pin!(reached(&mut phase, Phase::Leaving));
    let mut shed = Shed::new(config);
    loop {
        let permit = match config.at_capacity {
            AtCapacity::Shed => Arc::clone(&permits).try_acquire_owned().ok(),
            AtCapacity::Wait => tokio::select! {
                biased;
                () = &mut draining => break,
                // The semaphore is never closed.
                permit = Arc::clone(&permits).acquire_owned() => permit.ok(),
            },
        };
        let accepted = tokio::select! {
            biased;
            () = &mut draining => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(socket) => {
                // One that ended while this one was waited for has left its place.
                match permit.or_else(|| Arc::clone(&permits).try_acquire_owned().ok()) {
                    Some(permit) => serve(socket, permit),
                    None => shed.answer(socket),
                }
            }
            Err(error) => back_off(&error).await,
        }
    }
    accept_rest(listener, &permits, serve);
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

/// An error of one connection is that connection's; an error of the whole process needs time to pass, since the next
/// call would fail too and the loop would spin.
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
