//! Messages to bytes, each a single frame.

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
    deflate: Option<Deflate>,
}

/// How we compress.
#[derive(Debug)]
struct Deflate {
    bits: u8,
    takeover: bool,
    level: u8,
    min_size: usize,
    /// Of the last message, where the next refers to it.
    kept: Option<Deflater>,
}

impl Encoder {
    pub(crate) fn new(
        role: Role,
        config: &WebSocketConfig,
        compression: Option<Negotiated>,
    ) -> Encoder {
        let deflate = compression.zip(config.compression.as_ref()).map(|(agreed, config)| {
            let (takeover, bits) = agreed.of_us(role);
            Deflate { bits, takeover, level: config.level, min_size: config.min_size, kept: None }
        });
        Encoder { role, deflate }
    }

    /// The window of what can be compressed without what was said before on this connection; `None`
    /// where nothing is.
    pub(crate) fn shared_bits(&self) -> Result<Option<u8>, NotShared> {
        match (self.role, &self.deflate) {
            (Role::Server, None) => Ok(None),
            (Role::Server, Some(deflate)) if !deflate.takeover => Ok(Some(deflate.bits)),
            _ => Err(NotShared),
        }
    }

    pub(crate) fn encode(&mut self, message: &Message, out: &mut BytesMut) {
        match message {
            Message::Text(text) => self.data(Opcode::Text, text.as_bytes(), out),
            Message::Binary(bytes) => self.data(Opcode::Binary, bytes, out),
            Message::Ping(bytes) => self.frame(Opcode::Ping, false, short(bytes), out),
            Message::Pong(bytes) => self.frame(Opcode::Pong, false, short(bytes), out),
            Message::Close(frame) => self.close(frame.as_ref(), out),
        }
    }

    /// Whether the payload is on the wire what it is here, and large enough not to be copied.
    pub(crate) fn leaves_as_it_is(&self, message: &Message) -> bool {
        self.role == Role::Server && self.deflate.is_none() && message.as_bytes().len() >= LARGE
    }

    /// Writes the head alone, and gives back the payload.
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
        if let Some(deflate) = &mut self.deflate
            && payload.len() >= deflate.min_size
            && let Some(small) = deflate.compress(payload)
        {
            return self.frame(opcode, true, &small, out);
        }
        self.frame(opcode, false, payload, out);
    }

    fn close(&self, frame: Option<&CloseFrame>, out: &mut BytesMut) {
        let Some(frame) = frame else { return self.frame(Opcode::Close, false, b"", out) };
        let code = frame.code.as_u16().to_be_bytes();
        self.frame(Opcode::Close, false, &[&code, frame.fitting().as_bytes()].concat(), out);
    }

    fn frame(&self, opcode: Opcode, compressed: bool, payload: &[u8], out: &mut BytesMut) {
        let mask = match self.role {
            Role::Server => None,
            Role::Client => mask::random().first_chunk().copied(),
        };
        out.reserve(frame_head::LONGEST + payload.len());
        FrameHead { fin: true, compressed, opcode, len: payload.len() as u64, mask }.put(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = mask {
            mask::apply(key, 0, &mut out[start..]);
        }
    }
}

/// A payload that was received may hold a buffer of 64 KiB while it waits to be sent: not for less
/// than a quarter of it.
const LARGE: usize = 16 * 1024;

/// What is said depends on what was said before.
#[derive(Debug)]
pub(crate) struct NotShared;

/// The frame that every server sends for this message, where it compresses with a window of `bits`
/// or not at all.
pub(crate) fn shared(message: &Message, compress: Option<(u8, u8, usize)>) -> BytesMut {
    let deflate = compress.map(|(bits, level, min_size)| Deflate {
        bits,
        takeover: false,
        level,
        min_size,
        kept: None,
    });
    let mut out = BytesMut::new();
    Encoder { role: Role::Server, deflate }.encode(message, &mut out);
    out
}

impl Deflate {
    /// `None` where the message would not become smaller.
    fn compress(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let mut deflater =
            self.kept.take().unwrap_or_else(|| Deflater::take(self.bits, self.level));
        let small = deflate(&mut deflater, payload);
        if self.takeover {
            self.kept = Some(deflater);
            return small;
        }
        deflater.give();
        small.filter(|small| small.len() < payload.len() || self.min_size == 0)
    }
}

fn deflate(deflater: &mut Deflater, mut payload: &[u8]) -> Option<Vec<u8>> {
    let mut small = Vec::with_capacity(payload.len() / 2 + 64);
    loop {
        let before = deflater.raw.total_in();
        // It fails only where it was used wrongly; then the message leaves as it is.
        deflater.raw.compress_vec(payload, &mut small, FlushCompress::Sync).ok()?;
        let taken = usize::try_from(deflater.raw.total_in() - before).ok()?;
        payload = &payload[taken..];
        // A sync flush is complete when it left room.
        if payload.is_empty() && small.len() < small.capacity() {
            break;
        }
        small.reserve(payload.len() / 2 + 64);
    }
    // RFC 7692, 7.2.1: the empty block at the end is not sent.
    if small.ends_with(&TAIL) {
        small.truncate(small.len() - TAIL.len());
    }
    Some(small)
}

fn short(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(125)]
}
