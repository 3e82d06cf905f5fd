//! Rooms: a topic for each key, made and freed by use.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::carrier::{Carrier, Line, Parcel, Receive, read};
use super::config::TopicConfig;
use super::hub::Hub;
use super::message::{Message, MessageId, Origin};
use super::subscription::{Since, Subscription};
use super::table::{Freed, Table};
use trine_core::{BoxError, IntoResponse, Problem, Response};

/// A topic for each key, such as the rooms of a chat. A clone is the same.
///
/// A room begins with its first subscriber, or with its first message where the rooms have a
/// history. It is freed when its last subscriber leaves; with a history it rests for
/// [`TopicConfig::linger`] before.
///
/// ```
/// use trine::prelude::*;
/// use trine::sse::{LastEventId, Sse};
/// use trine::topic::{RoomsFull, Topics};
///
/// type Rooms = Topics<String, String>;
///
/// #[get("/rooms/{room}")]
/// async fn listen(room: String, rooms: State<Rooms>, last: Option<LastEventId>) -> impl IntoResponse {
///     rooms.subscribe_since(&room, last).map(|messages| Sse::new(messages.events()))
/// }
///
/// #[post("/rooms/{room}")]
/// async fn say(room: String, rooms: State<Rooms>, text: String) {
///     rooms.publish(&room, text);
/// }
///
/// let app = App::new().state(Rooms::new()).routes(routes![listen, say]);
/// ```
///
/// # Limits
/// [`TopicConfig::rooms`], 10,000 by default: past them the idle room with the longest rest makes
/// place. What one room holds is bounded as for a [`Topic`](crate::topic::Topic).
pub struct Topics<K, T: Send + Sync + 'static> {
    rooms: Arc<Rooms<K, T>>,
    line: Option<Arc<RoomLine<K, T>>>,
}

struct Rooms<K, T> {
    config: TopicConfig,
    /// Of all rooms: whatever comes from it was published here.
    origin: Origin,
    table: Mutex<Table<K, T>>,
}

struct RoomLine<K, T> {
    line: Line<T>,
    name: fn(&K) -> Result<Bytes, BoxError>,
}

impl<K, T> Topics<K, T>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    /// Rooms with the limits of [`TopicConfig::default`].
    #[must_use]
    pub fn new() -> Topics<K, T> {
        Topics::with(TopicConfig::default())
    }

    /// Rooms with these limits, each for itself.
    #[must_use]
    pub fn with(config: TopicConfig) -> Topics<K, T> {
        let rooms = Rooms { config, origin: Origin::random(), table: Mutex::new(Table::new()) };
        Topics { rooms: Arc::new(rooms), line: None }
    }

    /// Connects them with the rooms of this name in other processes, where they have the same
    /// types. Keys and values travel as JSON.
    #[must_use]
    pub fn carried(self, name: &str, carrier: Arc<dyn Carrier>) -> Topics<K, T>
    where
        K: Serialize + DeserializeOwned,
        T: Serialize + DeserializeOwned,
    {
        let receiver: Weak<dyn Receive> = Arc::downgrade(&self.rooms) as _;
        let line = Line::attach(name, carrier, self.rooms.origin, receiver);
        let name = |key: &K| Ok(serde_json::to_vec(key)?.into());
        Topics { rooms: self.rooms, line: Some(Arc::new(RoomLine { line, name })) }
    }

    /// Hands a value to every subscriber of a room, and says how many there are in this process.
    pub fn publish(&self, room: &K, value: T) -> usize {
        let (message, reached) = self.rooms.publish(room, Message::unnamed(value));
        if let Some(RoomLine { line, name }) = self.line.as_deref() {
            match name(room) {
                Ok(name) => line.send(name, &message),
                Err(error) => {
                    tracing::error!(%error, "the key of a room cannot be carried to other processes");
                }
            }
        }
        reached
    }

    /// Subscribes to a room from the next message on.
    ///
    /// # Errors
    /// [`RoomsFull`] when the room is a new one and there are too many.
    pub fn subscribe(&self, room: &K) -> Result<Subscription<T>, RoomsFull> {
        self.subscribe_since(room, Since::Now)
    }

    /// The same from some message of its history on; see
    /// [`Topic::subscribe_since`](crate::topic::Topic::subscribe_since).
    ///
    /// # Errors
    /// [`RoomsFull`] when the room is a new one and there are too many.
    pub fn subscribe_since(
        &self,
        room: &K,
        since: impl Into<Since>,
    ) -> Result<Subscription<T>, RoomsFull> {
        let since = since.into();
        loop {
            let hub = self.rooms.open(room).ok_or(RoomsFull { limit: self.rooms.config.rooms })?;
            // One that is freed has left the table already.
            if let Some(subscription) = hub.subscribe_if_in_use(&since) {
                return Ok(subscription);
            }
        }
    }

    /// How many subscribers a room has in this process.
    #[must_use]
    pub fn subscribers(&self, room: &K) -> usize {
        self.rooms.find(room).map_or(0, |hub| hub.subscribers())
    }

    /// The messages of a room's history, oldest first.
    #[must_use]
    pub fn history(&self, room: &K) -> Vec<Message<T>> {
        self.rooms.find(room).map_or_else(Vec::new, |hub| hub.history())
    }

    /// The keys of the rooms that exist, in no order.
    #[must_use]
    pub fn rooms(&self) -> Vec<K> {
        self.rooms.table().keys().cloned().collect()
    }

    /// Ends every subscription of a room and forgets its history. Whoever comes next begins a new
    /// one.
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
        while let Some(hub) = self.to_publish(room) {
            match hub.publish(message) {
                Ok(published) => return published,
                Err(unpublished) => message = unpublished,
            }
        }
        // Nobody is here, but other processes may have somebody.
        message.name(MessageId { origin: Origin::random(), number: 1 });
        (message, 0)
    }

    fn deliver(self: &Arc<Self>, room: &K, mut message: Message<T>) {
        while let Some(hub) = self.to_publish(room) {
            match hub.deliver(message) {
                Ok(_) => return,
                Err(undelivered) => message = undelivered,
            }
        }
    }

    fn find(&self, room: &K) -> Option<Arc<Hub<T>>> {
        self.table().get(room).cloned()
    }

    /// Without a history, a message that nobody hears needs no room.
    fn to_publish(self: &Arc<Self>, room: &K) -> Option<Arc<Hub<T>>> {
        if self.config.history == 0 { self.find(room) } else { self.open(room) }
    }

    /// The room, which is made where it does not exist. `None` when there are too many.
    fn open(self: &Arc<Self>, room: &K) -> Option<Arc<Hub<T>>> {
        let mut table = self.table();
        if let Some(hub) = table.get(room) {
            return Some(Arc::clone(hub));
        }
        let mut freed = Freed::new();
        table.free_rested(self.config.linger, &mut freed);
        if table.len() >= self.config.rooms {
            freed.extend(table.free_longest());
        }
        let hub = (table.len() < self.config.rooms).then(|| {
            let (rooms, key) = (Arc::downgrade(self), room.clone());
            let emptied =
                Box::new(move || rooms.upgrade().into_iter().for_each(|rooms| rooms.emptied(&key)));
            let hub = Arc::new(Hub::of_room(self.config.clone(), Some(emptied)));
            table.insert(room.clone(), Arc::clone(&hub));
            hub
        });
        drop(table);
        drop(freed);
        hub
    }

    fn emptied(&self, room: &K) {
        let mut table = self.table();
        let freed = table.emptied(room, self.config.linger);
        drop(table);
        drop(freed);
    }

    fn table(&self) -> MutexGuard<'_, Table<K, T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T> Receive for Rooms<K, T>
where
    K: DeserializeOwned + Eq + Hash + Clone + Send + Sync + 'static,
    T: DeserializeOwned + Send + Sync + 'static,
{
    fn receive(self: Arc<Self>, parcel: &Parcel) -> Result<(), BoxError> {
        if parcel.from != self.origin {
            let room = read(&parcel.room)?;
            self.deliver(&room, Message::new(parcel.id, read(&parcel.payload)?));
        }
        Ok(())
    }
}

impl<K, T: Send + Sync + 'static> Clone for Topics<K, T> {
    fn clone(&self) -> Topics<K, T> {
        Topics { rooms: Arc::clone(&self.rooms), line: self.line.clone() }
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

/// There are as many rooms as may exist, and all of them are in use. As an answer it is 503.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomsFull {
    /// How many there may be.
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
