//! The body of a request, on its way from the socket to its reader.
//!
//! ```text
//!   Feeding --the reader has all of it-------------------> Done     another request may follow
//!      |   --the reader was dropped--> Unwanted --end--> Done
//!      |                                  |
//!      +--malformed, truncated, late------+--too long--> Broken   the connection ends
//! ```

use std::future::poll_fn;
use std::task::{Context, Poll};

use http::Request;
use http_body::Frame;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use crate::h1::codec::body::{Decoder, Piece};
use crate::h1::codec::encode;
use crate::h1::codec::framing::{Framing, Length};
use crate::h1::end::ConnectionEnd;
use crate::h1::wire::{PeerGone, Wire};
use crate::semantics::budget::WaitBudget;
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::timer::Direction;

/// The size of a read of a large body.
const LARGEST_READ: u64 = 64 * 1024;

/// The body of the current request.
#[derive(Debug)]
pub(crate) struct Upload {
    state: State,
    decoder: Decoder,
    /// The client waits for `100 Continue` before it sends the body.
    awaits_continue: bool,
    /// How long the client may still keep the reader waiting.
    budget: WaitBudget,
}

#[derive(Debug)]
enum State {
    Done,
    Feeding(Filler),
    Unwanted { discarded: u64 },
    Broken,
}

impl Upload {
    /// Gives the request its body. A body that has already arrived is handed over as a whole; any
    /// other body is filled on demand.
    pub(crate) fn attach<I>(
        request: &mut Request<Body>,
        framing: &Framing,
        wire: &mut Wire<I>,
    ) -> Upload {
        let whole = match framing.length {
            Length::Sized(0) => Some(0),
            Length::Sized(len) => usize::try_from(len).ok().filter(|len| *len <= wire.input.len()),
            Length::Chunked => None,
        };
        match whole {
            Some(0) => {}
            Some(len) => {
                let mut body = Body::whole(wire.input.split_to(len).freeze());
                body.mark_request();
                *request.body_mut() = body;
            }
            None => {
                let length = match framing.length {
                    Length::Sized(len) => Some(len),
                    Length::Chunked => None,
                };
                let (filler, incoming) = incoming::channel(length);
                *request.body_mut() = Body::incoming(incoming);
                return Upload {
                    state: State::Feeding(filler),
                    decoder: Decoder::new(framing.length),
                    // A client that already sends its body does not wait (RFC 9110, 10.1.1).
                    awaits_continue: framing.expect_continue && wire.input.is_empty(),
                    budget: WaitBudget::default(),
                };
            }
        }
        Upload {
            state: State::Done,
            decoder: Decoder::Done,
            awaits_continue: false,
            budget: WaitBudget::default(),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Moves the body towards its reader. Ready when the reader was given something, so it is worth
    /// polling again.
    pub(crate) fn poll_move<I: Io>(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire<I>,
    ) -> Poll<Result<(), PeerGone>> {
        self.check_reader(cx, wire);
        match &self.state {
            State::Feeding(filler) if filler.poll_wanted(cx).is_ready() => self.poll_feed(cx, wire),
            State::Unwanted { .. } if !self.awaits_continue => self.poll_discard(cx, wire).map(Err),
            State::Done | State::Broken | State::Feeding(_) | State::Unwanted { .. } => {
                wire.poll_watch(cx).map(Err)
            }
        }
    }

    /// Notices a reader that was dropped.
    fn check_reader<I: Io>(&mut self, cx: &mut Context<'_>, wire: &mut Wire<I>) {
        if let State::Feeding(filler) = &self.state
            && filler.poll_wanted(cx) == Poll::Ready(Want::Gone)
        {
            self.state = State::Unwanted { discarded: 0 };
            wire.timer.clear(Direction::Read);
        }
    }

    fn poll_feed<I: Io>(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire<I>,
    ) -> Poll<Result<(), PeerGone>> {
        loop {
            match self.decoder.decode(&mut wire.input, &wire.limits.body) {
                Ok(Piece::More) => {}
                Ok(piece) => {
                    self.deliver(piece);
                    return Poll::Ready(Ok(()));
                }
                Err(how) => {
                    self.fail(BodyError::Malformed(how));
                    return Poll::Ready(Ok(()));
                }
            }
            if wire.eof {
                self.fail(BodyError::Incomplete);
                return Poll::Ready(Ok(()));
            }
            if self.awaits_continue {
                self.awaits_continue = false;
                wire.out.buffer().extend_from_slice(encode::CONTINUE);
            }
            // The peer may wait for our output before it sends more.
            if let Poll::Ready(Err(gone)) = wire.poll_flush(cx) {
                return Poll::Ready(Err(gone));
            }
            let before = wire.input.len();
            match wire.poll_fill(cx, self.read_size()) {
                Poll::Ready(Ok(())) => {
                    let read = wire.input.len() - before;
                    if self.budget.progress(read, wire.limits.min_body_rate) {
                        wire.timer.clear(Direction::Read);
                    }
                }
                Poll::Ready(Err(gone)) => return Poll::Ready(Err(gone)),
                Poll::Pending => {
                    if let Some(left) = self.budget.wait(wire.limits.body_timeout) {
                        wire.timer.set(Direction::Read, left);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Discards an unwanted body, so that the client reads the response. Ready only if the peer is
    /// gone.
    fn poll_discard<I: Io>(&mut self, cx: &mut Context<'_>, wire: &mut Wire<I>) -> Poll<PeerGone> {
        while let State::Unwanted { discarded } = &mut self.state {
            match self.decoder.decode(&mut wire.input, &wire.limits.body) {
                Ok(Piece::Data(data)) => {
                    *discarded += data.len() as u64;
                    if *discarded > wire.limits.max_discard_bytes {
                        self.state = State::Broken;
                    }
                }
                Ok(Piece::Trailers(_) | Piece::End) => self.state = State::Done,
                Err(_) => self.state = State::Broken,
                Ok(Piece::More) if wire.eof => self.state = State::Broken,
                Ok(Piece::More) => match wire.poll_fill(cx, buffer::SIZE) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(gone)) => return Poll::Ready(gone),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
        Poll::Pending
    }

    /// Called when the client has kept the reader waiting for too long.
    pub(crate) fn time_out(&mut self) {
        if !self.is_done() {
            self.fail(BodyError::TimedOut);
        }
    }

    /// Called when the client is gone, so that the reader does not wait for it.
    pub(crate) fn lose(&mut self) {
        if matches!(self.state, State::Feeding(_)) {
            self.fail(BodyError::Incomplete);
        }
    }

    /// Called before the head of the response is written, because `100 Continue` cannot follow it.
    pub(crate) async fn before_response<I: Io>(&mut self, wire: &mut Wire<I>, success: bool) {
        poll_fn(|cx| {
            self.check_reader(cx, wire);
            Poll::Ready(())
        })
        .await;
        if self.awaits_continue && matches!(self.state, State::Feeding(_)) {
            self.awaits_continue = false;
            if success {
                // The body is still held: the response is made of it, or a task reads it.
                wire.out.buffer().extend_from_slice(encode::CONTINUE);
            } else {
                // The client reads the refusal and does not send its body.
                self.fail(BodyError::Incomplete);
            }
        }
    }

    /// Whether another request can be read behind the rest of this body.
    pub(crate) fn leaves_reusable<I>(&self, wire: &Wire<I>) -> bool {
        match self.state {
            State::Done => true,
            State::Broken => false,
            // Whether the client will still send the body is unknown (RFC 9110, 10.1.1), so the
            // next bytes cannot be interpreted.
            State::Feeding(_) | State::Unwanted { .. } if self.awaits_continue => false,
            State::Feeding(_) => true,
            State::Unwanted { .. } => self.decoder.left() <= wire.limits.max_discard_bytes,
        }
    }

    /// Reads the rest of the body after the response: a task may still read it; otherwise it is
    /// discarded.
    pub(crate) async fn finish<I: Io>(&mut self, wire: &mut Wire<I>) -> Result<(), ConnectionEnd> {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(Err(PeerGone)) = wire.poll_flush(cx) {
                    return Poll::Ready(Err(ConnectionEnd::Quiet));
                }
                match self.poll_move(cx, wire) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(PeerGone)) => return Poll::Ready(Err(ConnectionEnd::Quiet)),
                    Poll::Pending => {}
                }
                match self.state {
                    State::Done => {
                        wire.timer.clear(Direction::Read);
                        return Poll::Ready(Ok(()));
                    }
                    State::Broken => {
                        return Poll::Ready(Err(ConnectionEnd::Close { linger: true }));
                    }
                    _ if !self.leaves_reusable(wire) => {
                        return Poll::Ready(Err(ConnectionEnd::Close { linger: true }));
                    }
                    State::Unwanted { .. } => {
                        wire.timer.set_if_clear(Direction::Read, wire.limits.discard_timeout);
                    }
                    // A reader has no deadline, just as while the service runs.
                    State::Feeding(_) => {}
                }
                match wire.timer.poll(cx) {
                    Poll::Ready(Direction::Read) => self.time_out(),
                    Poll::Ready(Direction::Write) => return Poll::Ready(Err(ConnectionEnd::Quiet)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    fn deliver(&mut self, piece: Piece) {
        let State::Feeding(filler) = std::mem::replace(&mut self.state, State::Done) else {
            return;
        };
        match piece {
            Piece::Data(data) => filler.fill(Frame::data(data)),
            Piece::Trailers(trailers) => filler.fill(Frame::trailers(trailers)),
            Piece::End | Piece::More => {}
        }
        if self.decoder.is_done() {
            filler.finish();
        } else {
            self.state = State::Feeding(filler);
        }
    }

    fn fail(&mut self, error: BodyError) {
        tracing::debug!(%error, "a request body was cut short");
        if let State::Feeding(filler) = std::mem::replace(&mut self.state, State::Broken) {
            filler.fail(error);
        }
    }

    fn read_size(&self) -> usize {
        let want = self.decoder.left().clamp(buffer::SIZE as u64, LARGEST_READ);
        usize::try_from(want).unwrap_or(buffer::SIZE)
    }
}
