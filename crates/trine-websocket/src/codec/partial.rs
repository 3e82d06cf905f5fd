//! A message whose end has not come yet.

use bytes::Bytes;
use flate2::{FlushDecompress, Status};

use super::mask;
use super::pool::{Inflater, TAIL};
use crate::error::ProtocolError;
use crate::message::Message;

#[derive(Debug)]
pub(crate) struct Partial {
    text: bool,
    pub(crate) frames: u32,
    data: Vec<u8>,
    /// So many bytes of a text are whole characters.
    checked: usize,
    pub(crate) inflater: Option<Inflater>,
}

/// A piece of payload as it came.
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a mut [u8],
    /// With how far into the payload the piece begins.
    pub(crate) mask: Option<([u8; 4], u64)>,
    /// Whether the message ends with it.
    pub(crate) last: bool,
}

impl Partial {
    pub(crate) fn new(text: bool, inflater: Option<Inflater>) -> Partial {
        Partial { text, frames: 0, data: Vec::new(), checked: 0, inflater }
    }

    /// Whether the bytes of a frame that is still to come fit, as far as its head tells.
    pub(crate) fn has_room(&self, len: usize, most: usize) -> bool {
        self.inflater.is_some() || most.saturating_sub(self.data.len()) >= len
    }

    /// Adds a piece of payload. What is no text is refused here, in the middle of a frame too; of
    /// the last piece, `finish` does that.
    pub(crate) fn add(&mut self, piece: Piece<'_>, most: usize) -> Result<(), ProtocolError> {
        let Piece { bytes, mask, last } = piece;
        match (&mut self.inflater, mask) {
            (None, None) => self.data.extend_from_slice(bytes),
            (None, Some((key, offset))) => mask::append(key, offset, bytes, &mut self.data),
            (Some(inflater), _) => {
                if let Some((key, offset)) = mask {
                    mask::apply(key, offset, bytes);
                }
                inflate(inflater, bytes, &mut self.data, most)?;
            }
        }
        if self.text && !last { self.check() } else { Ok(()) }
    }

    fn check(&mut self) -> Result<(), ProtocolError> {
        match std::str::from_utf8(&self.data[self.checked..]) {
            Ok(_) => self.checked = self.data.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(ProtocolError::Utf8),
        }
        Ok(())
    }

    /// The whole message, and the inflater that read it.
    pub(crate) fn finish(
        mut self,
        most: usize,
    ) -> Result<(Message, Option<Inflater>), ProtocolError> {
        if self.inflater.is_some() {
            self.add(Piece { bytes: &mut TAIL.clone(), mask: None, last: true }, most)?;
        }
        let message = if self.text {
            Message::Text(String::from_utf8(self.data).map_err(|_| ProtocolError::Utf8)?)
        } else {
            Message::Binary(Bytes::from(self.data))
        };
        Ok((message, self.inflater))
    }
}

/// Inflates all of `input`, but never more than one step past `most` bytes: a bomb goes off in its
/// bounds.
fn inflate(
    inflater: &mut Inflater,
    mut input: &[u8],
    data: &mut Vec<u8>,
    most: usize,
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
        if data.len() > most {
            return Err(ProtocolError::MessageTooBig(most));
        }
        match status {
            // A block that says that it is the last one: what follows begins anew (RFC 7692,
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

/// How much room there is for what is inflated at a time, in bytes.
const STEP: usize = 1024;
