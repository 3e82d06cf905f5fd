//! The body of an answer on its way to h2, as far as the client lets it: the pair of
//! [`body`](super::body).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::{Body as HttpBody, Frame};
use tokio::time::Instant;
use trine_core::BoxError;

use super::clock::Patience;
use crate::config::limits::Limits;
use crate::h1::codec::body::may_be_trailer;

pub(super) struct Download<B> {
    stream: SendStream<Bytes>,
    /// `None` where all that is to come is in `chunk`.
    body: Option<Pin<Box<B>>>,
    /// What waits for the client's windows.
    chunk: Bytes,
    /// Nothing comes behind the chunk.
    last: bool,
    /// What is missing to the length that was told.
    left: Option<u64>,
    patience: Patience,
}

impl<B> Download<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    pub(super) fn of_whole(
        stream: SendStream<Bytes>,
        chunk: Bytes,
        limits: &Limits,
    ) -> Download<B> {
        let patience = Patience::new(limits.write_timeout);
        Download { stream, body: None, chunk, last: true, left: None, patience }
    }

    pub(super) fn of_stream(
        stream: SendStream<Bytes>,
        body: B,
        left: Option<u64>,
        limits: &Limits,
    ) -> Download<B> {
        let patience = Patience::new(limits.write_timeout);
        Download {
            stream,
            body: Some(Box::pin(body)),
            chunk: Bytes::new(),
            last: false,
            left,
            patience,
        }
    }

    /// When the client's time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.patience.end()
    }

    /// Ends the answer as broken.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.stream.send_reset(reason);
    }

    /// Moves the body on. Ready when there is nothing more to do for it, whether it went well or
    /// not.
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
                    // The client may have reset the stream: then nobody wants the rest.
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
                    tracing::error!(%error, "the body of an answer failed; its stream is reset");
                    self.reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Hands the chunk to h2, as the windows and our own buffer allow.
    fn poll_chunk(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Poll<()> {
        while !self.chunk.is_empty() {
            self.stream.reserve_capacity(self.chunk.len().min(limits.http2.max_send_buffer));
            let mut room = self.stream.capacity();
            if room == 0 {
                room = match self.stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(room))) => room,
                    Poll::Ready(_) => return self.give_up(),
                    Poll::Pending => {
                        self.patience.wait();
                        return Poll::Pending;
                    }
                };
            }
            if room == 0 {
                continue;
            }
            let piece = self.chunk.split_to(room.min(self.chunk.len()));
            self.patience.go_on(piece.len(), limits.min_write_rate, limits.write_timeout);
            let end = self.last && self.chunk.is_empty();
            if self.stream.send_data(piece, end).is_err() {
                return self.give_up();
            }
            if end {
                return Poll::Ready(());
            }
        }
        if self.last {
            // An end without data.
            let _ = self.stream.send_data(Bytes::new(), true);
        }
        Poll::Ready(())
    }

    /// The stream was reset, or its connection is gone.
    fn give_up(&mut self) -> Poll<()> {
        self.chunk = Bytes::new();
        self.last = true;
        Poll::Ready(())
    }

    /// Takes a frame. `true` when there is nothing more to do for the answer.
    fn take(&mut self, frame: Frame<Bytes>, cx: &mut Context<'_>) -> bool {
        let ended = self.body.as_ref().is_some_and(|body| body.is_end_stream());
        match frame.into_data() {
            Ok(data) => {
                if let Some(left) = &mut self.left {
                    let rest = left.checked_sub(data.len() as u64);
                    *left = rest.unwrap_or(0);
                    if rest.is_none() || (rest == Some(0) && !ended && self.has_more(cx)) {
                        tracing::error!(
                            "a body was longer than its Content-Length; its stream is reset"
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

    /// Whether a body that has given as much as it declared gives more now. One that is pending is
    /// not waited for.
    fn has_more(&mut self, cx: &mut Context<'_>) -> bool {
        let more = self.body.as_mut().map(|body| body.as_mut().poll_frame(cx));
        let Some(Poll::Ready(Some(Ok(frame)))) = more else { return false };
        frame.data_ref().is_some_and(|data| !data.is_empty())
    }

    /// The body has ended: with the chunk in hand, if there is one.
    fn end(&mut self) {
        if let Some(missing @ 1..) = self.left {
            tracing::error!(
                missing,
                "a body was shorter than its Content-Length; its stream is reset"
            );
            self.chunk = Bytes::new();
            self.reset(Reason::INTERNAL_ERROR);
        }
        self.last = true;
    }
}
