//! The body of a response, on its way to h2 as far as flow control allows: the counterpart of
//! [`upload`](super::upload).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::{Body as HttpBody, Frame};
use tokio::time::Instant;
use trine_core::BoxError;

use crate::config::limits::Limits;
use crate::semantics::budget::WaitBudget;
use crate::semantics::trailers::may_be_trailer;

/// A response body that is being sent.
pub(super) struct Download<B> {
    stream: SendStream<Bytes>,
    /// `None` if the rest of the body is in `chunk`.
    body: Option<Pin<Box<B>>>,
    /// Data that waits for the flow-control windows of the client.
    chunk: Bytes,
    /// Nothing follows `chunk`.
    last: bool,
    /// The number of bytes that the declared length still lacks.
    left: Option<u64>,
    /// How long the client may still keep us from sending.
    budget: WaitBudget,
}

impl<B> Download<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    pub(super) fn of_whole(stream: SendStream<Bytes>, chunk: Bytes) -> Download<B> {
        let budget = WaitBudget::default();
        Download { stream, body: None, chunk, last: true, left: None, budget }
    }

    pub(super) fn of_stream(stream: SendStream<Bytes>, body: B, left: Option<u64>) -> Download<B> {
        Download {
            stream,
            body: Some(Box::pin(body)),
            chunk: Bytes::new(),
            last: false,
            left,
            budget: WaitBudget::default(),
        }
    }

    /// The point in time by which the client must take more bytes.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        self.budget.deadline(limits.write_timeout)
    }

    /// Ends the response as incomplete.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.stream.send_reset(reason);
    }

    /// Sends as much as possible. Ready when the body is finished or has failed.
    pub(super) fn poll_move(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Poll<()> {
        loop {
            if !self.chunk.is_empty() || self.last {
                ready!(self.poll_chunk(cx, limits));
                if self.last {
                    return Poll::Ready(());
                }
                continue;
            }
            let Some(body) = &mut self.body else { return Poll::Ready(()) };
            match body.as_mut().poll_frame(cx) {
                Poll::Pending => {
                    // If the client has reset the stream, the rest is not wanted.
                    return self.stream.poll_reset(cx).map(drop);
                }
                Poll::Ready(None) => self.end(),
                Poll::Ready(Some(Ok(frame))) => {
                    if self.take(frame, cx) {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    let error: BoxError = error.into();
                    tracing::error!(%error, "the body of a response failed; the stream is reset");
                    self.reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Passes `chunk` to h2, as far as the windows and our limit of buffered bytes allow.
    fn poll_chunk(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Poll<()> {
        while !self.chunk.is_empty() {
            self.stream.reserve_capacity(self.chunk.len().min(limits.http2.max_send_buffer));
            let mut capacity = self.stream.capacity();
            if capacity == 0 {
                capacity = match self.stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(capacity))) => capacity,
                    Poll::Ready(_) => return self.give_up(),
                    Poll::Pending => {
                        self.budget.wait(limits.write_timeout);
                        return Poll::Pending;
                    }
                };
            }
            if capacity == 0 {
                continue;
            }
            let piece = self.chunk.split_to(capacity.min(self.chunk.len()));
            self.budget.progress(piece.len(), limits.min_write_rate);
            let end = self.last && self.chunk.is_empty();
            if self.stream.send_data(piece, end).is_err() {
                return self.give_up();
            }
            if end {
                return Poll::Ready(());
            }
        }
        if self.last {
            // The end of the body, without data.
            let _ = self.stream.send_data(Bytes::new(), true);
        }
        Poll::Ready(())
    }

    /// Called when the stream was reset, or when the connection is gone.
    fn give_up(&mut self) -> Poll<()> {
        self.chunk = Bytes::new();
        self.last = true;
        Poll::Ready(())
    }

    /// Takes a frame of the body. Returns whether the response is finished.
    fn take(&mut self, frame: Frame<Bytes>, cx: &mut Context<'_>) -> bool {
        let ended = self.body.as_ref().is_some_and(|body| body.is_end_stream());
        match frame.into_data() {
            Ok(data) => {
                if let Some(left) = &mut self.left {
                    let rest = left.checked_sub(data.len() as u64);
                    *left = rest.unwrap_or(0);
                    if rest.is_none() || (rest == Some(0) && !ended && self.has_more(cx)) {
                        tracing::error!(
                            "a body was longer than its Content-Length; the stream is reset"
                        );
                        self.reset(Reason::INTERNAL_ERROR);
                        return true;
                    }
                }
                self.chunk = data;
                if self.left == Some(0) || ended {
                    self.end();
                }
                false
            }
            Err(frame) => {
                let Ok(trailers) = frame.into_trailers() else { return false };
                if self.left.is_some_and(|left| left > 0) {
                    self.end();
                    return true;
                }
                let trailers =
                    trailers.into_iter().filter_map(|(name, value)| Some((name?, value)));
                let _ = self
                    .stream
                    .send_trailers(trailers.filter(|(name, _)| may_be_trailer(name)).collect());
                true
            }
        }
    }

    /// Whether a body that has reached its declared length has more data now. A body that is
    /// pending is not waited for.
    fn has_more(&mut self, cx: &mut Context<'_>) -> bool {
        let more = self.body.as_mut().map(|body| body.as_mut().poll_frame(cx));
        let Some(Poll::Ready(Some(Ok(frame)))) = more else { return false };
        frame.data_ref().is_some_and(|data| !data.is_empty())
    }

    /// Called when the body has ended: only `chunk` is still to be sent.
    fn end(&mut self) {
        if let Some(missing @ 1..) = self.left {
            tracing::error!(
                missing,
                "a body was shorter than its Content-Length; the stream is reset"
            );
            self.chunk = Bytes::new();
            self.reset(Reason::INTERNAL_ERROR);
        }
        self.last = true;
    }
}
