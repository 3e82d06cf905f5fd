//! The body of a request on its way to an upstream.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use trine_core::{Body, BodyError};

/// What the connection to an upstream sends. Where there is a body, its `Progress` tells who keeps
/// whom waiting.
#[derive(Debug)]
pub(crate) struct Outgoing {
    body: Body,
    limit: u64,
    /// Bytes of the limit that are left.
    left: u64,
    progress: Option<Arc<Progress>>,
}

/// Who waits for whom, told by the body to whoever waits for the answer.
#[derive(Debug)]
pub(crate) struct Progress {
    stage: AtomicU8,
    /// Counts what was handed over, so that each part buys its time.
    parts: AtomicU32,
    /// Whether the body is held back until the upstream says 100 (RFC 9110, 10.1.1).
    held: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Where the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The upstream has all that came, and must take it.
    Sending,
    /// The upstream would take more; the client has not sent it.
    Client,
    /// The client has sent more than the upstream takes, or something that is no body.
    Failed,
    /// All of it was handed over.
    Sent,
    /// Nothing is sent until the upstream says 100.
    Held,
}

impl Outgoing {
    pub(crate) fn new(body: Body, limit: u64, hold: bool) -> (Outgoing, Option<Arc<Progress>>) {
        if body.is_end_stream() {
            return (Outgoing::of(body, limit, None), None);
        }
        let progress = Arc::new(Progress {
            stage: AtomicU8::new(if hold { HELD } else { SENDING }),
            parts: AtomicU32::new(0),
            held: AtomicBool::new(hold),
            waker: Mutex::new(None),
        });
        (Outgoing::of(body, limit, Some(Arc::clone(&progress))), Some(progress))
    }

    fn of(body: Body, limit: u64, progress: Option<Arc<Progress>>) -> Outgoing {
        Outgoing { body, limit, left: limit, progress }
    }

    pub(crate) fn empty() -> Outgoing {
        Outgoing::of(Body::empty(), 0, None)
    }

    /// The body as it came, if nothing of it was read.
    pub(crate) fn into_inner(self) -> Body {
        self.body
    }
}

impl Progress {
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            SENDING => Stage::Sending,
            CLIENT => Stage::Client,
            SENT => Stage::Sent,
            HELD => Stage::Held,
            _ => Stage::Failed,
        }
    }

    pub(crate) fn parts(&self) -> u32 {
        self.parts.load(Ordering::Relaxed)
    }

    /// The upstream wants the body, or said nothing for too long.
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
const CLIENT: u8 = 1;
const FAILED: u8 = 2;
const SENT: u8 = 3;
const HELD: u8 = 4;

impl HttpBody for Outgoing {
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
            // Released between the look and the lock.
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
                    // Behind an error comes nothing.
                    this.body = Body::empty();
                    frame = Poll::Ready(Some(Err(BodyError::TooLarge {
                        limit: this.limit,
                        of_request: true,
                    })));
                }
            }
        }
        match &frame {
            Poll::Pending => progress.set(CLIENT),
            Poll::Ready(Some(Ok(_))) => {
                progress.parts.fetch_add(1, Ordering::Relaxed);
                // Of a body with a length nobody asks for the end.
                let all = this.body.is_end_stream() || this.body.size_hint().exact() == Some(0);
                progress.set(if all { SENT } else { SENDING });
            }
            Poll::Ready(Some(Err(_))) => progress.set(FAILED),
            Poll::Ready(None) => progress.set(SENT),
        }
        frame.map_ok(without_framing)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Trailers may say nothing about the message that carries them (RFC 9110, 6.5.1).
pub(crate) fn without_framing(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            crate::request::headers::keep_trailers(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(data) => data,
    }
}
