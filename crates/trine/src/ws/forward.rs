//! Streams whose messages flow out of a socket by themselves, while its function does something
//! else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use trine_core::BoxError;
use trine_websocket::{CloseCode, CloseFrame, Prepared};

use super::run::panicked;
use super::shared::Shared;
use crate::topic::Lagged;

/// The streams of one socket.
#[derive(Default)]
pub(super) struct Forwards(Vec<Forward>);

pub(super) type Forward = Pin<Box<dyn Source + Send>>;

/// A stream whose items become what is sent.
pub(super) trait Source {
    fn poll_message(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Prepared, BoxError>>>;
}

impl<S, M, E> Source for S
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

/// Nothing more is taken from the streams while so many bytes wait for the client: what it is too
/// slow for waits where it costs nothing for each of them, in the topic.
const AHEAD: usize = 16 * 1024;

impl Forwards {
    pub(super) fn push(&mut self, forward: Forward) {
        self.0.push(forward);
    }
}

/// Moves what the streams of a socket have into its queue, as long as there is room. Where it is
/// closed they go.
pub(super) fn pump(shared: &Shared, cx: &mut Context<'_>) {
    let mut forwards = std::mem::take(&mut shared.lock().forwards.0);
    if forwards.is_empty() {
        return;
    }
    // No lock is held here: they are code of the user, and so is what drops with them.
    forwards.retain_mut(|forward| {
        let end = match catch_unwind(AssertUnwindSafe(|| drain(shared, forward, cx))) {
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
        // The next turn begins with another one, so that none waits for ever behind one that always
        // has something.
        forwards.rotate_left(1);
        let mut state = shared.lock();
        forwards.append(&mut state.forwards.0);
        state.forwards.0 = forwards;
    }
}

/// Ready when it is over, with the goodbye that is to be said, or when the socket is closed.
fn drain(shared: &Shared, forward: &mut Forward, cx: &mut Context<'_>) -> Poll<Option<CloseFrame>> {
    let most = AHEAD.min(shared.config.max_queued_bytes);
    loop {
        let Ok(()) = ready!(shared.poll_room(cx, 1, most)) else { return Poll::Ready(None) };
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
        tracing::debug!(%lagged, "a client is too slow for its topic; the WebSocket is closed with 1013");
        return CloseFrame::new(CloseCode::TRY_AGAIN, lagged.to_string());
    }
    tracing::error!(%error, "what a WebSocket forwards failed; it is closed with 1011");
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}

impl std::fmt::Debug for Forwards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} streams", self.0.len())
    }
}
