//! What is said over a connection.

use bytes::Bytes;

use crate::close::CloseFrame;

/// A message, or one of the frames that control the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text, which is UTF-8.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// Asks for a [`Message::Pong`] with the same at most 125 bytes. It is answered for you.
    Ping(Bytes),
    /// The answer to a ping, or a sign of life without one.
    Pong(Bytes),
    /// The end, with a reason where one was given. It is answered for you.
    Close(Option<CloseFrame>),
}

impl Message {
    /// The text of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The content of a text or binary message, or of a ping or pong. Empty for a close.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes,
            Message::Close(_) => b"",
        }
    }

    /// Whether it is text or binary, not a frame that controls the connection.
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
