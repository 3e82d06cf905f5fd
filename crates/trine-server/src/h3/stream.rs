//! The two directions of a request stream. The other modules do not use the streams of quinn.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use quinn::{RecvStream, SendStream, WriteError};

use super::codec::error::{Code, Fault};
use super::codec::frame::{FrameLimits, Frames, Piece};

/// Why a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The client has cancelled the request, or the connection is gone.
    Cancelled,
    Fault(Fault),
}

impl From<Fault> for StreamEnd {
    fn from(fault: Fault) -> StreamEnd {
        StreamEnd::Fault(fault)
    }
}

/// The direction from the client.
#[derive(Debug)]
pub(super) struct Reader {
    stream: RecvStream,
    frames: Frames,
    /// No more bytes can arrive.
    ended: bool,
    /// The client has sent everything, so it cannot reset the stream any more.
    complete: bool,
}

/// The limit of one read.
const LARGEST_READ: usize = 64 * 1024;

impl Reader {
    pub(super) fn new(stream: RecvStream, limits: FrameLimits) -> Reader {
        Reader { stream, frames: Frames::new(limits), ended: false, complete: false }
    }

    /// The next piece, never [`Piece::More`]; `None` at the end.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Piece>, StreamEnd>> {
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
                    tracing::debug!(%error, "the stream of a request failed");
                    return Poll::Ready(Err(StreamEnd::Cancelled));
                }
            }
        }
    }

    /// Ready when the client resets the stream. It is polled while the stream is not read.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<StreamEnd> {
        if self.ended || self.complete {
            return Poll::Pending;
        }
        match ready!(pin!(self.stream.received_reset()).poll(cx)) {
            Ok(None) => {
                self.complete = true;
                Poll::Pending
            }
            Ok(Some(_)) | Err(_) => Poll::Ready(StreamEnd::Cancelled),
        }
    }

    /// Asks the client to stop sending, because the rest is not wanted.
    pub(super) fn stop(&mut self, code: Code) {
        if !self.ended {
            self.ended = true;
            // This fails if no more bytes can arrive.
            let _ = self.stream.stop(code.into());
        }
    }
}

/// The direction to the client.
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

    /// Sends some of the waiting bytes, and returns their number.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, StreamEnd>> {
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
                tracing::debug!(%error, "the stream of a response failed");
                Err(match error {
                    WriteError::Stopped(_) | WriteError::ConnectionLost(_) => StreamEnd::Cancelled,
                    _ => {
                        StreamEnd::Fault(Fault::Stream(Code::InternalError, "the stream is closed"))
                    }
                })
            }
        })
    }

    /// Ready when the client no longer wants the response, or has acknowledged all of it.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let stopped = self.stream.stopped();
        async move {
            let _ = stopped.await;
        }
    }

    /// Ends the response.
    pub(super) fn finish(&mut self) {
        self.closed = true;
        // This fails if the client does not want the response.
        let _ = self.stream.finish();
    }

    /// Cancels a response that was ended, because the client does not read it.
    pub(super) fn cancel(&mut self, code: Code) {
        // This fails if the client has all of it.
        let _ = self.stream.reset(code.into());
    }

    /// Resets the stream, because the response must not look complete.
    pub(super) fn reset(&mut self, code: Code) {
        if !self.closed {
            self.closed = true;
            self.waiting.clear();
            let _ = self.stream.reset(code.into());
        }
    }
}

impl Drop for Writer {
    // quinn would end the stream as if the response were complete.
    fn drop(&mut self) {
        self.reset(Code::RequestCancelled);
    }
}
