//! The body of a request on its way from the stream to whoever reads it.
//!
//! ```text
//!   Feeding --the reader has all---> Done
//!      |   --the reader is gone----> Done   the client is told to stop
//!      +--malformed, late----------> Done   and the reader is told
//! ```
//!
//! QUIC gives a client its windows back for what is read. So the first `early_bytes` of a body are
//! read before anybody asks for them: all requests share one window of the connection, and small
//! bodies of those that wait must not use it up.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use super::code::{Code, Fault};
use super::frame::Piece;
use super::quic::{Over, Reader};
use super::request;
use crate::config::limits::{HeadLimits, Limits};
use crate::h1::upload::Clock;
use crate::transport::timer::{Side, Timer};

#[derive(Debug)]
pub(super) struct Upload {
    state: State,
    /// What was taken before its reader asked for it. It is copied: pieces hold the packets that
    /// they came in.
    early: BytesMut,
    /// What came behind that: the end is `None`.
    behind: Option<Option<Piece>>,
    /// Bytes that the reader got last, or that wait for it alone.
    handed: usize,
    /// What Content-Length promises still.
    left: Option<u64>,
    /// The client waits for `100 Continue` before it sends the body.
    awaits_continue: bool,
    limits: HeadLimits,
    clock: Clock,
}

#[derive(Debug)]
enum State {
    Done,
    Feeding(Filler),
}

/// What there is to do for the body.
pub(super) enum Moved {
    /// Its reader was given something, so that it is worth asking again.
    Reader,
    /// The client is to be asked for it.
    Continue,
}

impl Upload {
    /// The body behind a head that declares `length`, of which `first` came along: `None` if
    /// nothing did yet.
    pub(super) fn attach(
        length: Option<u64>,
        expect_continue: bool,
        first: Option<Option<Piece>>,
        limits: &Limits,
    ) -> Result<(Upload, Body), Fault> {
        let ended = matches!(first, Some(None));
        let (filler, incoming) = incoming::channel(length);
        let state = if ended { State::Done } else { State::Feeding(filler) };
        let body = if ended { Body::empty() } else { Body::incoming(incoming) };
        let awaits_continue = expect_continue && first.is_none();
        let clock = Clock::new(limits);
        let (early, behind) = (BytesMut::new(), None);
        let mut upload = Upload {
            state,
            early,
            behind,
            handed: 0,
            left: length,
            awaits_continue,
            limits: limits.head,
            clock,
        };
        match first {
            None => {}
            Some(first) => match upload.admit(first)? {
                Some(Piece::Data(data)) => upload.hand(data),
                other => upload.behind = Some(other),
            },
        }
        Ok((upload, body))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Moves the body on.
    pub(super) fn poll_move(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut Reader,
        timer: &mut Timer,
        limits: &Limits,
    ) -> Poll<Result<Moved, Over>> {
        let State::Feeding(filler) = &self.state else { return self.watch(cx, reader) };
        match filler.poll_wanted(cx) {
            Poll::Pending => return self.take_early(cx, reader, limits),
            Poll::Ready(Want::Gone) => {
                timer.clear(Side::Read);
                self.stop(reader);
                return self.watch(cx, reader);
            }
            Poll::Ready(Want::Frame) => {}
        }
        self.handed = 0;
        if std::mem::take(&mut self.awaits_continue) {
            return Poll::Ready(Ok(Moved::Continue));
        }
        let piece = match self.take_held() {
            Some(piece) => Ok(piece),
            None => match reader.poll_next(cx) {
                Poll::Ready(piece) => piece.and_then(|piece| Ok(self.admit(piece)?)),
                Poll::Pending => {
                    self.clock.start(timer);
                    return Poll::Pending;
                }
            },
        };
        let bytes = piece.as_ref().ok().and_then(Option::as_ref).map_or(0, Piece::len);
        self.clock.stop(timer, bytes, limits);
        let delivered = piece.and_then(|piece| self.deliver(piece, limits));
        Poll::Ready(self.told(delivered).map(|()| Moved::Reader))
    }

    /// Nobody asks. What comes is taken all the same, up to the limit; and the client may take its
    /// request back.
    fn take_early(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut Reader,
        limits: &Limits,
    ) -> Poll<Result<Moved, Over>> {
        while self.behind.is_none() && self.handed + self.early.len() < limits.http3.early_bytes {
            let piece = ready!(reader.poll_next(cx));
            self.awaits_continue = false;
            let piece = piece.and_then(|piece| Ok(self.admit(piece)?));
            match self.told(piece) {
                Ok(Some(Piece::Data(data))) => self.early.extend_from_slice(&data),
                Ok(other) => self.behind = Some(other),
                Err(over) => return Poll::Ready(Err(over)),
            }
        }
        self.watch(cx, reader)
    }

    fn take_held(&mut self) -> Option<Option<Piece>> {
        if self.early.is_empty() {
            return self.behind.take();
        }
        Some(Some(Piece::Data(std::mem::take(&mut self.early).freeze())))
    }

    /// Called when the answer is there, before its head is sent: from then on, `100 Continue`
    /// cannot be. Whether it is to be.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>, success: bool) -> bool {
        let State::Feeding(filler) = &self.state else { return false };
        if !std::mem::take(&mut self.awaits_continue)
            || filler.poll_wanted(cx) == Poll::Ready(Want::Gone)
        {
            return false;
        }
        if !success {
            // The client reads a refusal and keeps its body.
            self.fail(BodyError::Incomplete);
        }
        // Else somebody still holds the body: the answer is made of it, or a task reads on.
        success
    }

    /// Nobody reads: what can happen is that the client takes its request back.
    fn watch(&self, cx: &mut Context<'_>, reader: &mut Reader) -> Poll<Result<Moved, Over>> {
        reader.poll_reset(cx).map(Err)
    }

    fn deliver(&mut self, piece: Option<Piece>, limits: &Limits) -> Result<(), Over> {
        match piece {
            Some(Piece::Data(data)) => self.hand(data),
            Some(Piece::Trailers(section)) => {
                let trailers = request::trailers(section, self.limits, limits.body.trailers)?;
                self.trailers(trailers);
            }
            Some(Piece::More | Piece::Head(_) | Piece::HeadTooLarge) => {}
            None => self.end(),
        }
        Ok(())
    }

    /// Holds a piece to the length that was declared.
    fn admit(&mut self, piece: Option<Piece>) -> Result<Option<Piece>, Fault> {
        match (&mut self.left, &piece) {
            (Some(left), Some(Piece::Data(data))) => {
                *left = left.checked_sub(data.len() as u64).ok_or(LONG)?;
            }
            (Some(1..), None) => return Err(SHORT),
            _ => {}
        }
        Ok(piece)
    }

    /// Tells the reader of what went wrong.
    fn told<T>(&mut self, result: Result<T, Over>) -> Result<T, Over> {
        if let Err(over) = &result {
            self.fail(match over {
                Over::Fault(Fault::Stream(_, how) | Fault::Connection(_, how)) => {
                    BodyError::Malformed(how)
                }
                Over::Cancelled => BodyError::Incomplete,
            });
        }
        result
    }

    fn hand(&mut self, data: Bytes) {
        if let State::Feeding(filler) = &self.state
            && !data.is_empty()
        {
            self.handed = data.len();
            filler.fill(Frame::data(data));
        }
    }

    fn trailers(&mut self, trailers: HeaderMap) {
        if let State::Feeding(filler) = &self.state {
            filler.fill(Frame::trailers(trailers));
        }
    }

    fn end(&mut self) {
        if let State::Feeding(filler) = std::mem::replace(&mut self.state, State::Done) {
            filler.finish();
        }
    }

    /// The reader waited for too long.
    pub(super) fn time_out(&mut self, reader: &mut Reader) {
        self.fail(BodyError::TimedOut);
        reader.stop(Code::NoError);
    }

    /// The client is gone, and the reader must not wait for it.
    pub(super) fn lose(&mut self) {
        self.fail(BodyError::Incomplete);
    }

    /// Nobody wants the rest (RFC 9114, 4.1).
    pub(super) fn stop(&mut self, reader: &mut Reader) {
        self.state = State::Done;
        (self.early, self.behind) = (BytesMut::new(), None);
        reader.stop(Code::NoError);
    }

    fn fail(&mut self, error: BodyError) {
        if let State::Feeding(filler) = std::mem::replace(&mut self.state, State::Done) {
            tracing::debug!(%error, "a request body was cut short");
            filler.fail(error);
        }
    }
}

const SHORT: Fault =
    Fault::Stream(Code::Message, "the body is shorter than Content-Length (RFC 9114, 4.1.2)");
const LONG: Fault =
    Fault::Stream(Code::Message, "the body is longer than Content-Length (RFC 9114, 4.1.2)");
