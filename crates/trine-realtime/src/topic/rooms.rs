//! Rooms: a topic for each key, created and removed as they are used.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::carrier::{Carrier, Outbox, Parcel, ReceiveParcel, from_json};
use super::config::TopicConfig;
use super::hub::Hub;
use super::message::{Message, MessageId, Origin};
use super::subscription::{Since, Subscription};
use super::table::{FreedHubs, RoomTable};
use trine_core::{BoxError, IntoResponse, Problem, Response};

/// A topic for each key, such as the rooms of a chat. Clones share the rooms.
///
/// A room is created by its first subscriber, and also by its first message if the rooms have a
/// history. It is removed when its last subscriber leaves. A room with a history is kept for
/// [`TopicConfig::linger`] after that.
///
/// ```
/// use trine::prelude::*;
/// use trine::sse::{LastEventId, Sse};
/// use trine::topic::{RoomsFull, Topics};
///
/// type Rooms = Topics<String, String>;
///
/// #[get("/rooms/{room}")]
/// async fn listen(
///     room: String,
///     rooms: State<Rooms>,
///     last: Option<LastEventId>,
/// ) -> impl IntoResponse {
///     rooms.subscribe_since(&room, last).map(|messages| Sse::new(messages.events()))
/// }
///
/// #[post("/rooms/{room}")]
/// async fn say(room: String, rooms: State<Rooms>, text: String) {
///     rooms.publish(&room, text);
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let rooms = Rooms::new();
/// let client = App::new().state(rooms.clone()).routes(routes![listen, say]).test().await;
/// let mut lobby = rooms.subscribe(&"lobby".to_owned()).unwrap();
/// client.post("/rooms/lobby").body("hello").send().await;
/// assert_eq!(*lobby.recv().await.unwrap().unwrap(), "hello");
/// # }
/// ```
///
/// # Limits
/// [`TopicConfig::rooms`], 10,000 by default: a new room beyond it replaces the room that has been
/// idle for longest. Each room has the limits of a [`Topic`](super::Topic).
pub struct Topics<K, T: Send + Sync + 'static> {
    rooms: Arc<Rooms<K, T>>,
    outbox: Option<Arc<RoomOutbox<K, T>>>,
}

struct Rooms<K, T> {
    config: TopicConfig,
    /// The sender of the parcels of all rooms. Parcels with this origin were published here.
    origin: Origin,
    table: Mutex<RoomTable<K, T>>,
}

struct RoomOutbox<K, T> {
    outbox: Outbox<T>,
    encode_key: fn(&K) -> Result<Bytes, BoxError>,
}

impl<K, T> Topics<K, T>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    /// Makes rooms with the limits of [`TopicConfig::default`].
    ///
    /// ```
    /// # use trine::topic::Topics;
    /// let rooms = Topics::<String, String>::new();
    /// assert!(rooms.rooms().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Topics<K, T> {
        Topics::with(TopicConfig::default())
    }

    /// Makes rooms with these limits. Each room has its own history and queues.
    ///
    /// ```
    /// # use trine::topic::{TopicConfig, Topics};
    /// let rooms = Topics::with(TopicConfig { history: 1, ..TopicConfig::default() });
    /// rooms.publish(&"lobby", 1);
    /// rooms.publish(&"lobby", 2);
    /// assert_eq!(*rooms.history(&"lobby")[0], 2);
    /// ```
    #[must_use]
    pub fn with(config: TopicConfig) -> Topics<K, T> {
        let rooms = Rooms { config, origin: Origin::random(), table: Mutex::new(RoomTable::new()) };
        Topics { rooms: Arc::new(rooms), outbox: None }
    }

    /// Connects the rooms with those of the same name in other processes, which must have the same
    /// types. Keys and values are sent as JSON.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine::topic::{LocalCarrier, Topics};
    /// # #[trine::main]
    /// # async fn main() {
    /// let carrier = Arc::new(LocalCarrier::default());
    /// let [first, second] =
    ///     [0, 1].map(|_| Topics::<u32, String>::new().carried("chat", carrier.clone()));
    /// let mut room = second.subscribe(&7).unwrap();
    /// first.publish(&7, "hello".to_owned());
    /// assert_eq!(*room.recv().await.unwrap().unwrap(), "hello");
    /// # }
    /// ```
    #[must_use]
    pub fn carried(self, name: &str, carrier: Arc<dyn Carrier>) -> Topics<K, T>
    where
        K: Serialize + DeserializeOwned,
        T: Serialize + DeserializeOwned,
    {
        let receiver: Weak<dyn ReceiveParcel> = Arc::downgrade(&self.rooms) as _;
        let outbox = Outbox::attach(name, carrier, self.rooms.origin, receiver);
        let encode_key = |key: &K| Ok(serde_json::to_vec(key)?.into());
        Topics { rooms: self.rooms, outbox: Some(Arc::new(RoomOutbox { outbox, encode_key })) }
    }

    /// Publishes a value to every subscriber of a room, and returns the number of those in this
    /// process.
    ///
    /// ```
    /// # use trine::topic::Topics;
    /// # #[trine::main]
    /// # async fn main() {
    /// let rooms = Topics::new();
    /// let _lobby = rooms.subscribe(&"lobby").unwrap();
    /// assert_eq!(rooms.publish(&"lobby", "hello"), 1);
    /// assert_eq!(rooms.publish(&"kitchen", "hello"), 0);
    /// # }
    /// ```
    pub fn publish(&self, room: &K, value: T) -> usize {
        let (message, reached) = self.rooms.publish(room, Message::without_id(value));
        if let Some(RoomOutbox { outbox, encode_key }) = self.outbox.as_deref() {
            match encode_key(room) {
                Ok(key) => outbox.send(key, &message),
                Err(error) => {
                    tracing::error!(
                        %error,
                        "the key of a room for other processes cannot be serialized"
                    );
                }
            }
        }
        reached
    }

    /// Subscribes to the messages that are published to a room from now on.
    ///
    /// ```
    /// # use trine::topic::Topics;
    /// # #[trine::main]
    /// # async fn main() {
    /// let rooms = Topics::new();
    /// let mut lobby = rooms.subscribe(&"lobby").unwrap();
    /// rooms.publish(&"lobby", "hello");
    /// assert_eq!(*lobby.recv().await.unwrap().unwrap(), "hello");
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RoomsFull`] when the room does not exist yet and all possible rooms are in use.
    pub fn subscribe(&self, room: &K) -> Result<Subscription<T>, RoomsFull> {
        self.subscribe_since(room, Since::Now)
    }

    /// Subscribes to a room, beginning with a message of its history; see
    /// [`Topic::subscribe_since`](super::Topic::subscribe_since).
    ///
    /// ```
    /// # use trine::topic::{Since, TopicConfig, Topics};
    /// # #[trine::main]
    /// # async fn main() {
    /// let rooms = Topics::with(TopicConfig { history: 10, ..TopicConfig::default() });
    /// rooms.publish(&"lobby", "earlier");
    /// let mut lobby = rooms.subscribe_since(&"lobby", Since::Oldest).unwrap();
    /// assert_eq!(*lobby.recv().await.unwrap().unwrap(), "earlier");
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RoomsFull`] when the room does not exist yet and all possible rooms are in use.
    pub fn subscribe_since(
        &self,
        room: &K,
        since: impl Into<Since>,
    ) -> Result<Subscription<T>, RoomsFull> {
        let since = since.into();
        loop {
            let hub = self.rooms.open(room).ok_or(RoomsFull { limit: self.rooms.config.rooms })?;
            // A freed hub has left the table already, so the next turn makes a new one.
            if let Some(subscription) = hub.subscribe_if_in_use(&since) {
                return Ok(subscription);
            }
        }
    }

    /// The number of subscribers of a room in this process.
    #[must_use]
    pub fn subscribers(&self, room: &K) -> usize {
        self.rooms.find(room).map_or(0, |hub| hub.subscribers())
    }

    /// The messages of a room's history, oldest first.
    ///
    /// ```
    /// # use trine::topic::{TopicConfig, Topics};
    /// let rooms = Topics::with(TopicConfig { history: 10, ..TopicConfig::default() });
    /// rooms.publish(&"lobby", "hello");
    /// assert_eq!(*rooms.history(&"lobby")[0], "hello");
    /// assert!(rooms.history(&"kitchen").is_empty());
    /// ```
    #[must_use]
    pub fn history(&self, room: &K) -> Vec<Message<T>> {
        self.rooms.find(room).map_or_else(Vec::new, |hub| hub.history())
    }

    /// The keys of the existing rooms, in no particular order.
    ///
    /// ```
    /// # use trine::topic::Topics;
    /// # #[trine::main]
    /// # async fn main() {
    /// let rooms = Topics::<_, String>::new();
    /// let lobby = rooms.subscribe(&"lobby").unwrap();
    /// assert_eq!(rooms.rooms(), ["lobby"]);
    /// drop(lobby);
    /// assert!(rooms.rooms().is_empty());
    /// # }
    /// ```
    #[must_use]
    pub fn rooms(&self) -> Vec<K> {
        self.rooms.table().keys().cloned().collect()
    }

    /// Ends every subscription of a room and removes its history. A later subscriber creates the
    /// room anew.
    ///
    /// ```
    /// # use trine::topic::Topics;
    /// # #[trine::main]
    /// # async fn main() {
    /// let rooms = Topics::<_, String>::new();
    /// let mut lobby = rooms.subscribe(&"lobby").unwrap();
    /// rooms.close(&"lobby");
    /// assert!(lobby.recv().await.is_none());
    /// # }
    /// ```
    pub fn close(&self, room: &K) {
        let closed = self.rooms.table().remove(room);
        if let Some(hub) = closed {
            hub.close();
        }
    }
}

impl<K, T> Rooms<K, T>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    fn publish(self: &Arc<Self>, room: &K, mut message: Message<T>) -> (Message<T>, usize) {
        while let Some(hub) = self.hub_for_message(room) {
            match hub.publish(message) {
                Ok(published) => return published,
                Err(unpublished) => message = unpublished,
            }
        }
        // The room has no subscribers in this process, but other processes may have some.
        message.set_id(MessageId { origin: Origin::random(), number: 1 });
        (message, 0)
    }

    fn deliver(self: &Arc<Self>, room: &K, mut message: Message<T>) {
        while let Some(hub) = self.hub_for_message(room) {
            match hub.deliver(message) {
                Ok(_) => return,
                Err(undelivered) => message = undelivered,
            }
        }
    }

    fn find(&self, room: &K) -> Option<Arc<Hub<T>>> {
        self.table().get(room).cloned()
    }

    /// The hub that receives a message. Without a history, a message without subscribers needs
    /// none.
    fn hub_for_message(self: &Arc<Self>, room: &K) -> Option<Arc<Hub<T>>> {
        if self.config.history == 0 { self.find(room) } else { self.open(room) }
    }

    /// Finds or creates a room. `None` if all possible rooms are in use.
    fn open(self: &Arc<Self>, room: &K) -> Option<Arc<Hub<T>>> {
        let mut table = self.table();
        if let Some(hub) = table.get(room) {
            return Some(Arc::clone(hub));
        }
        let mut freed = FreedHubs::new();
        table.free_expired(self.config.linger, &mut freed);
        if table.len() >= self.config.rooms {
            freed.extend(table.free_longest_idle());
        }
        let hub = (table.len() < self.config.rooms).then(|| {
            let (rooms, key) = (Arc::downgrade(self), room.clone());
            let on_empty = Box::new(move || {
                if let Some(rooms) = rooms.upgrade() {
                    rooms.on_empty(&key);
                }
            });
            let hub = Arc::new(Hub::of_room(self.config.clone(), Some(on_empty)));
            table.insert(room.clone(), Arc::clone(&hub));
            hub
        });
        drop(table);
        drop(freed);
        hub
    }

    /// The last subscriber of a room has left.
    fn on_empty(&self, room: &K) {
        let mut table = self.table();
        let freed = table.on_empty(room, self.config.linger);
        drop(table);
        drop(freed);
    }

    fn table(&self) -> MutexGuard<'_, RoomTable<K, T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T> ReceiveParcel for Rooms<K, T>
where
    K: DeserializeOwned + Eq + Hash + Clone + Send + Sync + 'static,
    T: DeserializeOwned + Send + Sync + 'static,
{
    fn receive(self: Arc<Self>, parcel: &Parcel) -> Result<(), BoxError> {
        if parcel.from != self.origin {
            let room = from_json(&parcel.room)?;
            self.deliver(&room, Message::new(parcel.id, from_json(&parcel.payload)?));
        }
        Ok(())
    }
}

impl<K, T: Send + Sync + 'static> Clone for Topics<K, T> {
    fn clone(&self) -> Topics<K, T> {
        Topics { rooms: Arc::clone(&self.rooms), outbox: self.outbox.clone() }
    }
}

impl<K, T> Default for Topics<K, T>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    fn default() -> Topics<K, T> {
        Topics::new()
    }
}

impl<K, T: Send + Sync + 'static> std::fmt::Debug for Topics<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rooms = self.rooms.table.lock().map_or(0, |table| table.len());
        f.debug_struct("Topics").field("rooms", &rooms).finish_non_exhaustive()
    }
}

/// The maximum number of rooms exists, and all of them are in use. As a response it is 503.
///
/// ```
/// # use trine::topic::{RoomsFull, TopicConfig, Topics};
/// # #[trine::main]
/// # async fn main() {
/// let rooms = Topics::<_, String>::with(TopicConfig { rooms: 1, ..TopicConfig::default() });
/// let _lobby = rooms.subscribe(&"lobby").unwrap();
/// assert_eq!(rooms.subscribe(&"kitchen").unwrap_err(), RoomsFull { limit: 1 });
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomsFull {
    /// The maximum number of rooms.
    pub limit: usize,
}

impl IntoResponse for RoomsFull {
    fn into_response(self) -> Response {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE).source(self).into_response()
    }
}

impl std::fmt::Display for RoomsFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "all of the {} rooms that may exist are in use (`TopicConfig::rooms`)",
            self.limit
        )
    }
}

impl std::error::Error for RoomsFull {}
