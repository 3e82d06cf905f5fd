//! Between processes: who carries messages, and what they carry.

use std::sync::{Arc, Weak};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::{Form, Message, MessageId, Origin};
use trine_core::BoxError;

/// Carries the messages of topics between processes: Redis, NATS, a socket. Delivery within a
/// process needs none.
///
/// Each topic that it carries attaches an [`Inbox`] once. From then on [`Carrier::send`] gets every
/// message that is published here, and the carrier hands every [`Parcel`] of other processes to the
/// inbox of its topic. Parcels that come back to where they were sent are recognised and ignored,
/// so a carrier may send to all.
///
/// ```
/// use std::sync::Mutex;
/// use trine::topic::{Carrier, Inbox, Parcel, Topic};
///
/// /// Carries between the topics of one process, as tests need it.
/// #[derive(Default)]
/// struct Room(Mutex<Vec<Inbox>>);
///
/// impl Carrier for Room {
///     fn attach(&self, inbox: Inbox) {
///         self.0.lock().unwrap().push(inbox);
///     }
///
///     fn send(&self, parcel: &Parcel) {
///         // As bytes, since that is what a wire carries.
///         let parcel = Parcel::from_bytes(parcel.to_bytes()).unwrap();
///         for inbox in self.0.lock().unwrap().iter().filter(|inbox| inbox.topic() == &*parcel.topic) {
///             inbox.deliver(&parcel).unwrap();
///         }
///     }
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let room = std::sync::Arc::new(Room::default());
/// let [here, there] = [0, 1].map(|_| Topic::new().carried("news", room.clone()));
/// let mut subscription = there.subscribe();
/// here.publish("hello".to_owned());
/// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "hello");
/// # }
/// ```
///
/// # Limits
/// A carrier bounds its own queue, and says in its log what it had to drop: [`Carrier::send`] has
/// no way to refuse.
pub trait Carrier: Send + Sync + 'static {
    /// Takes the inbox of a topic. It stays attached until its topic is gone.
    fn attach(&self, inbox: Inbox);

    /// Hands a message of this process to all others. It must not block: what takes time belongs
    /// behind a queue.
    fn send(&self, parcel: &Parcel);
}

/// A message between processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The name that the topic has in all processes.
    pub topic: Arc<str>,
    /// The key of the room as JSON; nothing for a topic without rooms.
    pub room: Bytes,
    /// Who sends it: a topic with all of its rooms, in one process.
    pub from: Origin,
    /// The name of the message, the same in all processes.
    pub id: MessageId,
    /// The value as JSON.
    pub payload: Bytes,
}

impl Parcel {
    /// The bytes that a wire carries: a version, sender and id, then topic, room and payload with
    /// their lengths.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let parts = [self.topic.as_bytes(), &self.room, &self.payload];
        let mut bytes =
            BytesMut::with_capacity(HEAD + parts.iter().map(|part| 4 + part.len()).sum::<usize>());
        bytes.put_u8(VERSION);
        bytes.put_u64(self.from.0);
        bytes.put_u64(self.id.origin.0);
        bytes.put_u64(self.id.number);
        for part in parts {
            // A part of four gigabytes lies in no memory that carries it.
            bytes.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
            bytes.put_slice(part);
        }
        bytes.freeze()
    }

    /// Reads what [`Parcel::to_bytes`] wrote.
    ///
    /// # Errors
    /// When these are not such bytes, or those of another version.
    pub fn from_bytes(mut bytes: Bytes) -> Result<Parcel, Undelivered> {
        if bytes.len() < HEAD || bytes.get_u8() != VERSION {
            return Err(Undelivered::new(format!("expected a parcel of version {VERSION}")));
        }
        let from = Origin(bytes.get_u64());
        let id = MessageId { origin: Origin(bytes.get_u64()), number: bytes.get_u64() };
        let mut part = || {
            let len = bytes.try_get_u32().ok().and_then(|len| usize::try_from(len).ok());
            let len = len.filter(|len| *len <= bytes.len());
            len.map(|len| bytes.split_to(len))
                .ok_or_else(|| Undelivered::new("a parcel that was cut short"))
        };
        let (topic, room, payload) = (part()?, part()?, part()?);
        let topic = std::str::from_utf8(&topic)
            .map_err(|_| Undelivered::new("a topic that is not UTF-8"))?;
        Ok(Parcel { topic: topic.into(), room, from, id, payload })
    }
}

const VERSION: u8 = 1;
const HEAD: usize = 1 + 8 + 8 + 8;

/// Where a carrier delivers what other processes sent. A clone is the same.
#[derive(Clone)]
pub struct Inbox {
    topic: Arc<str>,
    receiver: Weak<dyn Receive>,
}

impl Inbox {
    /// The name of its topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Whether the topic is gone, so that the inbox can be forgotten.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver.strong_count() == 0
    }

    /// Hands a message to the subscribers here. One that was published here is ignored, and so is
    /// one of a room that nobody uses here.
    ///
    /// # Errors
    /// When its room or payload is not what the topic reads.
    pub fn deliver(&self, parcel: &Parcel) -> Result<(), Undelivered> {
        match self.receiver.upgrade() {
            Some(receiver) => {
                receiver.receive(parcel).map_err(|error| Undelivered::new(error.to_string()))
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

/// What stands behind an inbox.
pub(super) trait Receive: Send + Sync {
    fn receive(self: Arc<Self>, parcel: &Parcel) -> Result<(), BoxError>;
}

/// A parcel that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered(String);

impl Undelivered {
    fn new(text: impl Into<String>) -> Undelivered {
        Undelivered(text.into())
    }
}

impl std::fmt::Display for Undelivered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Undelivered {}

/// The way out of a topic.
pub(super) struct Line<T> {
    carrier: Arc<dyn Carrier>,
    topic: Arc<str>,
    from: Origin,
    encode: fn(&Message<T>) -> Result<Bytes, BoxError>,
}

impl<T: Serialize> Line<T> {
    pub(super) fn attach(
        name: &str,
        carrier: Arc<dyn Carrier>,
        from: Origin,
        receiver: Weak<dyn Receive>,
    ) -> Line<T> {
        let topic = Arc::<str>::from(name);
        carrier.attach(Inbox { topic: Arc::clone(&topic), receiver });
        Line { carrier, topic, from, encode: Message::json }
    }
}

impl<T> Line<T> {
    pub(super) fn send(&self, room: Bytes, message: &Message<T>) {
        let (topic, from, id) = (Arc::clone(&self.topic), self.from, message.id());
        match (self.encode)(message) {
            Ok(payload) => self.carrier.send(&Parcel { topic, room, from, id, payload }),
            Err(error) => {
                tracing::error!(%topic, %error, "a message cannot be carried to other processes")
            }
        }
    }
}

/// The JSON of a message.
struct AsJson;

impl<T: Serialize> Message<T> {
    /// Its value as JSON, written once.
    ///
    /// # Errors
    /// When the value cannot be written.
    pub fn json(&self) -> Result<Bytes, BoxError> {
        self.encoded(Form::of::<AsJson>(0), |message| {
            Ok(serde_json::to_vec(message.value())?.into())
        })
    }
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BoxError> {
    Ok(serde_json::from_slice(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_survives_the_wire_and_nothing_else_is_one() {
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
        huge[HEAD] = 0xff;
        Parcel::from_bytes(huge.into()).unwrap_err();
    }
}
