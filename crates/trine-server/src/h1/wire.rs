//! The socket of a connection, with its buffers, its timer, its limits, and the drain of its
//! worker.

use std::future::Future as _;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;

use crate::config::limits::{Cancel, Limits};
use crate::h1::codec::encode::Payload;
use crate::h1::codec::framing::ResponseTerms;
use crate::semantics::budget::WaitBudget;
use crate::server::shutdown::Drain;
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::out::Out;
use crate::transport::reset::ResetWatch;
use crate::transport::timer::{Direction, Timer};

/// The peer is gone: it has reset the connection, or a write failed. No response can reach it.
#[derive(Debug)]
pub(crate) struct PeerGone;

/// The stage of the current request, which decides what a panic leads to.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// No request has been served yet. The connection may turn out to speak HTTP/2.
    #[default]
    Fresh,
    /// Between two requests.
    Between,
    /// The service was called, and its response has not begun.
    Called(ResponseTerms),
    /// The head of the response was written, and the body follows.
    Streaming(Payload),
}

/// The socket of an HTTP/1 connection and its state.
#[derive(Debug)]
pub(crate) struct Wire<I> {
    pub(crate) io: I,
    /// Bytes that were read and not parsed yet.
    pub(crate) input: BytesMut,
    pub(crate) out: Out,
    pub(crate) timer: Timer,
    /// How long the client may still keep us from writing.
    write_budget: WaitBudget,
    reset_watch: ResetWatch,
    pub(crate) stage: Stage,
    /// The last read was pending.
    waited: bool,
    /// The peer has closed its side. It may still be reading.
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
            write_budget: WaitBudget::default(),
            reset_watch: ResetWatch::default(),
            stage: Stage::Fresh,
            waited: false,
            eof: false,
            limits,
            drain,
        }
    }

    /// Reads once, at least `want` bytes if they are there. It holds no buffer while it waits, and
    /// reads only when it expects the read to succeed.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        want: usize,
    ) -> Poll<Result<(), PeerGone>> {
        // A task that waited was most likely woken because the socket is readable.
        if !std::mem::take(&mut self.waited) {
            let ready = self.io.poll_read_ready(cx);
            self.waited = ready.is_pending();
            ready!(ready).map_err(|_| PeerGone)?;
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
            Poll::Ready(Err(_)) => Poll::Ready(Err(PeerGone)),
            Poll::Pending => {
                self.waited = true;
                self.release_input();
                Poll::Pending
            }
        }
    }

    /// Watches for a peer that goes away while its bytes are not needed. A reset always counts, and
    /// a FIN counts under [`Cancel::Fin`]. Other bytes are buffered up to the size of one buffer.
    /// Once the buffer is full, or after a FIN, the socket is polled for a reset instead.
    pub(crate) fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<PeerGone> {
        while !self.eof && self.input.len() < buffer::SIZE {
            if ready!(self.poll_fill(cx, buffer::SIZE)).is_err() {
                return Poll::Ready(PeerGone);
            }
        }
        if self.eof && self.limits.cancel == Cancel::Fin {
            return Poll::Ready(PeerGone);
        }
        self.reset_watch.poll(cx, &self.io).map(|()| PeerGone)
    }

    /// Writes the gathered bytes.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PeerGone>> {
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
                // Bytes that the stream holds back count when they reach the socket.
                Poll::Ready(Ok(1..)) if !held && self.io.holds_back() => {}
                Poll::Ready(Ok(written @ 1..)) => {
                    if self.write_budget.progress(written, self.limits.min_write_rate) {
                        self.timer.clear(Direction::Write);
                    }
                }
                Poll::Ready(_) => return Poll::Ready(Err(PeerGone)),
                Poll::Pending => {
                    if let Some(left) = self.write_budget.wait(self.limits.write_timeout) {
                        self.timer.set(Direction::Write, left);
                    }
                    return Poll::Pending;
                }
            }
        }
        self.out.release();
        Pin::new(&mut self.io).poll_flush(cx).map_err(|_| PeerGone)
    }

    /// Gives an empty read buffer back to the pool.
    pub(crate) fn release_input(&mut self) {
        if self.input.is_empty() {
            buffer::give(&mut self.input);
        }
    }
}
