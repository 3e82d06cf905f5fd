//! The socket with its buffers, its timer and what the connection must know of the server.

use std::future::Future as _;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;

use crate::config::limits::{Cancel, Limits};
use crate::h1::codec::encode::Payload;
use crate::h1::codec::framing::Terms;
use crate::semantics::patience::{Look, Pace};
use crate::server::shutdown::Drain;
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::out::Out;
use crate::transport::timer::Timer;

/// The peer is gone: it reset the connection, or what we write fails. Nobody is left to answer.
#[derive(Debug)]
pub(crate) struct Gone;

/// How far the request in hand is, for a panic that interrupts it.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// Nothing was served yet: the connection may turn out to speak HTTP/2.
    #[default]
    Fresh,
    Between,
    /// The service was called, and nothing of its answer is written.
    Called(Terms),
    /// The head of the answer is written, and its body follows.
    Streaming(Payload),
}

#[derive(Debug)]
pub(crate) struct Wire<I> {
    pub(crate) io: I,
    /// What was read and not yet understood.
    pub(crate) input: BytesMut,
    pub(crate) out: Out,
    pub(crate) timer: Timer,
    pace: Pace,
    look: Look,
    pub(crate) stage: Stage,
    /// The last read found nothing.
    waited: bool,
    /// The peer ended its side. It may still be reading.
    pub(crate) eof: bool,
    pub(crate) limits: Arc<Limits>,
    pub(crate) drain: Arc<Drain>,
}

impl<I: Io> Wire<I> {
    pub(crate) fn new(io: I, limits: Arc<Limits>, drain: Arc<Drain>) -> Wire<I> {
        let timer = Timer::new(limits.keep_alive_timeout);
        Wire {
            io,
            input: BytesMut::new(),
            out: Out::default(),
            timer,
            pace: Pace::default(),
            look: Look::default(),
            stage: Stage::Fresh,
            waited: false,
            eof: false,
            limits,
            drain,
        }
    }

    /// Reads once. It waits without a buffer, and never starts a read that it does not expect to
    /// succeed.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        want: usize,
    ) -> Poll<Result<(), Gone>> {
        // Whoever waited was most often woken because there is something to read.
        if !std::mem::take(&mut self.waited) {
            let ready = self.io.poll_read_ready(cx);
            self.waited = ready.is_pending();
            ready!(ready).map_err(|_| Gone)?;
        }
        if self.input.capacity() == 0 {
            self.input = buffer::take();
        } else if self.input.capacity() - self.input.len() < want.min(buffer::SIZE / 4) {
            self.input.reserve(want);
        }
        match pin!(self.io.read_buf(&mut self.input)).poll(cx) {
            Poll::Ready(Ok(read)) => {
                self.eof |= read == 0;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(Gone)),
            Poll::Pending => {
                self.waited = true;
                self.rest();
                Poll::Pending
            }
        }
    }

    /// Looks for the end of a peer that nobody reads from now: a reset is an error, a FIN only
    /// where the configuration says so. What else comes is kept for later, up to one buffer; past
    /// it, and behind a FIN, a reset is looked for.
    pub(crate) fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        while !self.eof && self.input.len() < buffer::SIZE {
            if ready!(self.poll_fill(cx, buffer::SIZE)).is_err() {
                return Poll::Ready(Gone);
            }
        }
        if self.eof && self.limits.cancel == Cancel::Fin {
            return Poll::Ready(Gone);
        }
        self.look.poll(cx, &self.io)
    }

    /// Writes what is gathered.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.out.is_empty() && !self.io.holds_back() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let held = self.io.holds_back();
            let written = if held {
                self.io.poll_drain(cx)
            } else if self.out.is_empty() {
                break;
            } else {
                self.out.poll_write(cx, Pin::new(&mut self.io))
            };
            match written {
                // What is held back counts once it leaves.
                Poll::Ready(Ok(1..)) if !held && self.io.holds_back() => {}
                Poll::Ready(Ok(written @ 1..)) => {
                    self.pace.go_on(&mut self.timer, written, &self.limits)
                }
                Poll::Ready(_) => return Poll::Ready(Err(Gone)),
                Poll::Pending => {
                    self.pace.wait(&mut self.timer, &self.limits);
                    return Poll::Pending;
                }
            }
        }
        self.out.rest();
        Pin::new(&mut self.io).poll_flush(cx).map_err(|_| Gone)
    }

    /// Gives the read buffer back while there is nothing in it.
    pub(crate) fn rest(&mut self) {
        if self.input.is_empty() {
            buffer::give(&mut self.input);
        }
    }
}
