//! Streams that are forwarded to a socket while its function does something else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, ready};

use trine_websocket::{CloseCode, CloseFrame};

use super::closed::close_frame_of_panic;
use super::state::{Forward, SharedSocket};
use crate::topic::Lagged;

/// The streams are not polled while this many bytes wait for the client. Messages for a slow client
/// then wait in the topic, where all clients share them.
const MAX_FORWARDED_AHEAD: usize = 16 * 1024;

/// Moves messages of the streams into the queue of the socket, as long as there is room. Streams of
/// a closed socket are dropped.
pub(super) fn poll_forwards(shared: &SharedSocket, cx: &mut Context<'_>) {
    let mut forwards = std::mem::take(&mut shared.lock().forwards.0);
    if forwards.is_empty() {
        return;
    }
    // No lock is held here, since polling and dropping the streams runs code of the application.
    forwards.retain_mut(|forward| {
        let end = match catch_unwind(AssertUnwindSafe(|| poll_forward(shared, forward, cx))) {
            Ok(Poll::Pending) => return true,
            Ok(Poll::Ready(end)) => end,
            Err(panic) => Some(close_frame_of_panic(panic.as_ref())),
        };
        if end.is_some() {
            shared.close(end);
        }
        false
    });
    if !forwards.is_empty() {
        // The next poll begins with another stream, so that a stream that is always ready cannot
        // starve the others.
        forwards.rotate_left(1);
        let mut state = shared.lock();
        forwards.append(&mut state.forwards.0);
        state.forwards.0 = forwards;
    }
}

/// Ready when the stream has ended, with the close frame to send, or when the socket is closed.
fn poll_forward(
    shared: &SharedSocket,
    forward: &mut Forward,
    cx: &mut Context<'_>,
) -> Poll<Option<CloseFrame>> {
    let max_len = MAX_FORWARDED_AHEAD.min(shared.config.max_queued_bytes);
    loop {
        let Ok(()) = ready!(shared.poll_room(cx, 1, max_len)) else { return Poll::Ready(None) };
        match ready!(forward.as_mut().poll_message(cx)) {
            Some(Ok(message)) => {
                if shared.push_prepared(&message).is_err() {
                    return Poll::Ready(None);
                }
            }
            Some(Err(error)) => return Poll::Ready(Some(failed(error.as_ref()))),
            None => return Poll::Ready(Some(CloseCode::NORMAL.into())),
        }
    }
}

fn failed(error: &(dyn std::error::Error + Send + Sync + 'static)) -> CloseFrame {
    if let Some(lagged) = error.downcast_ref::<Lagged>() {
        tracing::debug!(%lagged, "a WebSocket is too slow for its topic; it is closed with 1013");
        return CloseFrame::new(CloseCode::TRY_AGAIN, lagged.to_string());
    }
    tracing::error!(%error, "a forwarded stream failed; its WebSocket is closed with 1011");
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}
