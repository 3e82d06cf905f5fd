//! The streams that go one way: the client's control stream, its two of QPACK, and those that we do
//! not know.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use quinn::RecvStream;

use super::codec::control::Control;
use super::codec::error::{Code, Fault};
use super::codec::{qpack, varint};

pub(super) const CONTROL: u64 = 0x0;
const PUSH: u64 = 0x1;
const ENCODER: u64 = 0x2;
const DECODER: u64 = 0x3;

/// Streams of unknown types that a client may open, one after the other: they mean nothing to us.
const MOST_STRANGERS: u32 = 1000;

/// Bytes that a client may say about the connection at a stretch: each costs time and means next to
/// nothing.
const MOST_WORDS: usize = 16 * 1024;

/// Bytes of them that each request buys: browsers tell a priority with it, and take it back.
const WORDS_OF_REQUEST: usize = 1024;

const LARGEST_READ: usize = 16 * 1024;

/// All open ones of a connection. QUIC bounds their number.
#[derive(Debug)]
pub(super) struct UniStreams {
    open: Vec<Uni>,
    control: Control,
    /// Whether the last bytes of the decoder's stream ended within a word.
    inside: bool,
    strangers: u32,
    /// Bytes of words that are left.
    words: usize,
}

#[derive(Debug)]
struct Uni {
    stream: RecvStream,
    /// Its first bytes, until they say what it is.
    first: BytesMut,
    kind: Option<u64>,
}

enum Went {
    On,
    Ended,
}

impl UniStreams {
    pub(super) fn new() -> UniStreams {
        let control = Control::default();
        UniStreams { open: Vec::new(), control, inside: false, strangers: 0, words: MOST_WORDS }
    }

    /// There was a request.
    pub(super) fn earn(&mut self) {
        self.words = MOST_WORDS.min(self.words + WORDS_OF_REQUEST);
    }

    pub(super) fn accept(&mut self, stream: RecvStream) {
        self.open.push(Uni { stream, first: BytesMut::new(), kind: None });
    }

    /// Reads whatever has come. Ready only when the connection cannot go on.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let mut at = 0;
        while at < self.open.len() {
            match self.poll_one(cx, at) {
                Poll::Ready(Ok(Went::On)) => {}
                Poll::Ready(Ok(Went::Ended)) => drop(self.open.swap_remove(at)),
                Poll::Ready(Err(fault)) => return Poll::Ready(fault),
                Poll::Pending => at += 1,
            }
        }
        Poll::Pending
    }

    fn poll_one(&mut self, cx: &mut Context<'_>, at: usize) -> Poll<Result<Went, Fault>> {
        let uni = &mut self.open[at];
        let chunk = match pin!(uni.stream.read_chunk(LARGEST_READ, true)).poll(cx) {
            Poll::Ready(Ok(Some(chunk))) => chunk.bytes,
            // Where it is the connection that ended, that is told elsewhere.
            Poll::Ready(Ok(None) | Err(_)) if uni.kind.is_none() => {
                return Poll::Ready(Ok(Went::Ended));
            }
            Poll::Ready(Ok(None) | Err(quinn::ReadError::Reset(_))) => {
                let why = "a stream ended that must stay (RFC 9114, 6.2.1)";
                return Poll::Ready(Err(Fault::Connection(Code::ClosedCriticalStream, why)));
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(Went::Ended)),
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(self.feed(at, chunk))
    }

    fn feed(&mut self, at: usize, mut bytes: Bytes) -> Result<Went, Fault> {
        let uni = &mut self.open[at];
        let kind = match uni.kind {
            Some(kind) => kind,
            None => {
                uni.first.extend_from_slice(&bytes);
                let Some((kind, len)) = varint::read(&uni.first) else { return Ok(Went::On) };
                bytes = std::mem::take(&mut uni.first).split_off(len).freeze();
                if !matches!(kind, CONTROL | ENCODER | DECODER) {
                    return self.refuse(at, kind);
                }
                if self.open.iter().any(|other| other.kind == Some(kind)) {
                    let why = "a stream of a type of which there is only one (RFC 9114, 6.2.1)";
                    return Err(Fault::Connection(Code::StreamCreation, why));
                }
                self.open[at].kind = Some(kind);
                kind
            }
        };
        let Some(left) = self.words.checked_sub(bytes.len()) else {
            let why = "too many words about the connection";
            return Err(Fault::Connection(Code::ExcessiveLoad, why));
        };
        self.words = left;
        match kind {
            CONTROL => self.control.feed(&bytes)?,
            ENCODER => qpack::check_instructions(&bytes)?,
            _ => qpack::check_feedback(&bytes, &mut self.inside)?,
        }
        Ok(Went::On)
    }

    /// A stream that we do not read (RFC 9114, 6.2).
    fn refuse(&mut self, at: usize, kind: u64) -> Result<Went, Fault> {
        if kind == PUSH {
            let why = "a client pushes (RFC 9114, 6.2.2)";
            return Err(Fault::Connection(Code::StreamCreation, why));
        }
        self.strangers += 1;
        if self.strangers > MOST_STRANGERS {
            let why = "too many streams of unknown types";
            return Err(Fault::Connection(Code::ExcessiveLoad, why));
        }
        // It fails where it has ended already.
        let _ = self.open[at].stream.stop(Code::StreamCreation.into());
        Ok(Went::Ended)
    }
}
