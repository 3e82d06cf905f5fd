//! What may be said when: the state of a connection.
//!
//! ```text
//!         our close                their close
//!  Open -------------> Closing ------------------> Closed
//!   |                                                ^
//!   +--- their close, which is answered at once -----+
//!   |                                                |
//!   +--- they break a rule, and are told which ------+
//! ```
//! `Closing`: we have said goodbye and say nothing more, but still listen. `Closed`: nobody says
//! anything; the server ends the connection first (RFC 6455, 7.1.1).

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
use self::prepared::{Parameters, Prepared};
use crate::close::CloseFrame;
use crate::config::WebSocketConfig;
use crate::error::ProtocolError;
use crate::message::Message;
use crate::negotiated::Negotiated;
use crate::role::Role;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closing,
    Closed,
}

/// One end of a connection: bytes in, messages out, and back.
#[derive(Debug)]
pub struct Codec {
    state: State,
    decoder: Decoder,
    encoder: Encoder,
    level: u8,
    min_size: usize,
}

impl Codec {
    /// An open connection, whose handshake has agreed on `compression`.
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

    /// Takes from `input` what it can, up to the end of one message. Pings and closes are answered
    /// into `out`, and given back too. `None`: more bytes are needed, or nothing more is to come.
    ///
    /// # Errors
    /// Where the peer breaks a rule. The close frame that tells it so is in `out`, and the
    /// connection is closed.
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
                // The same code back, without the reason (RFC 6455, 5.5.1).
                self.close(frame.as_ref().map(|frame| frame.code.into()), out);
                self.state = State::Closed;
            }
            _ => {}
        }
        Ok(message)
    }

    /// Writes a message into `out`. A close is sent once.
    ///
    /// # Errors
    /// When one side has closed: there is nobody to tell.
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

    /// As [`send`](Codec::send), but a large payload is not copied: it is given back, to be sent
    /// behind `out`. Empty where all of the message is in `out`.
    ///
    /// # Errors
    /// As [`send`](Codec::send).
    pub fn send_owned(&mut self, message: Message, out: &mut BytesMut) -> Result<Bytes, SendError> {
        if self.state == State::Open && message.is_data() && self.encoder.leaves_as_it_is(&message)
        {
            return Ok(self.encoder.encode_head(message, out));
        }
        self.send(&message, out)?;
        Ok(Bytes::new())
    }

    /// The bytes of a message that many connections are sent.
    ///
    /// # Errors
    /// As [`send`](Codec::send).
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<Bytes, SendError> {
        if self.state == State::Open && prepared.message().is_data() {
            match self.encoder.shared_bits() {
                Ok(None) => return Ok(prepared.plain()),
                Ok(Some(bits)) => {
                    let (level, min_size) = (self.level, self.min_size);
                    return Ok(prepared.compressed(Parameters { bits, level, min_size }));
                }
                Err(_) => {}
            }
        }
        let mut out = BytesMut::new();
        self.send(prepared.message(), &mut out)?;
        Ok(out.freeze())
    }

    /// Says goodbye, unless that was said.
    pub fn close(&mut self, frame: Option<CloseFrame>, out: &mut BytesMut) {
        // What cannot be sent has been said.
        let _ = self.send(&Message::Close(frame), out);
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether both sides have said goodbye, or the peer broke a rule: what is left is to end the
    /// connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a message has begun whose end has not come yet.
    #[must_use]
    pub fn is_within_message(&self) -> bool {
        self.decoder.is_within()
    }

    /// How many bytes the frame that is being read still lacks: how large a buffer is worth having.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.decoder.missing()
    }
}

/// The connection is closed, or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct SendError(());
