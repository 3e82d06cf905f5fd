//! The socket as h2 sees it.
//!
//! Writes are gathered, so that the responses of all ready streams leave in one write. [`Frames`]
//! inspects the bytes that are read. h2 owns the stream that it reads and writes, so the socket is
//! shared between h2 and the connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use crate::config::limits::Limits;
use crate::semantics::budget::WaitBudget;
use crate::transport::buffer;
use crate::transport::io::Io;

/// A handle of the shared socket.
pub(super) struct Wire<I>(Arc<Mutex<WireState<I>>>);

/// The shared socket.
pub(super) struct WireState<I> {
    io: I,
    /// Bytes that were read before the connection was known to be HTTP/2.
    read_ahead: BytesMut,
    out: BytesMut,
    limits: Arc<Limits>,
    pub(super) frames: Frames,
    /// How long the client may still keep us from writing.
    pub(super) write_budget: WaitBudget,
    /// The number of bytes that were read. A client that sends is alive.
    pub(super) received: u64,
    pub(super) eof: bool,
}

impl<I> Clone for Wire<I> {
    fn clone(&self) -> Wire<I> {
        Wire(Arc::clone(&self.0))
    }
}

impl<I: Io> Wire<I> {
    pub(super) fn new(io: I, read_ahead: BytesMut, limits: Arc<Limits>) -> Wire<I> {
        let frames = Frames::new(&limits);
        let out = BytesMut::new();
        Wire(Arc::new(Mutex::new(WireState {
            io,
            read_ahead,
            out,
            limits,
            frames,
            write_budget: WaitBudget::default(),
            received: 0,
            eof: false,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, WireState<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the gathered bytes.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_send(cx)
    }
}

impl<I: Io> WireState<I> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
                Pin::new(&mut self.io).poll_write(cx, &self.out)
            };
            match written {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.sent(written, held),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.write_budget.wait(self.limits.write_timeout);
                    return Poll::Pending;
                }
            }
        }
        buffer::give(&mut self.out);
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn sent(&mut self, written: usize, held: bool) {
        if !held {
            self.out.advance(written);
            self.frames.credit_body(written);
        }
        // Bytes that the stream holds back count when they reach the socket.
        if held || !self.io.holds_back() {
            self.write_budget.progress(written, self.limits.min_write_rate);
        }
    }

    /// Discards what the client sends. Ready at the end of the stream.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 4096];
        while !self.eof {
            let mut buf = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)) {
                Ok(()) => self.eof = buf.filled().is_empty(),
                Err(_) => self.eof = true,
            }
        }
        Poll::Ready(())
    }
}

impl<I: Io> AsyncRead for Wire<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state();
        let state = &mut *state;
        let before = buf.filled().len();
        if state.read_ahead.is_empty() {
            ready!(Pin::new(&mut state.io).poll_read(cx, buf))?;
        } else {
            let len = state.read_ahead.len().min(buf.remaining());
            buf.put_slice(&state.read_ahead[..len]);
            state.read_ahead.advance(len);
            if state.read_ahead.is_empty() {
                buffer::give(&mut state.read_ahead);
            }
        }
        let read = &buf.filled()[before..];
        state.eof |= read.is_empty();
        state.received += read.len() as u64;
        state.frames.read(read);
        Poll::Ready(Ok(()))
    }
}

impl<I: Io> AsyncWrite for Wire<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    // Frames have at most 16 KiB. Copying them costs less than a system call.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if state.out.len() >= state.limits.max_gathered_bytes {
            ready!(state.poll_send(cx))?;
        }
        if state.out.capacity() == 0 {
            state.out = buffer::take();
        }
        for buf in bufs {
            state.out.extend_from_slice(buf);
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// The connection writes at the end of its poll.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        ready!(state.poll_send(cx))?;
        Pin::new(&mut state.io).poll_shutdown(cx)
    }
}
