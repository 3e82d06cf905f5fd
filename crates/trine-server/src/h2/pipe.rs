//! The connection's bytes as h2 sees them.
//!
//! What it writes is gathered, so that the answers of all streams that were ready in one turn leave
//! in one write; what it reads goes by [`Frames`]. h2 owns what it reads from and writes to,
//! therefore both ends share it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::clock::Patience;
use super::frames::Frames;
use crate::config::limits::Limits;
use crate::transport::buffer;
use crate::transport::io::Io;

pub(super) struct Pipe<I>(Arc<Mutex<Ends<I>>>);

pub(super) struct Ends<I> {
    io: I,
    /// What was read before it was known to be HTTP/2.
    replay: BytesMut,
    out: BytesMut,
    limits: Arc<Limits>,
    pub(super) frames: Frames,
    /// What is left of the time that the client may let us wait until it reads.
    pub(super) patience: Patience,
    /// Bytes read so far: a client that sends is alive.
    pub(super) received: u64,
    pub(super) eof: bool,
}

impl<I> Clone for Pipe<I> {
    fn clone(&self) -> Pipe<I> {
        Pipe(Arc::clone(&self.0))
    }
}

impl<I: Io> Pipe<I> {
    pub(super) fn new(io: I, replay: BytesMut, limits: Arc<Limits>) -> Pipe<I> {
        let frames = Frames::new(&limits);
        let patience = Patience::new(limits.write_timeout);
        let out = BytesMut::new();
        Pipe(Arc::new(Mutex::new(Ends {
            io,
            replay,
            out,
            limits,
            frames,
            patience,
            received: 0,
            eof: false,
        })))
    }

    pub(super) fn ends(&self) -> MutexGuard<'_, Ends<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was gathered.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ends().poll_send(cx)
    }
}

impl<I: Io> Ends<I> {
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
                    self.patience.wait();
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
            self.frames.carried(written);
        }
        // What is held back counts once it leaves.
        if held || !self.io.holds_back() {
            self.patience.go_on(written, self.limits.min_write_rate, self.limits.write_timeout);
        }
    }

    /// Reads into nothing. Ready at the end.
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

impl<I: Io> AsyncRead for Pipe<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ends = self.ends();
        let ends = &mut *ends;
        let before = buf.filled().len();
        if ends.replay.is_empty() {
            ready!(Pin::new(&mut ends.io).poll_read(cx, buf))?;
        } else {
            let len = ends.replay.len().min(buf.remaining());
            buf.put_slice(&ends.replay[..len]);
            ends.replay.advance(len);
            if ends.replay.is_empty() {
                buffer::give(&mut ends.replay);
            }
        }
        let read = &buf.filled()[before..];
        ends.eof |= read.is_empty();
        ends.received += read.len() as u64;
        ends.frames.read(read);
        Poll::Ready(Ok(()))
    }
}

impl<I: Io> AsyncWrite for Pipe<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    // Frames are small, 16 KiB at most, and a copy costs less than a call to the system.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut ends = self.ends();
        if ends.out.len() >= ends.limits.max_gathered_bytes {
            ready!(ends.poll_send(cx))?;
        }
        if ends.out.capacity() == 0 {
            ends.out = buffer::take();
        }
        for buf in bufs {
            ends.out.extend_from_slice(buf);
        }
        Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// The turn is not over: whoever ends it writes.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.ends();
        ready!(ends.poll_send(cx))?;
        Pin::new(&mut ends.io).poll_shutdown(cx)
    }
}
