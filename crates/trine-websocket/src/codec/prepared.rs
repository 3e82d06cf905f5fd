//! A message for many connections, encoded once.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::encoder;
use crate::message::Message;

/// A message whose frame is made once, and compressed once, for all connections that it is sent to.
/// A clone shares it.
///
/// Connections that agreed on `context_takeover` compress it for themselves: their bytes depend on
/// what was said before.
///
/// ```
/// use trine_websocket::Prepared;
///
/// let tick = Prepared::new("{\"price\": 42}");
/// assert_eq!(tick.message().as_text(), Some("{\"price\": 42}"));
/// ```
#[derive(Debug, Clone)]
pub struct Prepared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    message: Message,
    plain: OnceLock<Bytes>,
    /// By level and window; servers of one process have one level and nearly all clients one
    /// window.
    compressed: OnceLock<(Parameters, Bytes)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
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
        self.0.plain.get_or_init(|| encoder::shared(&self.0.message, None).freeze()).clone()
    }

    pub(crate) fn compressed(&self, wanted: Parameters) -> Bytes {
        let make = || {
            let Parameters { bits, level, min_size } = wanted;
            encoder::shared(&self.0.message, Some((bits, level, min_size))).freeze()
        };
        if self.0.message.as_bytes().len() < wanted.min_size {
            return self.plain();
        }
        let (parameters, frame) = self.0.compressed.get_or_init(|| (wanted, make()));
        if *parameters == wanted { frame.clone() } else { make() }
    }
}

impl<M: Into<Message>> From<M> for Prepared {
    fn from(message: M) -> Prepared {
        Prepared::new(message)
    }
}
