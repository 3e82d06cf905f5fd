//! Bytes to messages, piece by piece: nothing waits for the end of a frame that is wrong already.

use bytes::{Bytes, BytesMut};

use super::frame_head::{FrameHead, Opcode};
use super::mask;
use super::partial::{Partial, Piece};
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
    inflate: Option<Inflate>,
    /// The frame whose payload is read, with what is missing of it.
    frame: Option<(FrameHead, usize)>,
    message: Option<Partial>,
}

#[derive(Debug)]
struct Limits {
    message: usize,
    frame: usize,
    fragments: u32,
}

/// How the peer compresses.
#[derive(Debug)]
struct Inflate {
    bits: u8,
    takeover: bool,
    /// Of the last message, where the next may refer to it.
    kept: Option<Inflater>,
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
        let inflate = compression.map(|agreed| {
            let (takeover, bits) = agreed.of_peer(role);
            Inflate { bits, takeover, kept: None }
        });
        Decoder { role, limits, inflate, frame: None, message: None }
    }

    /// Whether a message or frame has begun: more of it must come before anything can be told.
    pub(crate) fn is_within(&self) -> bool {
        self.frame.is_some() || self.message.is_some()
    }

    /// How many bytes the frame that is being read still lacks.
    pub(crate) fn missing(&self) -> usize {
        self.frame.map_or(0, |(_, left)| left)
    }

    /// Takes bytes until a message is whole, or there are no more.
    pub(crate) fn decode(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<Message>, ProtocolError> {
        loop {
            let Some((head, left)) = self.frame else {
                let Some(head) = FrameHead::take(input, self.role, self.inflate.is_some())? else {
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
            if let Some(whole) = self.whole(head, left, input) {
                return Ok(Some(whole));
            }
            self.piece(head, left, input)?;
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

    /// Checks a frame against the message that it belongs to, and against the limits, before its
    /// payload is there.
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
            let inflate = &mut self.inflate;
            let message = self.message.get_or_insert_with(|| {
                let inflater = inflate.as_mut().filter(|_| head.compressed).map(Inflate::inflater);
                Partial::new(head.opcode == Opcode::Text, inflater)
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

    /// A large binary message in one frame keeps the memory that it arrived in.
    fn whole(&mut self, head: FrameHead, left: usize, input: &mut BytesMut) -> Option<Message> {
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

    fn piece(
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
        if let (Some(inflater), Some(inflate)) = (inflater, &mut self.inflate) {
            if inflate.takeover {
                inflate.kept = Some(inflater);
            } else {
                inflater.give();
            }
        }
        Ok(message)
    }
}

impl Inflate {
    fn inflater(&mut self) -> Inflater {
        self.kept.take().unwrap_or_else(|| Inflater::take(self.bits))
    }
}

/// Smaller messages are copied: they must not hold a buffer that others wait for.
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
