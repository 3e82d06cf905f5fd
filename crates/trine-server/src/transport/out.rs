//! The bytes that wait to be written: small pieces in one buffer, and at most one large piece
//! behind them that is not copied.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use trine_core::body::FileBody;

use crate::transport::buffer;
use crate::transport::io::Io;

/// The output of a connection.
#[derive(Debug, Default)]
pub(crate) struct Out {
    buf: BytesMut,
    tail: Tail,
}

/// The large piece behind the buffer.
#[derive(Debug, Default)]
enum Tail {
    #[default]
    None,
    /// Data, and the line end that follows it in chunked framing.
    Data(Bytes, &'static [u8]),
    /// A part of a file that the system sends without a copy.
    File(Box<FileBody>),
}

/// Up to this size, copying a body behind its head is cheaper than a vectored write.
const LARGEST_COPY: usize = 4 * 1024;

impl Out {
    /// The buffer for heads and small bodies. No large piece may be waiting: see [`Out::is_full`].
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        debug_assert!(matches!(self.tail, Tail::None));
        if self.buf.capacity() == 0 {
            self.buf = buffer::take();
        }
        &mut self.buf
    }

    /// Copies small data into the buffer. Returns false for large data, which is not copied.
    pub(crate) fn copy(&mut self, data: &[u8]) -> bool {
        let small = data.len() <= LARGEST_COPY;
        if small {
            self.buffer().extend_from_slice(data);
        }
        small
    }

    /// Adds data, followed by `after`: the line end of chunked framing, or nothing.
    pub(crate) fn push(&mut self, data: Bytes, after: &'static [u8]) {
        if self.copy(&data) {
            self.buffer().extend_from_slice(after);
        } else {
            self.tail = Tail::Data(data, after);
        }
    }

    /// Adds a part of a file.
    pub(crate) fn push_file(&mut self, file: FileBody) {
        debug_assert!(matches!(self.tail, Tail::None));
        self.tail = Tail::File(Box::new(file));
    }

    /// Removes the last unwritten byte.
    #[cold]
    pub(crate) fn remove_last_byte(&mut self) {
        match &mut self.tail {
            Tail::None => self.buf.truncate(self.buf.len().saturating_sub(1)),
            Tail::Data(data, _) => data.truncate(data.len().saturating_sub(1)),
            Tail::File(file) => file.len = file.len.saturating_sub(1),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buf.is_empty() && matches!(self.tail, Tail::None)
    }

    /// Whether the output must be written before more is added.
    pub(crate) fn is_full(&self, cap: usize) -> bool {
        !matches!(self.tail, Tail::None) || self.buf.len() >= cap
    }

    /// Gives the buffer back to the pool. It must be empty.
    pub(crate) fn release(&mut self) {
        buffer::give(&mut self.buf);
    }

    /// Writes once. Zero bytes mean that the peer, or the rest of the file, is gone.
    pub(crate) fn poll_write<I: Io>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut I>,
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.tail {
            Tail::Data(data, after) => {
                let slices = [IoSlice::new(&self.buf), IoSlice::new(data), IoSlice::new(after)];
                let skip = usize::from(self.buf.is_empty());
                ready!(io.poll_write_vectored(cx, &slices[skip..]))?
            }
            Tail::File(file) if self.buf.is_empty() => {
                let sent = ready!(io.get_mut().poll_send_file(cx, file))?;
                if sent == 0 {
                    tracing::error!(
                        missing = file.len,
                        "a file was shorter than the length of its response; the connection ends"
                    );
                }
                sent
            }
            Tail::None | Tail::File(_) => ready!(io.poll_write(cx, &self.buf))?,
        };
        self.advance(written);
        Poll::Ready(Ok(written))
    }

    fn advance(&mut self, mut written: usize) {
        let from_buf = written.min(self.buf.len());
        self.buf.advance(from_buf);
        written -= from_buf;
        let done = match &mut self.tail {
            Tail::None => return,
            Tail::Data(data, after) => {
                let from_data = written.min(data.len());
                data.advance(from_data);
                *after = &after[written - from_data..];
                data.is_empty() && after.is_empty()
            }
            Tail::File(file) => {
                file.offset += written as u64;
                file.len -= written as u64;
                file.len == 0
            }
        };
        if done {
            self.tail = Tail::None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_partial_write_the_rest_remains() {
        for written in 0..=4 + 5000 + 2 {
            let mut out = Out { buf: BytesMut::from("head"), ..Out::default() };
            out.push(Bytes::from(vec![b'x'; 5000]), b"\r\n");
            out.advance(written);
            let tail = match &out.tail {
                Tail::Data(data, after) => data.len() + after.len(),
                Tail::None | Tail::File(_) => 0,
            };
            assert_eq!(out.buf.len() + tail, 5006 - written);
            assert_eq!(out.is_empty(), written == 5006);
            assert_eq!(out.is_full(100), tail > 0);
        }
    }
}
