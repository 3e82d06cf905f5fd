//! Encodes each message as a single frame.

use bytes::{Bytes, BytesMut};
use flate2::FlushCompress;

use super::frame_head::{self, FrameHead, Opcode};
use super::mask;
use super::pool::{Deflater, TAIL};
use crate::close::CloseFrame;
use crate::config::WebSocketConfig;
use crate::message::Message;
use crate::negotiated::Negotiated;
use crate::role::Role;

#[derive(Debug)]
pub(crate) struct Encoder {
    role: Role,
    compression: Option<MessageCompression>,
}

/// Compresses the messages of this side.
#[derive(Debug)]
struct MessageCompression {
    bits: u8,
    takeover: bool,
    level: u8,
    min_size: usize,
    /// The deflater of the last message, if the next refers to it.
    deflater: Option<Deflater>,
}

impl Encoder {
    pub(crate) fn new(
        role: Role,
        config: &WebSocketConfig,
        compression: Option<Negotiated>,
    ) -> Encoder {
        let compression = compression.zip(config.compression.as_ref());
        let compression = compression.map(|(negotiated, config)| {
            let (takeover, bits) = negotiated.for_sending(role);
            let (level, min_size) = (config.level, config.min_size);
            MessageCompression { bits, takeover, level, min_size, deflater: None }
        });
        Encoder { role, compression }
    }

    /// The window of a frame that can be sent on other connections too; `None` if messages are not
    /// compressed.
    ///
    /// # Errors
    /// When the frames of this connection cannot be shared.
    pub(crate) fn shared_window_bits(&self) -> Result<Option<u8>, NotShareable> {
        match (self.role, &self.compression) {
            (Role::Server, None) => Ok(None),
            (Role::Server, Some(compression)) if !compression.takeover => {
                Ok(Some(compression.bits))
            }
            _ => Err(NotShareable),
        }
    }

    pub(crate) fn encode(&mut self, message: &Message, out: &mut BytesMut) {
        match message {
            Message::Text(text) => self.data(Opcode::Text, text.as_bytes(), out),
            Message::Binary(bytes) => self.data(Opcode::Binary, bytes, out),
            Message::Ping(bytes) => self.frame(Opcode::Ping, false, truncated(bytes), out),
            Message::Pong(bytes) => self.frame(Opcode::Pong, false, truncated(bytes), out),
            Message::Close(frame) => self.close(frame.as_ref(), out),
        }
    }

    /// Whether the payload is sent unchanged, and is large enough to be sent without a copy.
    pub(crate) fn can_skip_copy(&self, message: &Message) -> bool {
        self.role == Role::Server && self.compression.is_none() && message.as_bytes().len() >= LARGE
    }

    /// Writes only the head of the frame, and returns the payload.
    pub(crate) fn encode_head(&self, message: Message, out: &mut BytesMut) -> Bytes {
        let (opcode, payload) = match message {
            Message::Text(text) => (Opcode::Text, Bytes::from(text)),
            Message::Binary(bytes) => (Opcode::Binary, bytes),
            control => {
                debug_assert!(false, "a control frame is never large: {control:?}");
                return Bytes::new();
            }
        };
        FrameHead { fin: true, compressed: false, opcode, len: payload.len() as u64, mask: None }
            .put(out);
        payload
    }

    fn data(&mut self, opcode: Opcode, payload: &[u8], out: &mut BytesMut) {
        if let Some(compression) = &mut self.compression
            && payload.len() >= compression.min_size
            && let Some(compressed) = compression.compress(payload)
        {
            return self.frame(opcode, true, &compressed, out);
        }
        self.frame(opcode, false, payload, out);
    }

    fn close(&self, frame: Option<&CloseFrame>, out: &mut BytesMut) {
        let Some(frame) = frame else { return self.frame(Opcode::Close, false, b"", out) };
        let code = frame.code.as_u16().to_be_bytes();
        self.frame(
            Opcode::Close,
            false,
            &[&code, frame.truncated_reason().as_bytes()].concat(),
            out,
        );
    }

    fn frame(&self, opcode: Opcode, compressed: bool, payload: &[u8], out: &mut BytesMut) {
        let mask = match self.role {
            Role::Server => None,
            Role::Client => mask::random().first_chunk().copied(),
        };
        out.reserve(frame_head::MAX_LEN + payload.len());
        FrameHead { fin: true, compressed, opcode, len: payload.len() as u64, mask }.put(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = mask {
            mask::apply(key, 0, &mut out[start..]);
        }
    }
}

/// Smaller payloads are copied. A received payload may keep a receive buffer of 64 KiB while it
/// waits to be sent, and should be at least a quarter of it.
const LARGE: usize = 16 * 1024;

/// Frames depend on the connection, namely on its mask or its earlier messages.
#[derive(Debug)]
pub(crate) struct NotShareable;

/// The frame of a message for every connection of a server with the same window, level and minimum
/// size, or without compression.
pub(crate) fn encode_shared(message: &Message, compress: Option<(u8, u8, usize)>) -> BytesMut {
    let compression = compress.map(|(bits, level, min_size)| MessageCompression {
        bits,
        takeover: false,
        level,
        min_size,
        deflater: None,
    });
    let mut out = BytesMut::new();
    Encoder { role: Role::Server, compression }.encode(message, &mut out);
    out
}

impl MessageCompression {
    /// `None` if the message would not become smaller.
    fn compress(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let mut deflater =
            self.deflater.take().unwrap_or_else(|| Deflater::take(self.bits, self.level));
        let compressed = deflate(&mut deflater, payload);
        if self.takeover {
            self.deflater = Some(deflater);
            return compressed;
        }
        deflater.give_back();
        compressed.filter(|bytes| bytes.len() < payload.len() || self.min_size == 0)
    }
}

fn deflate(deflater: &mut Deflater, mut payload: &[u8]) -> Option<Vec<u8>> {
    let mut compressed = Vec::with_capacity(payload.len() / 2 + 64);
    loop {
        let before = deflater.raw.total_in();
        // It only fails if it is used incorrectly; then the message is sent uncompressed.
        deflater.raw.compress_vec(payload, &mut compressed, FlushCompress::Sync).ok()?;
        let taken = usize::try_from(deflater.raw.total_in() - before).ok()?;
        payload = &payload[taken..];
        // A sync flush is complete if it did not fill the output.
        if payload.is_empty() && compressed.len() < compressed.capacity() {
            break;
        }
        compressed.reserve(payload.len() / 2 + 64);
    }
    // RFC 7692, 7.2.1: the empty block at the end is not sent.
    if compressed.ends_with(&TAIL) {
        compressed.truncate(compressed.len() - TAIL.len());
    }
    Some(compressed)
}

/// The payload of a control frame has at most 125 bytes.
fn truncated(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(125)]
}
