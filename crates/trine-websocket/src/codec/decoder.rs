//! Decodes messages from bytes as they arrive, and refuses a wrong frame at its first wrong byte.

use bytes::{Bytes, BytesMut};

use super::frame_head::{FrameHead, Opcode};
use super::mask;
use super::partial::{PartialMessage, Piece};
use super::pool::Inflater;
use crate::close::CloseFrame;
use crate::config::WebSocketConfig;
use crate::error::ProtocolError;
use crate::message::Message;
use crate::negotiated::Negotiated;
use crate::role::Role;

#[derive(Debug)]
pub(crate) struct Decoder {
    role: Role,
    limits: Limits,
    decompression: Option<Decompression>,
    /// The frame whose payload is being read, and the number of bytes that are missing.
    frame: Option<(FrameHead, usize)>,
    message: Option<PartialMessage>,
}

#[derive(Debug)]
struct Limits {
    message: usize,
    frame: usize,
    fragments: u32,
}

/// Decompresses the messages of the peer.
#[derive(Debug)]
struct Decompression {
    bits: u8,
    takeover: bool,
    /// The inflater of the last message, if the next may refer to it.
    inflater: Option<Inflater>,
}

impl Decoder {
    pub(crate) fn new(
        role: Role,
        config: &WebSocketConfig,
        compression: Option<Negotiated>,
    ) -> Decoder {
        let limits = Limits {
            message: config.max_message_size,
            frame: config.max_frame_size,
            fragments: config.max_fragments,
        };
        let decompression = compression.map(|negotiated| {
            let (takeover, bits) = negotiated.for_receiving(role);
            Decompression { bits, takeover, inflater: None }
        });
        Decoder { role, limits, decompression, frame: None, message: None }
    }

    /// Whether a message or a frame has begun and is incomplete.
    pub(crate) fn is_within(&self) -> bool {
        self.frame.is_some() || self.message.is_some()
    }

    /// The number of bytes that the current frame is missing.
    pub(crate) fn missing(&self) -> usize {
        self.frame.map_or(0, |(_, left)| left)
    }

    /// Takes bytes from the input until a message is complete or the input is used up.
    pub(crate) fn decode(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<Message>, ProtocolError> {
        loop {
            let Some((head, left)) = self.frame else {
                let Some(head) = FrameHead::take(input, self.role, self.decompression.is_some())?
                else {
                    return Ok(None);
                };
                self.begin(head)?;
                continue;
            };
            if input.len() < left && (head.opcode.is_control() || input.is_empty()) {
                return Ok(None);
            }
            if head.opcode.is_control() {
                self.frame = None;
                return control(head, input.split_to(left)).map(Some);
            }
            if let Some(message) = self.take_large_message(head, left, input) {
                return Ok(Some(message));
            }
            self.take_piece(head, left, input)?;
            if input.is_empty() && self.missing() > 0 {
                return Ok(None);
            }
            if self.missing() == 0 {
                self.frame = None;
                if head.fin {
                    return self.finish().map(Some);
                }
            }
        }
    }

    /// Checks the head of a frame against its message and the limits, before its payload arrives.
    fn begin(&mut self, head: FrameHead) -> Result<(), ProtocolError> {
        let len = usize::try_from(head.len).unwrap_or(usize::MAX);
        if len > self.limits.frame {
            return Err(ProtocolError::FrameTooBig(self.limits.frame));
        }
        if !head.opcode.is_control() {
            match (head.opcode, &self.message) {
                (Opcode::Continuation, None) => return Err(ProtocolError::LoneContinuation),
                (Opcode::Text | Opcode::Binary, Some(_)) => return Err(ProtocolError::Interleaved),
                _ => {}
            }
            let decompression = self.decompression.as_mut().filter(|_| head.compressed);
            let message = self.message.get_or_insert_with(|| {
                let inflater = decompression.map(Decompression::take_inflater);
                PartialMessage::new(head.opcode == Opcode::Text, inflater)
            });
            message.frames = message.frames.saturating_add(1);
            if message.frames > self.limits.fragments {
                return Err(ProtocolError::TooManyFragments(self.limits.fragments));
            }
            if !message.has_room(len, self.limits.message) {
                return Err(ProtocolError::MessageTooBig(self.limits.message));
            }
        }
        self.frame = Some((head, len));
        Ok(())
    }

    /// Takes a large binary message in a single frame without a copy: it keeps the memory of the
    /// receive buffer.
    fn take_large_message(
        &mut self,
        head: FrameHead,
        left: usize,
        input: &mut BytesMut,
    ) -> Option<Message> {
        let alone = head.fin && head.opcode == Opcode::Binary && !head.compressed;
        if !alone || (left as u64) < head.len || input.len() < left || left < LARGE {
            return None;
        }
        let mut payload = input.split_to(left);
        if let Some(key) = head.mask {
            mask::apply(key, 0, &mut payload);
        }
        (self.frame, self.message) = (None, None);
        Some(Message::Binary(payload.freeze()))
    }

    /// Adds the available bytes of the payload to the message.
    fn take_piece(
        &mut self,
        head: FrameHead,
        left: usize,
        input: &mut BytesMut,
    ) -> Result<(), ProtocolError> {
        let mut piece = input.split_to(left.min(input.len()));
        let mask = head.mask.map(|key| (key, head.len - left as u64));
        let left = left - piece.len();
        self.frame = Some((head, left));
        match &mut self.message {
            Some(message) => {
                let piece = Piece { bytes: &mut piece, mask, last: head.fin && left == 0 };
                message.add(piece, self.limits.message)
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<Message, ProtocolError> {
        let Some(message) = self.message.take() else {
            return Err(ProtocolError::LoneContinuation);
        };
        let (message, inflater) = message.finish(self.limits.message)?;
        if let (Some(inflater), Some(decompression)) = (inflater, &mut self.decompression) {
            if decompression.takeover {
                decompression.inflater = Some(inflater);
            } else {
                inflater.give_back();
            }
        }
        Ok(message)
    }
}

impl Decompression {
    fn take_inflater(&mut self) -> Inflater {
        self.inflater.take().unwrap_or_else(|| Inflater::take(self.bits))
    }
}

/// Smaller messages are copied, so that they do not keep a receive buffer.
const LARGE: usize = 4096;

fn control(head: FrameHead, mut payload: BytesMut) -> Result<Message, ProtocolError> {
    if let Some(key) = head.mask {
        mask::apply(key, 0, &mut payload);
    }
    Ok(match head.opcode {
        Opcode::Ping => Message::Ping(Bytes::copy_from_slice(&payload)),
        Opcode::Pong => Message::Pong(Bytes::copy_from_slice(&payload)),
        _ => Message::Close(CloseFrame::parse(&payload)?),
    })
}
