//! The codec of one end of a connection: messages to bytes, bytes to messages, and the closing
//! handshake.
//!
//! ```text
//!         close sent               close received
//!  Open -------------> Closing ------------------> Closed
//!   |                                                ^
//!   +--- close received, and answered at once -------+
//!   |                                                |
//!   +--- the peer violates the protocol -------------+
//! ```
//! `Closing`: this side sends nothing more, and still receives messages. `Closed`: neither side
//! sends anything; the server closes the connection (RFC 6455, 7.1.1).
//!
//! # Layout
//! - this file: the state of a connection and its closing handshake
//! - `decoder`: from bytes to messages, with `frame_head`, `mask`, and `partial` for an incomplete
//!   message
//! - `encoder`: from a message to a frame; `prepared`: a message that is encoded once for many
//!   connections
//! - `pool`: the compressors that a thread lends for one message

mod decoder;
mod encoder;
mod frame_head;
pub(crate) mod mask;
mod partial;
mod pool;
pub(crate) mod prepared;

use bytes::{Bytes, BytesMut};

use self::decoder::Decoder;
use self::encoder::Encoder;
use self::prepared::{CompressionKey, Prepared};
use crate::close::CloseFrame;
use crate::config::WebSocketConfig;
use crate::error::ProtocolError;
use crate::message::Message;
use crate::negotiated::Negotiated;
use crate::role::Role;

/// The state of the closing handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closing,
    Closed,
}

/// Encodes and decodes the messages of one end of a connection.
///
/// It does no I/O: the caller reads bytes into a buffer for [`receive`](Codec::receive), and writes
/// what [`receive`](Codec::receive) and [`send`](Codec::send) append to `out`.
///
/// ```
/// use bytes::BytesMut;
/// use trine_websocket::{CloseCode, Codec, Message, Role, WebSocketConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = WebSocketConfig::default();
/// let mut client = Codec::new(Role::Client, &config, None);
/// let mut server = Codec::new(Role::Server, &config, None);
///
/// let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
/// client.send(&Message::Ping("?".into()), &mut to_server)?;
/// client.send(&Message::Close(Some(CloseCode::NORMAL.into())), &mut to_server)?;
///
/// // The server answers the ping and the close by itself.
/// while server.receive(&mut to_server, &mut to_client)?.is_some() {}
/// assert!(server.is_closed());
/// assert_eq!(client.receive(&mut to_client, &mut to_server)?, Some(Message::Pong("?".into())));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Codec {
    state: State,
    decoder: Decoder,
    encoder: Encoder,
    level: u8,
    min_size: usize,
}

impl Codec {
    /// The codec of an open connection. `compression` is the result of the handshake.
    #[must_use]
    pub fn new(role: Role, config: &WebSocketConfig, compression: Option<Negotiated>) -> Codec {
        let (level, min_size) =
            config.compression.as_ref().map_or((1, 0), |it| (it.level, it.min_size));
        Codec {
            state: State::Open,
            decoder: Decoder::new(role, config, compression),
            encoder: Encoder::new(role, config, compression),
            level,
            min_size,
        }
    }

    /// Takes bytes from `input`, up to the end of one message or control frame. Pings and close
    /// frames are returned, and their replies are appended to `out`. `None` means that more bytes
    /// are needed, or that the connection is closed.
    ///
    /// # Errors
    /// When the peer violates the protocol or a limit. The connection is closed then, and `out` has
    /// the close frame for the peer.
    pub fn receive(
        &mut self,
        input: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Message>, ProtocolError> {
        if self.state == State::Closed {
            input.clear();
            return Ok(None);
        }
        let message = match self.decoder.decode(input) {
            Ok(message) => message,
            Err(error) => {
                let frame = CloseFrame::new(error.close_code(), error.to_string());
                self.close(Some(frame), out);
                self.state = State::Closed;
                return Err(error);
            }
        };
        match &message {
            Some(Message::Ping(payload)) if self.state == State::Open => {
                self.encoder.encode(&Message::Pong(payload.clone()), out);
            }
            Some(Message::Close(frame)) => {
                // Answers with the same code, without the reason (RFC 6455, 5.5.1).
                self.close(frame.as_ref().map(|frame| frame.code.into()), out);
                self.state = State::Closed;
            }
            _ => {}
        }
        Ok(message)
    }

    /// Appends a message to `out`. After a close frame nothing more can be sent.
    ///
    /// # Errors
    /// When either side has closed the connection.
    pub fn send(&mut self, message: &Message, out: &mut BytesMut) -> Result<(), SendError> {
        if self.state != State::Open {
            return Err(SendError(()));
        }
        self.encoder.encode(message, out);
        if matches!(message, Message::Close(_)) {
            self.state = State::Closing;
        }
        Ok(())
    }

    /// Like [`send`](Codec::send), without a copy of a large payload: the payload is returned, and
    /// must be sent after `out`. The result is empty if `out` has the complete message.
    ///
    /// # Errors
    /// As [`send`](Codec::send).
    pub fn send_owned(&mut self, message: Message, out: &mut BytesMut) -> Result<Bytes, SendError> {
        if self.state == State::Open && message.is_data() && self.encoder.can_skip_copy(&message) {
            return Ok(self.encoder.encode_head(message, out));
        }
        self.send(&message, out)?;
        Ok(Bytes::new())
    }

    /// Sends a message that is sent on many connections. Returns its bytes, which these connections
    /// share.
    ///
    /// # Errors
    /// As [`send`](Codec::send).
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<Bytes, SendError> {
        if self.state == State::Open && prepared.message().is_data() {
            match self.encoder.shared_window_bits() {
                Ok(None) => return Ok(prepared.plain()),
                Ok(Some(bits)) => {
                    let (level, min_size) = (self.level, self.min_size);
                    return Ok(prepared.compressed(CompressionKey { bits, level, min_size }));
                }
                Err(_) => {}
            }
        }
        let mut out = BytesMut::new();
        self.send(prepared.message(), &mut out)?;
        Ok(out.freeze())
    }

    /// Appends a close frame to `out`, unless one was sent already.
    pub fn close(&mut self, frame: Option<CloseFrame>, out: &mut BytesMut) {
        // It only fails if the connection is closed already.
        let _ = self.send(&Message::Close(frame), out);
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether both sides have closed, or the peer violated the protocol. The caller then closes
    /// the underlying connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a message or frame has begun and is incomplete.
    #[must_use]
    pub fn is_within_message(&self) -> bool {
        self.decoder.is_within()
    }

    /// The number of bytes that the current frame is missing: a useful size for the input buffer.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.decoder.missing()
    }
}

/// The connection is closed, or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct SendError(());
