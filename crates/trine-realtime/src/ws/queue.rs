//! The frames that wait to be written.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::AsyncWrite;
use trine_core::upgrade::Upgraded;

use super::buffer::{self, BufferUse};

/// Frames in their order. Large and shared frames are not copied; smaller ones are appended to one
/// buffer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The first frames.
    chunks: VecDeque<Bytes>,
    chunks_len: usize,
    /// The frames after them.
    tail: BytesMut,
    /// The length of the queue up to the end of the last message. Only pings and pongs follow.
    messages_len: usize,
}

/// The number of bytes that were written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) bytes: usize,
    /// Those among them that belong to a message, or precede one.
    pub(super) message_bytes: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.chunks_len + self.tail.len()
    }

    /// The buffer to which small frames are appended.
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        buffer::acquire(&mut self.tail, BufferUse::Writing, 0);
        &mut self.tail
    }

    /// Appends a frame that other sockets send too, or a large payload whose head is in the tail.
    /// It is not copied unless it is small.
    pub(super) fn push(&mut self, frame: Bytes) {
        if frame.len() <= MAX_COPIED {
            return self.tail().extend_from_slice(&frame);
        }
        let tail = self.tail.split().freeze();
        for chunk in [tail, frame].into_iter().filter(|chunk| !chunk.is_empty()) {
            self.chunks_len += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    /// Marks the last frame as a message that counts as activity.
    pub(super) fn mark_message(&mut self) {
        self.messages_len = self.len();
    }

    /// Writes as much as the stream accepts, and adds to the counts. Ready when nothing is left.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Upgraded,
        total: &mut Written,
    ) -> Poll<std::io::Result<()>> {
        while self.len() > 0 {
            let written = if self.chunks.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, &self.tail))?
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let chunks = self.chunks.iter().map(|chunk| &chunk[..]).chain([&self.tail[..]]);
                slices
                    .iter_mut()
                    .zip(chunks)
                    .for_each(|(slice, chunk)| *slice = IoSlice::new(chunk));
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices))?
            };
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            total.bytes += written;
            total.message_bytes += written.min(self.messages_len);
            self.messages_len = self.messages_len.saturating_sub(written);
            self.advance(written);
        }
        self.release_buffers();
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(front) = self.chunks.front_mut() {
            let from_front = written.min(front.len());
            front.advance(from_front);
            self.chunks_len -= from_front;
            written -= from_front;
            if !front.is_empty() {
                return;
            }
            self.chunks.pop_front();
        }
        self.tail.advance(written);
    }

    /// Frees the memory of an empty queue.
    pub(super) fn release_buffers(&mut self) {
        buffer::release(&mut self.tail, BufferUse::Writing);
        if self.chunks.capacity() > 0 {
            self.chunks = VecDeque::new();
        }
    }
}

/// The maximum size of a frame that is copied: copying it is cheaper than a separate write.
const MAX_COPIED: usize = 4 * 1024;

/// The number of slices in one write: a head with its payload, and the frames around them.
const MAX_SLICES: usize = 8;
