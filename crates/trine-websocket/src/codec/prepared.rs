//! A message that is encoded once for many connections.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::encoder;
use crate::message::Message;

/// A message that is encoded and compressed once for all connections that it is sent to. Clones
/// share it.
///
/// Connections that negotiated `context_takeover` compress it individually, since their bytes
/// depend on earlier messages.
///
/// ```
/// use trine_websocket::{Codec, Prepared, Role, WebSocketConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let price = Prepared::new("{\"price\": 42}");
/// for _client in 0..2 {
///     let mut codec = Codec::new(Role::Server, &WebSocketConfig::default(), None);
///     assert_eq!(codec.send_prepared(&price)?[..], *b"\x81\x0d{\"price\": 42}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Prepared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    message: Message,
    plain: OnceLock<Bytes>,
    /// Only for the first parameters: usually all servers of a process have the same level, and
    /// nearly all clients the same window.
    compressed: OnceLock<(CompressionKey, Bytes)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompressionKey {
    pub(crate) bits: u8,
    pub(crate) level: u8,
    pub(crate) min_size: usize,
}

impl Prepared {
    /// Prepares a message.
    pub fn new(message: impl Into<Message>) -> Prepared {
        let (plain, compressed) = (OnceLock::new(), OnceLock::new());
        Prepared(Arc::new(Inner { message: message.into(), plain, compressed }))
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    pub(crate) fn plain(&self) -> Bytes {
        self.0.plain.get_or_init(|| encoder::encode_shared(&self.0.message, None).freeze()).clone()
    }

    pub(crate) fn compressed(&self, wanted: CompressionKey) -> Bytes {
        let encode = || {
            let CompressionKey { bits, level, min_size } = wanted;
            encoder::encode_shared(&self.0.message, Some((bits, level, min_size))).freeze()
        };
        if self.0.message.as_bytes().len() < wanted.min_size {
            return self.plain();
        }
        let (parameters, frame) = self.0.compressed.get_or_init(|| (wanted, encode()));
        if *parameters == wanted { frame.clone() } else { encode() }
    }
}

impl<M: Into<Message>> From<M> for Prepared {
    fn from(message: M) -> Prepared {
        Prepared::new(message)
    }
}
