//! The body of a request on its way from the wire to whoever reads it.
//!
//! ```text
//!   Feeding --the reader has all--------------------> Done     another request may follow
//!      |   --the reader is gone--> Unwanted --all--> Done
//!      |                              |
//!      +--malformed, truncated, late--+--too much--> Broken   the connection ends
//! ```

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use http_body::Frame;
use tokio::time::Instant;
use trine_core::incoming::{self, Filler, Want};
use trine_core::{Body, BodyError};

use crate::config::limits::Limits;
use crate::h1::codec::body::{Decoder, Piece};
use crate::h1::codec::encode;
use crate::h1::codec::framing::{Framing, Length};
use crate::h1::connection::End;
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::timer::{Side, Timer};
use crate::transport::wire::{Gone, Wire};

/// Reads of a large body are not smaller than this, where that much is to come.
const LARGEST_READ: u64 = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Upload {
    state: State,
    decoder: Decoder,
    /// The client waits for `100 Continue` before it sends the body.
    awaits_continue: bool,
    clock: Clock,
}

#[derive(Debug)]
enum State {
    Done,
    Feeding(Filler),
    Unwanted { discarded: u64 },
    Broken,
}

impl Upload {
    /// Gives the request its body: whole if it is there already, else one that is filled on demand.
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
                    // A client that sends already waits for nothing (RFC 9110, 10.1.1).
                    awaits_continue: framing.expect_continue && wire.input.is_empty(),
                    clock: Clock::new(&wire.limits),
                };
            }
        }
        Upload {
            state: State::Done,
            decoder: Decoder::Done,
            awaits_continue: false,
            clock: Clock { left: Duration::ZERO, since: None },
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Moves the body on. Ready when its reader was given something, so that it is worth asking
    /// again.
    pub(crate) fn poll_move<I: Io>(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire<I>,
    ) -> Poll<Result<(), Gone>> {
        self.notice_reader(cx, wire);
        match &self.state {
            State::Feeding(filler) if filler.poll_wanted(cx).is_ready() => self.poll_feed(cx, wire),
            State::Unwanted { .. } if !self.awaits_continue => self.poll_discard(cx, wire).map(Err),
            State::Done | State::Broken | State::Feeding(_) | State::Unwanted { .. } => {
                wire.poll_watch(cx).map(Err)
            }
        }
    }

    fn notice_reader<I: Io>(&mut self, cx: &mut Context<'_>, wire: &mut Wire<I>) {
        if let State::Feeding(filler) = &self.state
            && filler.poll_wanted(cx) == Poll::Ready(Want::Gone)
        {
            self.state = State::Unwanted { discarded: 0 };
            wire.timer.clear(Side::Read);
        }
    }

    fn poll_feed<I: Io>(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire<I>,
    ) -> Poll<Result<(), Gone>> {
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
            // The peer may wait for what we hold before it sends more.
            if let Poll::Ready(Err(gone)) = wire.poll_flush(cx) {
                return Poll::Ready(Err(gone));
            }
            let before = wire.input.len();
            match wire.poll_fill(cx, self.read_size()) {
                Poll::Ready(Ok(())) => {
                    self.clock.stop(&mut wire.timer, wire.input.len() - before, &wire.limits);
                }
                Poll::Ready(Err(gone)) => return Poll::Ready(Err(gone)),
                Poll::Pending => {
                    self.clock.start(&mut wire.timer);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Throws away what nobody wants, so that the client gets to read its answer. Never ready but
    /// for a peer that is gone.
    fn poll_discard<I: Io>(&mut self, cx: &mut Context<'_>, wire: &mut Wire<I>) -> Poll<Gone> {
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

    /// The reader waited for too long.
    pub(crate) fn time_out(&mut self) {
        if !self.is_done() {
            self.fail(BodyError::TimedOut);
        }
    }

    /// The client is gone, and the reader must not wait for it.
    pub(crate) fn lose(&mut self) {
        if matches!(self.state, State::Feeding(_)) {
            self.fail(BodyError::Incomplete);
        }
    }

    /// Called when the answer is there, before its head is written: from then on, `100 Continue`
    /// cannot be sent.
    pub(crate) async fn settle<I: Io>(&mut self, wire: &mut Wire<I>, success: bool) {
        poll_fn(|cx| {
            self.notice_reader(cx, wire);
            Poll::Ready(())
        })
        .await;
        if self.awaits_continue && matches!(self.state, State::Feeding(_)) {
            self.awaits_continue = false;
            if success {
                // Somebody still holds the body: the answer is made of it, or a task reads on.
                wire.out.buffer().extend_from_slice(encode::CONTINUE);
            } else {
                // The client reads a refusal and keeps its body.
                self.fail(BodyError::Incomplete);
            }
        }
    }

    /// Whether another request can be read after the rest of this body.
    pub(crate) fn leaves_reusable<I>(&self, wire: &Wire<I>) -> bool {
        match self.state {
            State::Done => true,
            State::Broken => false,
            // Whether the client will still send it is not known (RFC 9110, 10.1.1), so what
            // follows cannot be read.
            State::Feeding(_) | State::Unwanted { .. } if self.awaits_continue => false,
            State::Feeding(_) => true,
            State::Unwanted { .. } => self.decoder.left() <= wire.limits.max_discard_bytes,
        }
    }

    /// Reads the rest of the body after the answer: for a task that still reads it, else into
    /// nothing.
    pub(crate) async fn finish<I: Io>(&mut self, wire: &mut Wire<I>) -> Result<(), End> {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(Err(Gone)) = wire.poll_flush(cx) {
                    return Poll::Ready(Err(End::Quiet));
                }
                match self.poll_move(cx, wire) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(Gone)) => return Poll::Ready(Err(End::Quiet)),
                    Poll::Pending => {}
                }
                match self.state {
                    State::Done => {
                        wire.timer.clear(Side::Read);
                        return Poll::Ready(Ok(()));
                    }
                    State::Broken => return Poll::Ready(Err(End::Close { linger: true })),
                    _ if !self.leaves_reusable(wire) => {
                        return Poll::Ready(Err(End::Close { linger: true }));
                    }
                    State::Unwanted { .. } => {
                        wire.timer.start(Side::Read, wire.limits.discard_timeout)
                    }
                    // Its reader takes its time, as it may while the service runs.
                    State::Feeding(_) => {}
                }
                match wire.timer.poll(cx) {
                    Poll::Ready(Side::Read) => self.time_out(),
                    Poll::Ready(Side::Write) => return Poll::Ready(Err(End::Quiet)),
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

/// How long the client may still let somebody wait for its body. Only waiting counts: a reader that
/// takes its time uses up nothing.
#[derive(Debug)]
pub(crate) struct Clock {
    left: Duration,
    since: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(limits: &Limits) -> Clock {
        Clock { left: limits.body_timeout, since: None }
    }

    pub(crate) fn start(&mut self, timer: &mut Timer) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            timer.set(Side::Read, self.left);
        }
    }

    pub(crate) fn stop(&mut self, timer: &mut Timer, bytes: usize, limits: &Limits) {
        let most = limits.body_timeout;
        if let Some(since) = self.since.take() {
            timer.clear(Side::Read);
            self.left = self.left.saturating_sub(since.elapsed());
        }
        self.left = match (bytes as u64 * 1000).checked_div(limits.min_body_rate) {
            Some(bought) => most.min(self.left.saturating_add(Duration::from_millis(bought))),
            None => most,
        };
    }
}
