//! The body of a request, on its way from the stream to its reader.
//!
//! ```text
//!   Feeding --the reader has all of it--> Done
//!      |   --the reader was dropped-----> Done   the client is asked to stop
//!      +--malformed or late-------------> Done   the reader gets an error
//! ```
//!
//! A client gets flow-control credit for what is read from QUIC. All requests of a connection share
//! one window, and the small bodies of requests that wait must not exhaust it. The first
//! `early_bytes` of a body are therefore read before its reader asks for them.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use super::codec::error::{Code, Fault};
use super::codec::frame::Piece;
use super::codec::head;
use super::stream::{Reader, StreamEnd};
use crate::config::limits::Limits;
use crate::semantics::budget::WaitBudget;
use crate::transport::timer::{Direction, Timer};

#[derive(Debug)]
pub(super) struct Upload {
    state: State,
    /// Data that was read before the reader asked for it. It is a copy, because a piece keeps the
    /// packet alive that it came in.
    early: BytesMut,
    /// The piece that follows `early`; the inner `None` is the end of the stream.
    behind: Option<Option<Piece>>,
    /// The length of the last frame that the reader was given.
    handed: usize,
    /// The number of bytes that the declared Content-Length still lacks.
    left: Option<u64>,
    /// The client waits for `100 Continue` before it sends the body.
    awaits_continue: bool,
    /// How long the client may still keep the reader waiting.
    budget: WaitBudget,
}

#[derive(Debug)]
enum State {
    Done,
    Feeding(Filler),
}

/// The result of moving the body.
pub(super) enum Step {
    /// The reader was given something, so it is worth polling again.
    Delivered,
    /// `100 Continue` has to be sent.
    SendContinue,
}

impl Upload {
    /// The body of a request that declares `length`. `first` is the piece that followed the head,
    /// and `None` if nothing has arrived yet.
    pub(super) fn attach(
        length: Option<u64>,
        expect_continue: bool,
        first: Option<Option<Piece>>,
    ) -> Result<(Upload, Body), Fault> {
        let ended = matches!(first, Some(None));
        let (filler, incoming) = incoming::channel(length);
        let state = if ended { State::Done } else { State::Feeding(filler) };
        let body = if ended { Body::empty() } else { Body::incoming(incoming) };
        let awaits_continue = expect_continue && first.is_none();
        let budget = WaitBudget::default();
        let (early, behind) = (BytesMut::new(), None);
        let mut upload =
            Upload { state, early, behind, handed: 0, left: length, awaits_continue, budget };
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

    /// Moves the body towards its reader.
    pub(super) fn poll_move(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut Reader,
        timer: &mut Timer,
        limits: &Limits,
    ) -> Poll<Result<Step, StreamEnd>> {
        let State::Feeding(filler) = &self.state else { return self.watch(cx, reader) };
        match filler.poll_wanted(cx) {
            Poll::Pending => return self.take_early(cx, reader, limits),
            Poll::Ready(Want::Gone) => {
                timer.clear(Direction::Read);
                self.stop(reader);
                return self.watch(cx, reader);
            }
            Poll::Ready(Want::Frame) => {}
        }
        self.handed = 0;
        if std::mem::take(&mut self.awaits_continue) {
            return Poll::Ready(Ok(Step::SendContinue));
        }
        let piece = match self.take_held() {
            Some(piece) => Ok(piece),
            None => match reader.poll_next(cx) {
                Poll::Ready(piece) => piece.and_then(|piece| Ok(self.admit(piece)?)),
                Poll::Pending => {
                    if let Some(left) = self.budget.wait(limits.body_timeout) {
                        timer.set(Direction::Read, left);
                    }
                    return Poll::Pending;
                }
            },
        };
        let bytes = piece.as_ref().ok().and_then(Option::as_ref).map_or(0, Piece::len);
        if self.budget.progress(bytes, limits.min_body_rate) {
            timer.clear(Direction::Read);
        }
        let delivered = piece.and_then(|piece| self.deliver(piece, limits));
        Poll::Ready(self.report(delivered).map(|()| Step::Delivered))
    }

    /// Reads ahead while the reader does not ask, up to `early_bytes`, and watches for a client
    /// that cancels the request.
    fn take_early(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut Reader,
        limits: &Limits,
    ) -> Poll<Result<Step, StreamEnd>> {
        while self.behind.is_none() && self.handed + self.early.len() < limits.http3.early_bytes {
            let piece = ready!(reader.poll_next(cx));
            self.awaits_continue = false;
            let piece = piece.and_then(|piece| Ok(self.admit(piece)?));
            match self.report(piece) {
                Ok(Some(Piece::Data(data))) => self.early.extend_from_slice(&data),
                Ok(other) => self.behind = Some(other),
                Err(end) => return Poll::Ready(Err(end)),
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

    /// Called before the head of the response is sent, because `100 Continue` cannot follow it.
    /// Returns whether it has to be sent now.
    pub(super) fn before_response(&mut self, cx: &mut Context<'_>, success: bool) -> bool {
        let State::Feeding(filler) = &self.state else { return false };
        if !std::mem::take(&mut self.awaits_continue)
            || filler.poll_wanted(cx) == Poll::Ready(Want::Gone)
        {
            return false;
        }
        if !success {
            // The client reads the refusal and does not send its body.
            self.fail(BodyError::Incomplete);
        }
        // On success, the body is still held: the response is made of it, or a task reads it.
        success
    }

    /// Waits for a client that cancels its request.
    fn watch(&self, cx: &mut Context<'_>, reader: &mut Reader) -> Poll<Result<Step, StreamEnd>> {
        reader.poll_reset(cx).map(Err)
    }

    fn deliver(&mut self, piece: Option<Piece>, limits: &Limits) -> Result<(), StreamEnd> {
        match piece {
            Some(Piece::Data(data)) => self.hand(data),
            Some(Piece::Trailers(section)) => {
                let trailers = head::trailers(section, limits.head, limits.body.trailers)?;
                self.trailers(trailers);
            }
            Some(Piece::More | Piece::Head(_) | Piece::HeadTooLarge) => {}
            None => self.end(),
        }
        Ok(())
    }

    /// Checks a piece against the declared Content-Length.
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

    /// Passes an error on to the reader too.
    fn report<T>(&mut self, result: Result<T, StreamEnd>) -> Result<T, StreamEnd> {
        if let Err(end) = &result {
            self.fail(match end {
                StreamEnd::Fault(Fault::Stream(_, how) | Fault::Connection(_, how)) => {
                    BodyError::Malformed(how)
                }
                StreamEnd::Cancelled => BodyError::Incomplete,
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

    /// Called when the client has kept the reader waiting for too long.
    pub(super) fn time_out(&mut self, reader: &mut Reader) {
        self.fail(BodyError::TimedOut);
        reader.stop(Code::NoError);
    }

    /// Called when the client is gone, so that the reader does not wait for it.
    pub(super) fn lose(&mut self) {
        self.fail(BodyError::Incomplete);
    }

    /// Called when the rest of the body is not wanted (RFC 9114, 4.1).
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
