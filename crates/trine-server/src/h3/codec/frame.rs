//! Decodes the frames of a request stream (RFC 9114, 4.1 and 7), however the bytes are split.
//!
//! ```text
//!   Head --HEADERS--> Body --HEADERS--> End
//!                     |  ^
//!                     DATA
//! ```
//!
//! Frames of unknown types may appear between any two of them. Only the fields of a head or of
//! trailers are buffered, and never more than the limit: a frame may announce a length of 2^62
//! bytes.

use bytes::{Buf as _, Bytes, BytesMut};

use super::error::{Code, Fault};
use super::varint;

/// The next piece of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// More bytes are needed.
    More,
    /// The encoded fields of the head.
    Head(Bytes),
    /// The head is larger than the limit. The rest of the stream cannot be decoded.
    HeadTooLarge,
    Data(Bytes),
    /// The encoded trailers.
    Trailers(Bytes),
}

impl Piece {
    /// The number of body bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Piece::Data(data) => data.len(),
            _ => 0,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameLimits {
    /// Bytes of an encoded head.
    pub(crate) head: usize,
    /// Bytes of encoded trailers.
    pub(crate) trailers: usize,
    /// Bytes of ignored frames: frames of unknown types, and empty frames.
    pub(crate) ignored: usize,
}

/// A decoder of one stream.
#[derive(Debug)]
pub(crate) struct Frames {
    limits: FrameLimits,
    section: Section,
    state: State,
    /// Bytes that were not decoded yet.
    input: Bytes,
    /// The beginning of an incomplete frame header or head.
    partial: BytesMut,
    /// The number of ignored bytes so far.
    ignored: usize,
}

/// The frames that may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Head,
    Body,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two frames, or within the type and length of a frame.
    Start,
    Fields {
        len: usize,
    },
    Data {
        left: u64,
    },
    Unknown {
        left: u64,
    },
}

const DATA: u64 = 0x0;
const HEADERS: u64 = 0x1;

impl Frames {
    pub(crate) fn new(limits: FrameLimits) -> Frames {
        Frames {
            limits,
            section: Section::Head,
            state: State::Start,
            input: Bytes::new(),
            partial: BytesMut::new(),
            ignored: 0,
        }
    }

    /// Adds the next bytes of the stream. Call it only after [`Piece::More`].
    pub(crate) fn feed(&mut self, bytes: Bytes) {
        self.input = bytes;
    }

    /// Whether the stream may end here.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.state != State::Start || !self.partial.is_empty() {
            return Err(Fault::Connection(Code::Frame, "the stream ended within a frame"));
        }
        if self.section == Section::Head {
            return Err(Fault::Stream(
                Code::RequestIncomplete,
                "the stream ended before the head of a request",
            ));
        }
        Ok(())
    }

    /// The number of buffered bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held(&self) -> usize {
        self.partial.len()
    }

    pub(crate) fn next(&mut self) -> Result<Piece, Fault> {
        loop {
            match self.state {
                State::Start => {
                    let Some((kind, len)) = self.take_start() else { return Ok(Piece::More) };
                    if let Some(piece) = self.begin(kind, len)? {
                        return Ok(piece);
                    }
                }
                State::Data { left: 0 } | State::Unknown { left: 0 } => self.state = State::Start,
                State::Data { left } => {
                    if self.input.is_empty() {
                        return Ok(Piece::More);
                    }
                    let data = self.take(left);
                    self.state = State::Data { left: left - data.len() as u64 };
                    return Ok(Piece::Data(data));
                }
                State::Unknown { left } => {
                    if self.input.is_empty() {
                        return Ok(Piece::More);
                    }
                    let skipped = self.take(left).len();
                    self.ignore(skipped)?;
                    self.state = State::Unknown { left: left - skipped as u64 };
                }
                State::Fields { len } => {
                    let Some(fields) = self.take_fields(len) else { return Ok(Piece::More) };
                    self.state = State::Start;
                    return Ok(match self.section {
                        Section::Head => {
                            self.section = Section::Body;
                            Piece::Head(fields)
                        }
                        Section::Body | Section::End => {
                            self.section = Section::End;
                            Piece::Trailers(fields)
                        }
                    });
                }
            }
        }
    }

    /// The type and length of the next frame.
    fn take_start(&mut self) -> Option<(u64, u64)> {
        let whole = |bytes: &[u8]| {
            let (kind, first) = varint::read(bytes)?;
            let (len, second) = varint::read(&bytes[first..])?;
            Some((kind, len, first + second))
        };
        if self.partial.is_empty()
            && let Some((kind, len, taken)) = whole(&self.input)
        {
            self.input.advance(taken);
            return Some((kind, len));
        }
        // The two integers have at most 16 bytes.
        while let Some(byte) = self.input.first() {
            self.partial.extend_from_slice(&[*byte]);
            self.input.advance(1);
            if let Some((kind, len, _)) = whole(&self.partial) {
                self.partial.clear();
                return Some((kind, len));
            }
        }
        None
    }

    fn begin(&mut self, kind: u64, len: u64) -> Result<Option<Piece>, Fault> {
        match kind {
            DATA if self.section == Section::Body => {
                if len == 0 {
                    self.ignore(2)?;
                }
                self.state = State::Data { left: len };
            }
            HEADERS if self.section != Section::End => {
                let head = self.section == Section::Head;
                let limit = if head { self.limits.head } else { self.limits.trailers };
                match usize::try_from(len).ok().filter(|len| *len <= limit) {
                    Some(len) => self.state = State::Fields { len },
                    None if head => return Ok(Some(Piece::HeadTooLarge)),
                    None => {
                        return Err(Fault::Stream(
                            Code::ExcessiveLoad,
                            "the trailers are too large",
                        ));
                    }
                }
            }
            // PRIORITY, PING, WINDOW_UPDATE and CONTINUATION of HTTP/2 (RFC 9114, 7.2.8), and
            // frames of the control stream or of servers.
            DATA | HEADERS | 0x2..=0x9 | 0xd => {
                return Err(Fault::Connection(
                    Code::FrameUnexpected,
                    "a frame that is not allowed here",
                ));
            }
            _ => {
                self.ignore(2)?;
                self.state = State::Unknown { left: len };
            }
        }
        Ok(None)
    }

    /// At most `most` of the bytes that have arrived.
    fn take(&mut self, most: u64) -> Bytes {
        let len = usize::try_from(most).unwrap_or(usize::MAX).min(self.input.len());
        self.input.split_to(len)
    }

    fn take_fields(&mut self, len: usize) -> Option<Bytes> {
        if self.partial.is_empty() && self.input.len() >= len {
            return Some(self.input.split_to(len));
        }
        let more = self.take((len - self.partial.len()) as u64);
        self.partial.extend_from_slice(&more);
        (self.partial.len() == len).then(|| std::mem::take(&mut self.partial).freeze())
    }

    fn ignore(&mut self, bytes: usize) -> Result<(), Fault> {
        self.ignored += bytes;
        if self.ignored > self.limits.ignored {
            return Err(Fault::Stream(Code::ExcessiveLoad, "too many bytes of ignored frames"));
        }
        Ok(())
    }
}

/// Appends the type and length of a DATA frame.
pub(crate) fn data(out: &mut BytesMut, len: u64) {
    varint::write(out, DATA);
    varint::write(out, len);
}

/// Appends a whole HEADERS frame.
pub(crate) fn headers(out: &mut BytesMut, fields: &[u8]) {
    varint::write(out, HEADERS);
    varint::write(out, fields.len() as u64);
    out.extend_from_slice(fields);
}

#[cfg(test)]
mod tests;
