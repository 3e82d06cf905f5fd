//! The two halves of a request's stream: all that the rest of HTTP/3 knows of quinn's streams.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use quinn::{RecvStream, SendStream, WriteError};

use super::code::{Code, Fault};
use super::frame::{FrameLimits, Frames, Piece};

/// Why a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The client no longer wants its answer, or the connection is gone.
    Cancelled,
    Fault(Fault),
}

impl From<Fault> for Over {
    fn from(fault: Fault) -> Over {
        Over::Fault(fault)
    }
}

/// What the client sends.
#[derive(Debug)]
pub(super) struct Reader {
    stream: RecvStream,
    frames: Frames,
    /// Nothing more can come.
    ended: bool,
    /// The client has sent everything, so that it has nothing to take back.
    complete: bool,
}

/// Bytes that are taken from a stream at once.
const LARGEST_READ: usize = 64 * 1024;

impl Reader {
    pub(super) fn new(stream: RecvStream, limits: FrameLimits) -> Reader {
        Reader { stream, frames: Frames::new(limits), ended: false, complete: false }
    }

    /// The next piece, never [`Piece::More`]; `None` at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Piece>, Over>> {
        loop {
            match self.frames.next()? {
                Piece::More if self.ended => return Poll::Ready(Ok(None)),
                Piece::More => {}
                piece => return Poll::Ready(Ok(Some(piece))),
            }
            match ready!(pin!(self.stream.read_chunk(LARGEST_READ, true)).poll(cx)) {
                Ok(Some(chunk)) => self.frames.feed(chunk.bytes),
                Ok(None) => {
                    self.ended = true;
                    self.frames.end()?;
                }
                Err(error) => {
                    self.ended = true;
                    tracing::debug!(%error, "a request's stream broke off");
                    return Poll::Ready(Err(Over::Cancelled));
                }
            }
        }
    }

    /// Ready when the client takes back what it sends. For times when nobody reads.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        if self.ended || self.complete {
            return Poll::Pending;
        }
        match ready!(pin!(self.stream.received_reset()).poll(cx)) {
            Ok(None) => {
                self.complete = true;
                Poll::Pending
            }
            Ok(Some(_)) | Err(_) => Poll::Ready(Over::Cancelled),
        }
    }

    /// Tells the client that nobody reads the rest.
    pub(super) fn stop(&mut self, code: Code) {
        if !self.ended {
            self.ended = true;
            // It fails where nothing more could come.
            let _ = self.stream.stop(code.into());
        }
    }
}

/// What we send.
#[derive(Debug)]
pub(super) struct Writer {
    stream: SendStream,
    waiting: Vec<Bytes>,
    closed: bool,
}

impl Writer {
    pub(super) fn new(stream: SendStream) -> Writer {
        Writer { stream, waiting: Vec::new(), closed: false }
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() && !self.closed {
            self.waiting.push(bytes);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Hands over some of what waits, and tells how much that was.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Over>> {
        if self.waiting.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let written = ready!(pin!(self.stream.write_chunks(&mut self.waiting)).poll(cx));
        Poll::Ready(match written {
            Ok(written) => {
                self.waiting.drain(..written.chunks);
                Ok(written.bytes)
            }
            Err(error) => {
                self.waiting.clear();
                tracing::debug!(%error, "an answer's stream broke off");
                Err(match error {
                    WriteError::Stopped(_) | WriteError::ConnectionLost(_) => Over::Cancelled,
                    _ => Over::Fault(Fault::Stream(Code::InternalError, "the stream is closed")),
                })
            }
        })
    }

    /// Ready when the client no longer wants the answer, or has all of it.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let stopped = self.stream.stopped();
        async move {
            let _ = stopped.await;
        }
    }

    /// The end of the answer.
    pub(super) fn finish(&mut self) {
        self.closed = true;
        // It fails where the client wants no answer.
        let _ = self.stream.finish();
    }

    /// An answer that was ended, and that the client does not read.
    pub(super) fn take_back(&mut self, code: Code) {
        // It fails where the client has all of it.
        let _ = self.stream.reset(code.into());
    }

    /// An answer that must not look complete.
    pub(super) fn reset(&mut self, code: Code) {
        if !self.closed {
            self.closed = true;
            self.waiting.clear();
            let _ = self.stream.reset(code.into());
        }
    }
}

impl Drop for Writer {
    // Quinn would tell the client that what it has is all.
    fn drop(&mut self) {
        self.reset(Code::RequestCancelled);
    }
}
