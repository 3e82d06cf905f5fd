//! Messages between processes: the carrier that transports them, and the parcels it transports.

use std::sync::{Arc, Weak};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::{Encoding, Message, MessageId, Origin};
use trine_core::BoxError;

/// Transports the messages of topics between processes, over Redis, NATS or a socket for example.
/// Delivery within one process needs no carrier.
///
/// Each topic attaches an [`Inbox`] once, in [`Topic::carried`](super::Topic::carried). From then
/// on, the topic passes every message that is published in this process to [`Carrier::send`], and
/// the carrier delivers every [`Parcel`] from other processes to the inbox of its topic. A topic
/// ignores parcels that it sent itself, so a carrier may broadcast to all processes, including its
/// own.
///
/// ```
/// use std::sync::Mutex;
/// use trine::topic::{Carrier, Inbox, Parcel, Topic};
///
/// /// Connects the topics of one process, as `LocalCarrier` does.
/// #[derive(Default)]
/// struct Loopback(Mutex<Vec<Inbox>>);
///
/// impl Carrier for Loopback {
///     fn attach(&self, inbox: Inbox) {
///         self.0.lock().unwrap().push(inbox);
///     }
///
///     fn send(&self, parcel: &Parcel) {
///         // A network carries bytes.
///         let parcel = Parcel::from_bytes(parcel.to_bytes()).unwrap();
///         for inbox in self.0.lock().unwrap().iter() {
///             if inbox.topic() == &*parcel.topic {
///                 inbox.deliver(&parcel).unwrap();
///             }
///         }
///     }
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let carrier = std::sync::Arc::new(Loopback::default());
/// let [first, second] = [0, 1].map(|_| Topic::new().carried("news", carrier.clone()));
/// let mut subscription = second.subscribe();
/// first.publish("hello".to_owned());
/// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "hello");
/// # }
/// ```
///
/// # Limits
/// [`Carrier::send`] cannot refuse a message, so a carrier must bound its own queue and log what it
/// drops.
pub trait Carrier: Send + Sync + 'static {
    /// Receives the inbox of a topic. Keep it until [`Inbox::is_closed`].
    fn attach(&self, inbox: Inbox);

    /// Sends a message of this process to all other processes. It is called by the publisher and
    /// must not block: put slow work behind a queue.
    fn send(&self, parcel: &Parcel);
}

/// A message on its way between processes.
///
/// ```
/// use trine::topic::{MessageId, Origin, Parcel};
///
/// let parcel = Parcel {
///     topic: "news".into(),
///     room: Default::default(),
///     from: Origin(7),
///     id: MessageId { origin: Origin(7), number: 1 },
///     payload: "\"hello\"".into(),
/// };
/// assert_eq!(Parcel::from_bytes(parcel.to_bytes()), Ok(parcel));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The name of the topic, the same in all processes.
    pub topic: Arc<str>,
    /// The key of the room as JSON; empty for a topic without rooms.
    pub room: Bytes,
    /// The sender: one topic, with all of its rooms, in one process.
    pub from: Origin,
    /// The id of the message, the same in all processes.
    pub id: MessageId,
    /// The value as JSON.
    pub payload: Bytes,
}

impl Parcel {
    /// Encodes the parcel: a version byte, the sender and the id, then topic, room and payload,
    /// each behind its length.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let parts = [self.topic.as_bytes(), &self.room, &self.payload];
        let mut bytes = BytesMut::with_capacity(
            HEADER_LEN + parts.iter().map(|part| 4 + part.len()).sum::<usize>(),
        );
        bytes.put_u8(VERSION);
        bytes.put_u64(self.from.0);
        bytes.put_u64(self.id.origin.0);
        bytes.put_u64(self.id.number);
        for part in parts {
            // Parts of 4 GiB and more do not occur.
            bytes.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
            bytes.put_slice(part);
        }
        bytes.freeze()
    }

    /// Decodes what [`Parcel::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are not a parcel, or have another version.
    pub fn from_bytes(mut bytes: Bytes) -> Result<Parcel, InvalidParcel> {
        if bytes.len() < HEADER_LEN || bytes.get_u8() != VERSION {
            return Err(InvalidParcel::new(format!("expected a parcel of version {VERSION}")));
        }
        let from = Origin(bytes.get_u64());
        let id = MessageId { origin: Origin(bytes.get_u64()), number: bytes.get_u64() };
        let mut part = || {
            let len = bytes.try_get_u32().ok().and_then(|len| usize::try_from(len).ok());
            let len = len.filter(|len| *len <= bytes.len());
            len.map(|len| bytes.split_to(len))
                .ok_or_else(|| InvalidParcel::new("expected more bytes: the parcel is cut short"))
        };
        let (topic, room, payload) = (part()?, part()?, part()?);
        let topic = std::str::from_utf8(&topic)
            .map_err(|_| InvalidParcel::new("expected the name of a topic in UTF-8"))?;
        Ok(Parcel { topic: topic.into(), room, from, id, payload })
    }
}

const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + 8 + 8 + 8;

/// Delivers the messages of other processes to one topic. Clones deliver to the same topic.
///
/// ```
/// use std::sync::Mutex;
/// use trine::topic::{Carrier, Inbox, Parcel, Topic};
///
/// /// A carrier that is connected to no other process.
/// #[derive(Default)]
/// struct Nowhere(Mutex<Vec<Inbox>>);
///
/// impl Carrier for Nowhere {
///     fn attach(&self, inbox: Inbox) {
///         self.0.lock().unwrap().push(inbox);
///     }
///
///     fn send(&self, _: &Parcel) {}
/// }
///
/// let carrier = std::sync::Arc::new(Nowhere::default());
/// let topic = Topic::<String>::new().carried("news", carrier.clone());
/// assert_eq!(carrier.0.lock().unwrap()[0].topic(), "news");
/// drop(topic);
/// assert!(carrier.0.lock().unwrap()[0].is_closed());
/// ```
#[derive(Clone)]
pub struct Inbox {
    topic: Arc<str>,
    receiver: Weak<dyn ReceiveParcel>,
}

impl Inbox {
    /// The name of the topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Whether the topic was dropped, so that the carrier can drop the inbox too.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver.strong_count() == 0
    }

    /// Delivers a message to the subscribers in this process. Messages that this process published
    /// are ignored, and so are messages for rooms without subscribers or history in this process.
    ///
    /// ```
    /// # use std::sync::{Arc, Mutex};
    /// # use trine::topic::{Carrier, Inbox, MessageId, Origin, Parcel, Topic};
    /// # #[derive(Default)]
    /// # struct Nowhere(Mutex<Vec<Inbox>>);
    /// # impl Carrier for Nowhere {
    /// #     fn attach(&self, inbox: Inbox) {
    /// #         self.0.lock().unwrap().push(inbox);
    /// #     }
    /// #     fn send(&self, _: &Parcel) {}
    /// # }
    /// # #[trine::main]
    /// # async fn main() {
    /// # let carrier = Arc::new(Nowhere::default());
    /// # let topic = Topic::<String>::new().carried("news", carrier.clone());
    /// # let inbox = carrier.0.lock().unwrap().pop().unwrap();
    /// # let parcel = Parcel {
    /// #     topic: "news".into(),
    /// #     room: Default::default(),
    /// #     from: Origin(7),
    /// #     id: MessageId { origin: Origin(7), number: 1 },
    /// #     payload: "\"hello\"".into(),
    /// # };
    /// // The payload of the parcel is `"hello"`, and the inbox is that of `topic`.
    /// let mut subscription = topic.subscribe();
    /// inbox.deliver(&parcel).unwrap();
    /// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "hello");
    /// assert!(inbox.deliver(&Parcel { payload: "no JSON".into(), ..parcel }).is_err());
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the room or the payload cannot be deserialized into the types of the topic.
    pub fn deliver(&self, parcel: &Parcel) -> Result<(), InvalidParcel> {
        match self.receiver.upgrade() {
            Some(receiver) => {
                receiver.receive(parcel).map_err(|error| InvalidParcel::new(error.to_string()))
            }
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// The topic behind an inbox.
pub(super) trait ReceiveParcel: Send + Sync {
    fn receive(self: Arc<Self>, parcel: &Parcel) -> Result<(), BoxError>;
}

/// A parcel that cannot be decoded, or does not fit its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidParcel(String);

impl InvalidParcel {
    fn new(text: impl Into<String>) -> InvalidParcel {
        InvalidParcel(text.into())
    }
}

impl std::fmt::Display for InvalidParcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidParcel {}

/// Sends the messages of one topic to its carrier.
pub(super) struct Outbox<T> {
    carrier: Arc<dyn Carrier>,
    topic: Arc<str>,
    from: Origin,
    encode: fn(&Message<T>) -> Result<Bytes, BoxError>,
}

impl<T: Serialize> Outbox<T> {
    pub(super) fn attach(
        name: &str,
        carrier: Arc<dyn Carrier>,
        from: Origin,
        receiver: Weak<dyn ReceiveParcel>,
    ) -> Outbox<T> {
        let topic = Arc::<str>::from(name);
        carrier.attach(Inbox { topic: Arc::clone(&topic), receiver });
        Outbox { carrier, topic, from, encode: Message::json }
    }
}

impl<T> Outbox<T> {
    pub(super) fn send(&self, room: Bytes, message: &Message<T>) {
        let (topic, from, id) = (Arc::clone(&self.topic), self.from, message.id());
        match (self.encode)(message) {
            Ok(payload) => self.carrier.send(&Parcel { topic, room, from, id, payload }),
            Err(error) => {
                tracing::error!(%topic, %error, "a message for other processes cannot be serialized");
            }
        }
    }
}

/// Names the JSON encoding of a message.
struct JsonEncoding;

impl<T: Serialize> Message<T> {
    /// The value as JSON, serialized once for all callers.
    ///
    /// ```
    /// # use trine::Topic;
    /// # #[trine::main]
    /// # async fn main() {
    /// # let topic = Topic::new();
    /// # let mut subscription = topic.subscribe();
    /// # topic.publish(vec![1, 2]);
    /// # let message = subscription.recv().await.unwrap().unwrap();
    /// assert_eq!(message.json().unwrap(), "[1,2]");
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the value cannot be serialized.
    pub fn json(&self) -> Result<Bytes, BoxError> {
        self.encoded(Encoding::of::<JsonEncoding>(0), |message| {
            Ok(serde_json::to_vec(message.value())?.into())
        })
    }
}

/// Deserializes a room or a payload of a parcel.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BoxError> {
    Ok(serde_json::from_slice(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_survives_encoding_and_other_bytes_are_refused() {
        let id = MessageId { origin: Origin(u64::MAX - 1), number: 7 };
        let room = Bytes::from_static(b"\"a room\"");
        let payload = Bytes::from_static(b"{}");
        let parcel = Parcel { topic: "news".into(), room, from: Origin(3), id, payload };
        let bytes = parcel.to_bytes();
        assert_eq!(Parcel::from_bytes(bytes.clone()), Ok(parcel));
        for len in 0..bytes.len() {
            Parcel::from_bytes(bytes.slice(..len)).unwrap_err();
        }
        let mut other = bytes.to_vec();
        other[0] = 2;
        Parcel::from_bytes(other.into()).unwrap_err();
        let mut huge = bytes.to_vec();
        huge[HEADER_LEN] = 0xff;
        Parcel::from_bytes(huge.into()).unwrap_err();
    }
}
