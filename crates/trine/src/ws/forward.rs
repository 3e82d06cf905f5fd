//! Streams that are forwarded to a socket while its function does something else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use trine_core::BoxError;
use trine_websocket::{CloseCode, CloseFrame, Prepared};

use super::state::SharedSocket;
use super::task::panicked;
use crate::topic::Lagged;

/// The streams that are forwarded to one socket.
#[derive(Default)]
pub(super) struct Forwards(Vec<Forward>);

pub(super) type Forward = Pin<Box<dyn MessageStream + Send>>;

/// A stream of messages to send.
pub(super) trait MessageStream {
    fn poll_message(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Prepared, BoxError>>>;
}

impl<S, M, E> MessageStream for S
where
    S: Stream<Item = Result<M, E>>,
    M: Into<Prepared>,
    E: Into<BoxError>,
{
    fn poll_message(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Prepared, BoxError>>> {
        self.poll_next(cx).map(|next| next.map(|item| item.map(Into::into).map_err(Into::into)))
    }
}

/// The streams are not polled while this many bytes wait for the client. Messages for a slow client
/// then wait in the topic, where all clients share them.
const MAX_FORWARDED_AHEAD: usize = 16 * 1024;

impl Forwards {
    pub(super) fn push(&mut self, forward: Forward) {
        self.0.push(forward);
    }
}

/// Moves messages of the streams into the queue of the socket, as long as there is room. Streams of
/// a closed socket are dropped.
pub(super) fn poll_forwards(shared: &SharedSocket, cx: &mut Context<'_>) {
    let mut forwards = std::mem::take(&mut shared.lock().forwards.0);
    if forwards.is_empty() {
        return;
    }
    // No lock is held here, since polling and dropping the streams runs code of the user.
    forwards.retain_mut(|forward| {
        let end = match catch_unwind(AssertUnwindSafe(|| poll_forward(shared, forward, cx))) {
            Ok(Poll::Pending) => return true,
            Ok(Poll::Ready(end)) => end,
            Err(panic) => Some(panicked(panic.as_ref())),
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
        tracing::debug!(%lagged, "a client is too slow for its topic; its WebSocket is closed with 1013");
        return CloseFrame::new(CloseCode::TRY_AGAIN, lagged.to_string());
    }
    tracing::error!(%error, "a stream that is forwarded to a WebSocket failed; it is closed with 1011");
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}

impl std::fmt::Debug for Forwards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} streams", self.0.len())
    }
}
