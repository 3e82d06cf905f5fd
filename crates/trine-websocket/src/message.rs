//! Messages and control frames.

use bytes::Bytes;

use crate::close::CloseFrame;

/// A message, or a control frame.
///
/// ```
/// use trine_websocket::Message;
///
/// let message = Message::from("hello");
/// assert_eq!(message.as_text(), Some("hello"));
/// assert!(message.is_data());
/// assert!(!Message::Ping("?".into()).is_data());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// Requests a [`Message::Pong`] with the same payload of at most 125 bytes. The codec answers
    /// it by itself.
    Ping(Bytes),
    /// The answer to a ping, or an unsolicited sign of life.
    Pong(Bytes),
    /// The end of the connection, with an optional code and reason. The codec answers it by itself.
    Close(Option<CloseFrame>),
}

impl Message {
    /// The text of a text message. `None` for every other message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The payload of a text or binary message, or of a ping or pong. Empty for a close frame.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes,
            Message::Close(_) => b"",
        }
    }

    /// Whether it is a text or binary message, as opposed to a control frame.
    #[must_use]
    pub fn is_data(&self) -> bool {
        matches!(self, Message::Text(_) | Message::Binary(_))
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::Text(text)
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Message {
        Message::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::Binary(bytes.into())
    }
}
