//! The request body on its way to an upstream.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use trine_core::{Body, BodyError};

/// The request body that the connection to an upstream sends. Unless it is empty, its
/// [`SendProgress`] shows whether the client or the upstream delays it.
#[derive(Debug)]
pub(crate) struct RequestBody {
    body: Body,
    limit: u64,
    /// The bytes of the limit that are left.
    left: u64,
    progress: Option<Arc<SendProgress>>,
}

/// The progress of a request body, which the body shares with the task that waits for the response.
#[derive(Debug)]
pub(crate) struct SendProgress {
    stage: AtomicU8,
    /// The number of frames that were sent. Each of them restarts the timeout.
    frames: AtomicU32,
    /// Whether the body is held back until the upstream responds with 100 (RFC 9110, 10.1.1).
    held: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// The stage of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The upstream must accept what was sent.
    Sending,
    /// The upstream accepts more, but the client has not sent it yet.
    AwaitingClient,
    /// The request body failed: it is too large or malformed.
    Failed,
    /// The whole body was sent.
    Sent,
    /// Nothing is sent until the upstream responds with 100.
    AwaitingContinue,
}

impl RequestBody {
    pub(crate) fn new(
        body: Body,
        limit: u64,
        hold: bool,
    ) -> (RequestBody, Option<Arc<SendProgress>>) {
        if body.is_end_stream() {
            return (RequestBody::with_progress(body, limit, None), None);
        }
        let progress = Arc::new(SendProgress {
            stage: AtomicU8::new(if hold { AWAITING_CONTINUE } else { SENDING }),
            frames: AtomicU32::new(0),
            held: AtomicBool::new(hold),
            waker: Mutex::new(None),
        });
        (RequestBody::with_progress(body, limit, Some(Arc::clone(&progress))), Some(progress))
    }

    fn with_progress(body: Body, limit: u64, progress: Option<Arc<SendProgress>>) -> RequestBody {
        RequestBody { body, limit, left: limit, progress }
    }

    pub(crate) fn empty() -> RequestBody {
        RequestBody::with_progress(Body::empty(), 0, None)
    }

    /// The original body. Nothing of it must have been read.
    pub(crate) fn into_inner(self) -> Body {
        self.body
    }
}

impl SendProgress {
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            SENDING => Stage::Sending,
            AWAITING_CLIENT => Stage::AwaitingClient,
            SENT => Stage::Sent,
            AWAITING_CONTINUE => Stage::AwaitingContinue,
            _ => Stage::Failed,
        }
    }

    pub(crate) fn frames(&self) -> u32 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Stops holding the body back: the upstream asked for it, or did not respond in time.
    pub(crate) fn release(&self) {
        if self.held.swap(false, Ordering::Relaxed) {
            let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn set(&self, stage: u8) {
        self.stage.store(stage, Ordering::Relaxed);
    }
}

const SENDING: u8 = 0;
const AWAITING_CLIENT: u8 = 1;
const FAILED: u8 = 2;
const SENT: u8 = 3;
const AWAITING_CONTINUE: u8 = 4;

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(progress) = &this.progress else { return Poll::Ready(None) };
        if progress.held.load(Ordering::Relaxed) {
            *progress.waker.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(cx.waker().clone());
            // It may have been released before the waker was stored.
            if progress.held.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
        }
        let mut frame = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(part))) = &frame
            && let Some(data) = part.data_ref()
        {
            match this.left.checked_sub(data.len() as u64) {
                Some(left) => this.left = left,
                None => {
                    // Nothing follows an error.
                    this.body = Body::empty();
                    frame = Poll::Ready(Some(Err(BodyError::TooLarge {
                        limit: this.limit,
                        of_request: true,
                    })));
                }
            }
        }
        match &frame {
            Poll::Pending => progress.set(AWAITING_CLIENT),
            Poll::Ready(Some(Ok(_))) => {
                progress.frames.fetch_add(1, Ordering::Relaxed);
                // A body of known length is not polled for its end.
                let all = this.body.is_end_stream() || this.body.size_hint().exact() == Some(0);
                progress.set(if all { SENT } else { SENDING });
            }
            Poll::Ready(Some(Err(_))) => progress.set(FAILED),
            Poll::Ready(None) => progress.set(SENT),
        }
        frame.map_ok(sanitize_trailers)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Removes the trailers that must not describe the message that carries them (RFC 9110, 6.5.1).
pub(crate) fn sanitize_trailers(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            super::headers::sanitize(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(data) => data,
    }
}
