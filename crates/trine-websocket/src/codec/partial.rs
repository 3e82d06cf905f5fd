//! A message that is not complete yet.

use bytes::Bytes;
use flate2::{FlushDecompress, Status};

use super::mask;
use super::pool::{Inflater, TAIL};
use crate::error::ProtocolError;
use crate::message::Message;

#[derive(Debug)]
pub(crate) struct PartialMessage {
    text: bool,
    pub(crate) frames: u32,
    data: Vec<u8>,
    /// The number of bytes of a text that are validated, complete characters.
    validated: usize,
    pub(crate) inflater: Option<Inflater>,
}

/// A piece of a payload, as it was received.
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a mut [u8],
    /// The mask, and the offset of the piece within the payload.
    pub(crate) mask: Option<([u8; 4], u64)>,
    /// Whether it is the end of the message.
    pub(crate) last: bool,
}

impl PartialMessage {
    pub(crate) fn new(text: bool, inflater: Option<Inflater>) -> PartialMessage {
        PartialMessage { text, frames: 0, data: Vec::new(), validated: 0, inflater }
    }

    /// Whether a frame of this length fits. A compressed message is validated while it is
    /// decompressed.
    pub(crate) fn has_room(&self, len: usize, max_len: usize) -> bool {
        self.inflater.is_some() || max_len.saturating_sub(self.data.len()) >= len
    }

    /// Adds a piece of a payload. It refuses text that is not UTF-8, also within a frame; `finish`
    /// checks the last piece.
    pub(crate) fn add(&mut self, piece: Piece<'_>, max_len: usize) -> Result<(), ProtocolError> {
        let Piece { bytes, mask, last } = piece;
        match (&mut self.inflater, mask) {
            (None, None) => self.data.extend_from_slice(bytes),
            (None, Some((key, offset))) => mask::append(key, offset, bytes, &mut self.data),
            (Some(inflater), _) => {
                if let Some((key, offset)) = mask {
                    mask::apply(key, offset, bytes);
                }
                inflate(inflater, bytes, &mut self.data, max_len)?;
            }
        }
        if self.text && !last { self.check_utf8() } else { Ok(()) }
    }

    fn check_utf8(&mut self) -> Result<(), ProtocolError> {
        match std::str::from_utf8(&self.data[self.validated..]) {
            Ok(_) => self.validated = self.data.len(),
            Err(error) if error.error_len().is_none() => self.validated += error.valid_up_to(),
            Err(_) => return Err(ProtocolError::Utf8),
        }
        Ok(())
    }

    /// The complete message, and its inflater.
    pub(crate) fn finish(
        mut self,
        max_len: usize,
    ) -> Result<(Message, Option<Inflater>), ProtocolError> {
        if self.inflater.is_some() {
            self.add(Piece { bytes: &mut TAIL.clone(), mask: None, last: true }, max_len)?;
        }
        let message = if self.text {
            Message::Text(String::from_utf8(self.data).map_err(|_| ProtocolError::Utf8)?)
        } else {
            Message::Binary(Bytes::from(self.data))
        };
        Ok((message, self.inflater))
    }
}

/// Inflates all of `input`, but at most one step beyond `max_len` bytes, which bounds the memory of
/// a compression bomb.
fn inflate(
    inflater: &mut Inflater,
    mut input: &[u8],
    data: &mut Vec<u8>,
    max_len: usize,
) -> Result<(), ProtocolError> {
    loop {
        if data.capacity() - data.len() < STEP / 4 {
            data.reserve(STEP.max(input.len()));
        }
        let (before, room) = (inflater.raw.total_in(), data.capacity());
        let status = inflater.raw.decompress_vec(input, data, FlushDecompress::Sync);
        let status = status.map_err(|_| ProtocolError::Inflate)?;
        let taken = usize::try_from(inflater.raw.total_in() - before).unwrap_or(input.len());
        input = &input[taken..];
        if data.len() > max_len {
            return Err(ProtocolError::MessageTooBig(max_len));
        }
        match status {
            // The block is marked as the last one, so the next begins a new stream (RFC 7692,
            // 7.2.3.4).
            Status::StreamEnd => inflater.raw.reset(false),
            Status::Ok | Status::BufError if data.len() == room => {}
            Status::BufError if taken == 0 && !input.is_empty() => {
                return Err(ProtocolError::Inflate);
            }
            Status::Ok | Status::BufError => {}
        }
        if input.is_empty() && data.len() < room {
            return Ok(());
        }
    }
}

/// The number of bytes that are inflated at a time.
const STEP: usize = 1024;
