//! A message that all subscribers share, with a cache of its encodings.

use std::any::{Any, TypeId};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use trine_core::BoxError;

/// A message of a topic. It dereferences to the published value. Clones share the message.
///
/// ```
/// # use trine::Topic;
/// # #[trine::main]
/// # async fn main() {
/// let topic = Topic::new();
/// let mut subscription = topic.subscribe();
/// topic.publish("hello".to_owned());
/// let message = subscription.recv().await.unwrap().unwrap();
/// assert_eq!(message.len(), 5);
/// # }
/// ```
pub struct Message<T>(Arc<Inner<T>>);

struct Inner<T> {
    id: MessageId,
    value: T,
    encodings: OnceLock<Box<CachedEncoding>>,
}

/// One encoding of a message: an element of a linked list.
struct CachedEncoding {
    encoding: Encoding,
    result: Result<Box<dyn Any + Send + Sync>, Arc<str>>,
    next: OnceLock<Box<CachedEncoding>>,
}

impl<T> Message<T> {
    pub(crate) fn new(id: MessageId, value: T) -> Message<T> {
        Message(Arc::new(Inner { id, value, encodings: OnceLock::new() }))
    }

    /// A message whose id the hub sets.
    pub(super) fn without_id(value: T) -> Message<T> {
        Message::new(MessageId { origin: Origin(0), number: 0 }, value)
    }

    /// Sets the id while the message has no clones.
    pub(super) fn set_id(&mut self, id: MessageId) {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.id = id;
        }
    }

    /// The id, for [`Since::After`](super::Since::After).
    ///
    /// ```
    /// # use trine::topic::{Topic, TopicConfig};
    /// let topic = Topic::with(TopicConfig { history: 10, ..TopicConfig::default() });
    /// topic.publish("first");
    /// topic.publish("second");
    /// assert_eq!(topic.history()[1].id().number, 2);
    /// ```
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.0.id
    }

    /// The value that was published.
    ///
    /// ```
    /// # use trine::topic::{Topic, TopicConfig};
    /// let topic = Topic::with(TopicConfig { history: 10, ..TopicConfig::default() });
    /// topic.publish("hello");
    /// assert_eq!(*topic.history()[0].value(), "hello");
    /// ```
    #[must_use]
    pub fn value(&self) -> &T {
        &self.0.value
    }

    /// The message in one encoding. The first call makes it, and all later calls share the result,
    /// so that a message is serialized or compressed once for any number of connections.
    ///
    /// `encode` must not request another encoding of the same message: request that one first.
    ///
    /// ```
    /// # use trine::topic::{Encoding, Topic};
    /// # #[trine::main]
    /// # async fn main() {
    /// struct Upper;
    ///
    /// # let topic = Topic::new();
    /// # let mut subscription = topic.subscribe();
    /// # topic.publish("hello");
    /// # let message = subscription.recv().await.unwrap().unwrap();
    /// let upper = Encoding::of::<Upper>(0);
    /// let bytes = message.encoded(upper, |text| Ok(text.to_uppercase().into()));
    /// assert_eq!(bytes.unwrap(), "HELLO");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of `encode`, for every call with this encoding.
    pub fn encoded(
        &self,
        encoding: Encoding,
        encode: impl FnOnce(&Message<T>) -> Result<Bytes, BoxError>,
    ) -> Result<Bytes, BoxError> {
        self.encoded_as(encoding, encode)
    }

    /// As [`encoded`](Message::encoded), with a result of any type. All calls with the same
    /// encoding must expect the same type.
    pub(crate) fn encoded_as<V: Clone + Send + Sync + 'static>(
        &self,
        encoding: Encoding,
        encode: impl FnOnce(&Message<T>) -> Result<V, BoxError>,
    ) -> Result<V, BoxError> {
        let mut encode = Some(encode);
        let mut cell = &self.0.encodings;
        loop {
            // The cell may hold another encoding already, or another thread may fill it now: then
            // the search continues with the next one.
            let cached = cell.get_or_init(|| {
                let result = encode
                    .take()
                    .map_or_else(|| Err("encoded twice".into()), |encode| encode(self));
                let result = result
                    .map(|value| Box::new(value) as _)
                    .map_err(|error| Arc::from(error.to_string()));
                Box::new(CachedEncoding { encoding, result, next: OnceLock::new() })
            });
            if cached.encoding == encoding {
                let value =
                    cached.result.as_ref().map_err(|text| BoxError::from(text.to_string()))?;
                return value
                    .downcast_ref()
                    .cloned()
                    .ok_or_else(|| "this encoding was made with another type".into());
            }
            cell = &cached.next;
        }
    }
}

impl<T> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Clone for Message<T> {
    fn clone(&self) -> Message<T> {
        Message(Arc::clone(&self.0))
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.0.id).field("value", &self.0.value).finish()
    }
}

/// Names an encoding of a message: a type for the codec, and a number for every parameter that
/// changes the bytes, such as the window size of a compression.
///
/// ```
/// use trine::topic::Encoding;
///
/// struct Gzip;
///
/// assert_ne!(Encoding::of::<Gzip>(1), Encoding::of::<Gzip>(9));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    codec: TypeId,
    parameters: u64,
}

impl Encoding {
    /// The encoding of the codec `C` with these parameters.
    ///
    /// ```
    /// # use trine::topic::Encoding;
    /// struct Gzip;
    /// struct Brotli;
    ///
    /// assert_ne!(Encoding::of::<Gzip>(9), Encoding::of::<Brotli>(9));
    /// ```
    #[must_use]
    pub fn of<C: 'static>(parameters: u64) -> Encoding {
        Encoding { codec: TypeId::of::<C>(), parameters }
    }
}

/// The id of a message: the topic that published it, and its number there, from 1.
///
/// Its text form is `origin-number`, which `Last-Event-ID` carries. The origin changes whenever the
/// process starts, so ids from before a restart never match a message from after it.
///
/// ```
/// use trine::topic::MessageId;
///
/// let id: MessageId = "c0ffee-7".parse().unwrap();
/// assert_eq!(id.number, 7);
/// assert_eq!(id.to_string(), "c0ffee-7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// The topic that published the message.
    pub origin: Origin,
    /// The number of the message among those that this topic published.
    pub number: u64,
}

/// Identifies one topic in one process by a random number.
///
/// ```
/// # use trine::topic::{MessageId, Origin};
/// let id = MessageId { origin: Origin(0xc0ffee), number: 7 };
/// assert_eq!(id.to_string(), "c0ffee-7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(pub u64);

impl Origin {
    pub(super) fn random() -> Origin {
        Origin(RandomState::new().hash_one("origin"))
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.origin.0, self.number)
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(text: &str) -> Result<MessageId, InvalidMessageId> {
        let parts = text.split_once('-');
        let (origin, number) = parts.ok_or(InvalidMessageId(()))?;
        match (u64::from_str_radix(origin, 16), number.parse()) {
            (Ok(origin), Ok(number)) => Ok(MessageId { origin: Origin(origin), number }),
            _ => Err(InvalidMessageId(())),
        }
    }
}

/// A text is not a [`MessageId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidMessageId(());

impl std::fmt::Display for InvalidMessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected the id of a message, such as `c0ffee-7`")
    }
}

impl std::error::Error for InvalidMessageId {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct A;
    struct B;

    fn message() -> Message<u8> {
        Message::new(MessageId { origin: Origin::random(), number: 1 }, 7)
    }

    #[test]
    fn each_encoding_is_made_once_for_all_threads() {
        let message = message();
        let made = AtomicUsize::new(0);
        let encodings = [Encoding::of::<A>(0), Encoding::of::<A>(1), Encoding::of::<B>(0)];
        std::thread::scope(|scope| {
            for turn in 0..8 {
                let (message, made) = (&message, &made);
                scope.spawn(move || {
                    for step in 0..encodings.len() {
                        let which = (step + turn) % encodings.len();
                        let bytes = message.encoded(encodings[which], |value| {
                            made.fetch_add(1, Ordering::Relaxed);
                            Ok(Bytes::from(vec![**value, u8::try_from(which)?]))
                        });
                        assert_eq!(&bytes.unwrap()[..], [7, u8::try_from(which).unwrap()]);
                    }
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), encodings.len());
    }

    #[test]
    fn an_encoding_that_failed_fails_for_all() {
        let message = message();
        for _ in 0..2 {
            let failed = message.encoded(Encoding::of::<A>(0), |_| Err("no JSON".into()));
            assert_eq!(failed.unwrap_err().to_string(), "no JSON");
        }
        assert_eq!(message.encoded(Encoding::of::<B>(0), |_| Ok("b".into())).unwrap(), "b");
    }

    #[test]
    fn an_id_survives_its_text_form() {
        let id = message().id();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "-", "7", "g-7", "c0ffee-", "c0ffee-x", "c0ffee--1", "1ffffffffffffffff-1"]
        {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
