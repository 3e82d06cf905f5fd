//! The unidirectional streams of the client: its control stream, its two QPACK streams, and streams
//! of unknown types.

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

/// The number of streams of unknown types that a client may open.
const MAX_UNKNOWN_STREAMS: u32 = 1000;

/// The bytes that a client may send on these streams without a request. They cost time and have
/// hardly any effect.
const MAX_CONTROL_BYTES: usize = 16 * 1024;

/// The number of bytes that each request adds to that limit. Browsers send a priority for each
/// request, and cancel it.
const CONTROL_BYTES_PER_REQUEST: usize = 1024;

const LARGEST_READ: usize = 16 * 1024;

/// The open unidirectional streams of a connection. QUIC limits their number.
#[derive(Debug)]
pub(super) struct UniStreams {
    open: Vec<Uni>,
    control: Control,
    /// The last bytes of the decoder stream ended within an instruction.
    in_instruction: bool,
    unknown_streams: u32,
    /// The bytes that the client may still send.
    bytes_left: usize,
}

#[derive(Debug)]
struct Uni {
    stream: RecvStream,
    /// The first bytes, until they contain the type of the stream.
    first: BytesMut,
    kind: Option<u64>,
}

enum Progress {
    Continues,
    Ended,
}

impl UniStreams {
    pub(super) fn new() -> UniStreams {
        let control = Control::default();
        UniStreams {
            open: Vec::new(),
            control,
            in_instruction: false,
            unknown_streams: 0,
            bytes_left: MAX_CONTROL_BYTES,
        }
    }

    /// Called when a request begins, which raises the limit of bytes.
    pub(super) fn request_began(&mut self) {
        self.bytes_left = MAX_CONTROL_BYTES.min(self.bytes_left + CONTROL_BYTES_PER_REQUEST);
    }

    pub(super) fn accept(&mut self, stream: RecvStream) {
        self.open.push(Uni { stream, first: BytesMut::new(), kind: None });
    }

    /// Reads what has arrived. Ready only if the connection cannot continue.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let mut at = 0;
        while at < self.open.len() {
            match self.poll_one(cx, at) {
                Poll::Ready(Ok(Progress::Continues)) => {}
                Poll::Ready(Ok(Progress::Ended)) => drop(self.open.swap_remove(at)),
                Poll::Ready(Err(fault)) => return Poll::Ready(fault),
                Poll::Pending => at += 1,
            }
        }
        Poll::Pending
    }

    fn poll_one(&mut self, cx: &mut Context<'_>, at: usize) -> Poll<Result<Progress, Fault>> {
        let uni = &mut self.open[at];
        let chunk = match pin!(uni.stream.read_chunk(LARGEST_READ, true)).poll(cx) {
            Poll::Ready(Ok(Some(chunk))) => chunk.bytes,
            // If the connection has ended, its loop notices.
            Poll::Ready(Ok(None) | Err(_)) if uni.kind.is_none() => {
                return Poll::Ready(Ok(Progress::Ended));
            }
            Poll::Ready(Ok(None) | Err(quinn::ReadError::Reset(_))) => {
                let why = "a critical stream ended (RFC 9114, 6.2.1)";
                return Poll::Ready(Err(Fault::Connection(Code::ClosedCriticalStream, why)));
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(Progress::Ended)),
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(self.feed(at, chunk))
    }

    fn feed(&mut self, at: usize, mut bytes: Bytes) -> Result<Progress, Fault> {
        let uni = &mut self.open[at];
        let kind = match uni.kind {
            Some(kind) => kind,
            None => {
                uni.first.extend_from_slice(&bytes);
                let Some((kind, len)) = varint::read(&uni.first) else {
                    return Ok(Progress::Continues);
                };
                bytes = std::mem::take(&mut uni.first).split_off(len).freeze();
                if !matches!(kind, CONTROL | ENCODER | DECODER) {
                    return self.refuse(at, kind);
                }
                if self.open.iter().any(|other| other.kind == Some(kind)) {
                    let why =
                        "a second stream of a type that may exist only once (RFC 9114, 6.2.1)";
                    return Err(Fault::Connection(Code::StreamCreation, why));
                }
                self.open[at].kind = Some(kind);
                kind
            }
        };
        let Some(left) = self.bytes_left.checked_sub(bytes.len()) else {
            let why = "too many bytes on control streams";
            return Err(Fault::Connection(Code::ExcessiveLoad, why));
        };
        self.bytes_left = left;
        match kind {
            CONTROL => self.control.feed(&bytes)?,
            ENCODER => qpack::check_instructions(&bytes)?,
            _ => qpack::check_feedback(&bytes, &mut self.in_instruction)?,
        }
        Ok(Progress::Continues)
    }

    /// Refuses a stream of another type (RFC 9114, 6.2).
    fn refuse(&mut self, at: usize, kind: u64) -> Result<Progress, Fault> {
        if kind == PUSH {
            let why = "a client opened a push stream (RFC 9114, 6.2.2)";
            return Err(Fault::Connection(Code::StreamCreation, why));
        }
        self.unknown_streams += 1;
        if self.unknown_streams > MAX_UNKNOWN_STREAMS {
            let why = "too many streams of unknown types";
            return Err(Fault::Connection(Code::ExcessiveLoad, why));
        }
        // This fails if the stream has ended already.
        let _ = self.open[at].stream.stop(Code::StreamCreation.into());
        Ok(Progress::Ended)
    }
}
