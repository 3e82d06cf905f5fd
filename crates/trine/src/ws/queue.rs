//! What waits to be written.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::AsyncWrite;
use trine_server::upgrade::Upgraded;

use super::buffer::{self, For};

/// Frames in their order: those that are shared with other sockets as they are, the rest one behind
/// the other.
#[derive(Debug, Default)]
pub(super) struct Queue {
    whole: VecDeque<Bytes>,
    whole_len: usize,
    tail: BytesMut,
    /// How much of it ends with the last message; behind that are pings and pongs.
    said: usize,
}

/// How many bytes the peer took.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) all: usize,
    /// Of these, how many stood in or before a message.
    pub(super) said: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.whole_len + self.tail.len()
    }

    /// Where small frames are written.
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        buffer::lend(&mut self.tail, For::Writing, 0);
        &mut self.tail
    }

    /// A frame that others are sent too, or a large payload whose head is in the tail: it is not
    /// copied.
    pub(super) fn push(&mut self, frame: Bytes) {
        if frame.len() <= SMALL {
            return self.tail().extend_from_slice(&frame);
        }
        let before = self.tail.split().freeze();
        for part in [before, frame].into_iter().filter(|part| !part.is_empty()) {
            self.whole_len += part.len();
            self.whole.push_back(part);
        }
    }

    /// What was queued last is a message that says something.
    pub(super) fn said(&mut self) {
        self.said = self.len();
    }

    /// Writes what the socket takes. Ready when nothing is left; the counts say how much it took.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Upgraded,
        taken: &mut Taken,
    ) -> Poll<std::io::Result<()>> {
        while self.len() > 0 {
            let written = if self.whole.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, &self.tail))?
            } else {
                let mut parts = [IoSlice::new(&[]); AT_ONCE];
                let ready = self.whole.iter().map(|part| &part[..]).chain([&self.tail[..]]);
                parts.iter_mut().zip(ready).for_each(|(into, part)| *into = IoSlice::new(part));
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &parts))?
            };
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            taken.all += written;
            taken.said += written.min(self.said);
            self.said = self.said.saturating_sub(written);
            self.advance(written);
        }
        self.rest();
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(front) = self.whole.front_mut() {
            let of_front = written.min(front.len());
            front.advance(of_front);
            self.whole_len -= of_front;
            written -= of_front;
            if !front.is_empty() {
                return;
            }
            self.whole.pop_front();
        }
        self.tail.advance(written);
    }

    /// Holds nothing while nothing waits.
    pub(super) fn rest(&mut self) {
        buffer::give(&mut self.tail, For::Writing);
        if self.whole.capacity() > 0 {
            self.whole = VecDeque::new();
        }
    }
}

/// Frames of at most so many bytes are copied: that is cheaper than a write of their own.
const SMALL: usize = 4 * 1024;

/// So many parts leave with one write: a head with its payload, and what is around them.
const AT_ONCE: usize = 8;
