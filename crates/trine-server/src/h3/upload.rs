//! The body of a request on its way from the stream to whoever reads it.
//!
//! ```text
//!   Feeding --the reader has all---> Done
//!      |   --the reader is gone----> Done   the client is told to stop
//!      +--malformed, late----------> Done   and the reader is told
//! ```

use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use super::code::{Code, Fault};
use super::frame::Piece;
use super::quic::{Over, Reader};
use super::request::{self, Limits};
use crate::config::ServerConfig;
use crate::timer::{Side, Timer};
use crate::upload::Clock;

#[derive(Debug)]
pub(super) struct Upload {
    state: State,
    /// What came with the head.
    first: Option<Piece>,
    /// What Content-Length promises still.
    left: Option<u64>,
    /// The client waits for `100 Continue` before it sends the body.
    awaits_continue: bool,
    limits: Limits,
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
    /// The body behind a head that declares `length`, of which `first` came along: `None` if nothing did yet.
    pub(super) fn attach(
        length: Option<u64>,
        expect_continue: bool,
        first: Option<Option<Piece>>,
        limits: Limits,
        config: &ServerConfig,
    ) -> Result<(Upload, Body), Fault> {
        let ended = matches!(first, Some(None));
        if ended && length.is_some_and(|length| length > 0) {
            return Err(SHORT);
        }
        let (filler, incoming) = incoming::channel(length);
        let state = if ended { State::Done } else { State::Feeding(filler) };
        let body = if ended { Body::empty() } else { Body::incoming(incoming) };
        let first = first.flatten();
        let awaits_continue = expect_continue && first.is_none() && !ended;
        let clock = Clock::new(config);
        Ok((Upload { state, first, left: length, awaits_continue, limits, clock }, body))
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
        config: &ServerConfig,
    ) -> Poll<Result<Moved, Over>> {
        let State::Feeding(filler) = &self.state else { return self.watch(cx, reader) };
        match filler.poll_wanted(cx) {
            Poll::Pending => return self.watch(cx, reader),
            Poll::Ready(Want::Gone) => {
                timer.clear(Side::Read);
                self.stop(reader);
                return self.watch(cx, reader);
            }
            Poll::Ready(Want::Frame) => {}
        }
        if std::mem::take(&mut self.awaits_continue) {
            return Poll::Ready(Ok(Moved::Continue));
        }
        let piece = match self.first.take() {
            Some(piece) => Ok(Some(piece)),
            None => match reader.poll_next(cx) {
                Poll::Ready(piece) => piece,
                Poll::Pending => {
                    self.clock.start(timer);
                    return Poll::Pending;
                }
            },
        };
        let bytes = piece.as_ref().ok().and_then(Option::as_ref).map_or(0, Piece::len);
        self.clock.stop(timer, bytes, config);
        Poll::Ready(self.deliver(piece, config).map(|()| Moved::Reader))
    }

    /// Called when the answer is there, before its head is sent: from then on, `100 Continue` cannot be. Whether it is to be.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>, success: bool) -> bool {
        let State::Feeding(filler) = &self.state else { return false };
        if !std::mem::take(&mut self.awaits_continue) || filler.poll_wanted(cx) == Poll::Ready(Want::Gone) {
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

    fn deliver(&mut self, piece: Result<Option<Piece>, Over>, config: &ServerConfig) -> Result<(), Over> {
        let delivered = piece.and_then(|piece| match piece {
            Some(Piece::Data(data)) => self.data(data).map_err(Over::from),
            Some(Piece::Trailers(section)) => {
                let trailers = request::trailers(section, self.limits, config.max_trailer_bytes)?;
                self.trailers(trailers);
                Ok(())
            }
            Some(Piece::More | Piece::Head(_) | Piece::HeadTooLarge) => Ok(()),
            None => self.end().map_err(Over::from),
        });
        if let Err(over) = delivered {
            self.fail(match over {
                Over::Fault(Fault::Stream(_, how) | Fault::Connection(_, how)) => BodyError::Malformed(how),
                Over::Cancelled => BodyError::Incomplete,
            });
        }
        delivered
    }

    fn data(&mut self, data: Bytes) -> Result<(), Fault> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(data.len() as u64).ok_or(LONG)?;
        }
        if let State::Feeding(filler) = &self.state {
            filler.fill(Frame::data(data));
        }
        Ok(())
    }

    fn trailers(&mut self, trailers: HeaderMap) {
        if let State::Feeding(filler) = &self.state {
            filler.fill(Frame::trailers(trailers));
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(SHORT);
        }
        if let State::Feeding(filler) = std::mem::replace(&mut self.state, State::Done) {
            filler.finish();
        }
        Ok(())
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
        self.first = None;
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
const LONG: Fault = Fault::Stream(Code::Message, "the body is longer than Content-Length (RFC 9114, 4.1.2)");
