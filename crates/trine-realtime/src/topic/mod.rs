//! Topics deliver each message to every subscriber, within one process or, through a [`Carrier`],
//! in several.
//!
//! A [`Topic`] is a state of the application. Handlers publish to it, subscribe to it, and send a
//! [`Subscription`] as server-sent events or through a WebSocket:
//!
//! ```
//! use trine::prelude::*;
//! use trine::sse::{LastEventId, Sse};
//! use trine::topic::{Topic, TopicConfig};
//!
//! #[get("/prices")]
//! async fn prices(topic: State<Topic<f64>>, last: Option<LastEventId>) -> impl IntoResponse {
//!     Sse::new(topic.subscribe_since(last).events())
//! }
//!
//! #[post("/prices")]
//! async fn set_price(topic: State<Topic<f64>>, Json(price): Json<f64>) -> String {
//!     format!("{} subscribers", topic.publish(price))
//! }
//!
//! # #[trine::main]
//! # async fn main() {
//! let topic = Topic::<f64>::with(TopicConfig { history: 100, ..TopicConfig::default() });
//! let app = App::new().state(topic.clone()).routes(routes![prices, set_price]);
//! let client = app.test().await;
//! let response = client.post("/prices").json(&1.5).send().await;
//! assert_eq!(response.text(), "0 subscribers");
//! assert_eq!(*topic.history()[0], 1.5);
//! # }
//! ```
//!
//! [`Topics`] holds a topic for each key, such as the rooms of a chat. [`Presence`] records the
//! members of each room.
//!
//! # Layout
//! In the order in which a message passes through them:
//! - [`Message`]: the value, its id, and a cache of its encodings
//! - `hub`: numbers the message, keeps the history, and passes the message to the shards, all under
//!   one lock
//! - `shard`: the subscribers of one thread, and a log of the latest messages that they share
//! - `relay`: wakes the subscribers of one thread
//! - [`Subscription`]: reads the messages of one subscriber
//! - [`Carrier`]: transports messages to other processes
//!
//! `rooms` and `table` implement [`Topics`], with one hub for each room. `presence` records the
//! members of rooms, `config` has the limits, and `local` is the carrier within one process.

mod carrier;
mod config;
mod hub;
mod local;
mod message;
mod presence;
mod relay;
mod rooms;
mod shard;
mod subscription;
mod table;

use std::sync::{Arc, Weak};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::carrier::{Outbox, ReceiveParcel, from_json};
use self::hub::Hub;
use trine_core::BoxError;

pub use self::carrier::{Carrier, Inbox, InvalidParcel, Parcel};
pub use self::config::{Overflow, TopicConfig};
pub use self::local::LocalCarrier;
pub use self::message::{Encoding, InvalidMessageId, Message, MessageId, Origin};
pub use self::presence::{Change, Presence, PresenceGuard, Watch};
pub use self::rooms::{RoomsFull, Topics};
pub use self::subscription::{Lagged, Since, Subscription};

/// Delivers each published message to every subscriber. Clones share the topic.
///
/// Publishing never waits: it appends the message to one log for each thread that has subscribers,
/// and has the subscribers woken. [`TopicConfig::overflow`] decides what happens to a subscriber
/// that does not keep up. Values need no `Clone`: all subscribers read the same one.
///
/// ```
/// use trine::Topic;
///
/// # #[trine::main]
/// # async fn main() {
/// let topic = Topic::new();
/// let [mut ann, mut bob] = [topic.subscribe(), topic.subscribe()];
/// assert_eq!(topic.publish("hello"), 2);
/// assert_eq!(*ann.recv().await.unwrap().unwrap(), "hello");
/// assert_eq!(*bob.recv().await.unwrap().unwrap(), "hello");
/// # }
/// ```
///
/// # Limits
/// [`TopicConfig`] limits the messages that wait for one subscriber, and those of the history. The
/// number of subscribers has no limit of its own: usually each belongs to a connection, and the
/// server limits those.
pub struct Topic<T: Send + Sync + 'static> {
    hub: Arc<Hub<T>>,
    outbox: Option<Arc<Outbox<T>>>,
}

impl<T: Send + Sync + 'static> Topic<T> {
    /// Makes a topic with the limits of [`TopicConfig::default`].
    ///
    /// ```
    /// # use trine::Topic;
    /// let topic = Topic::<String>::new();
    /// assert_eq!(topic.subscribers(), 0);
    /// ```
    #[must_use]
    pub fn new() -> Topic<T> {
        Topic::with(TopicConfig::default())
    }

    /// Makes a topic with these limits.
    ///
    /// ```
    /// # use trine::topic::{Topic, TopicConfig};
    /// let topic = Topic::with(TopicConfig { history: 1, ..TopicConfig::default() });
    /// topic.publish(1);
    /// topic.publish(2);
    /// assert_eq!(*topic.history()[0], 2);
    /// ```
    #[must_use]
    pub fn with(config: TopicConfig) -> Topic<T> {
        Topic { hub: Arc::new(Hub::new(config)), outbox: None }
    }

    /// Connects the topic with the topics of the same name in other processes, which must have the
    /// same type. Values are sent as JSON. See [`LocalCarrier`] for an example.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine::topic::{LocalCarrier, Topic};
    /// # #[trine::main]
    /// # async fn main() {
    /// let carrier = Arc::new(LocalCarrier::default());
    /// let topic = Topic::new().carried("prices", carrier.clone());
    /// let mut elsewhere = Topic::<f64>::new().carried("prices", carrier).subscribe();
    /// topic.publish(1.5);
    /// assert_eq!(*elsewhere.recv().await.unwrap().unwrap(), 1.5);
    /// # }
    /// ```
    #[must_use]
    pub fn carried(self, name: &str, carrier: Arc<dyn Carrier>) -> Topic<T>
    where
        T: Serialize + DeserializeOwned,
    {
        let receiver: Weak<dyn ReceiveParcel> = Arc::downgrade(&self.hub) as _;
        let outbox = Outbox::attach(name, carrier, self.hub.origin(), receiver);
        Topic { hub: self.hub, outbox: Some(Arc::new(outbox)) }
    }

    /// Publishes a value to every subscriber, and returns the number of subscribers in this
    /// process.
    ///
    /// ```
    /// # use trine::Topic;
    /// # #[trine::main]
    /// # async fn main() {
    /// let topic = Topic::new();
    /// assert_eq!(topic.publish("unheard"), 0);
    /// let _subscription = topic.subscribe();
    /// assert_eq!(topic.publish("heard"), 1);
    /// # }
    /// ```
    pub fn publish(&self, value: T) -> usize {
        // Only the hubs of rooms are freed.
        let Ok((message, reached)) = self.hub.publish(Message::without_id(value)) else { return 0 };
        if let Some(outbox) = &self.outbox {
            outbox.send(Bytes::new(), &message);
        }
        reached
    }

    /// Subscribes to the messages that are published from now on.
    ///
    /// ```
    /// # use trine::Topic;
    /// # #[trine::main]
    /// # async fn main() {
    /// let topic = Topic::new();
    /// topic.publish("earlier");
    /// let mut subscription = topic.subscribe();
    /// topic.publish("later");
    /// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "later");
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Subscription<T> {
        self.subscribe_since(Since::Now)
    }

    /// Subscribes, beginning with a message of the history: [`Since::Oldest`] replays all of it,
    /// [`Since::After`] the messages after one that the client has seen. `Option<LastEventId>`
    /// converts into the right one for an `EventSource`.
    ///
    /// The live messages follow the history without a gap and without a repetition.
    ///
    /// ```
    /// use trine::topic::{Since, Topic, TopicConfig};
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let topic = Topic::with(TopicConfig { history: 2, ..TopicConfig::default() });
    /// for number in 1..=3 {
    ///     topic.publish(number);
    /// }
    /// let mut late = topic.subscribe_since(Since::Oldest);
    /// let two = late.recv().await.unwrap().unwrap();
    /// assert_eq!(*two, 2);
    /// let mut resumed = topic.subscribe_since(Since::After(two.id().to_string()));
    /// assert_eq!(*resumed.recv().await.unwrap().unwrap(), 3);
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe_since(&self, since: impl Into<Since>) -> Subscription<T> {
        self.hub.subscribe(&since.into())
    }

    /// The number of subscribers in this process.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.hub.subscribers()
    }

    /// The messages of the history, oldest first.
    ///
    /// ```
    /// # use trine::topic::{Topic, TopicConfig};
    /// let topic = Topic::with(TopicConfig { history: 10, ..TopicConfig::default() });
    /// topic.publish("first");
    /// topic.publish("second");
    /// let texts: Vec<_> = topic.history().iter().map(|message| **message).collect();
    /// assert_eq!(texts, ["first", "second"]);
    /// ```
    #[must_use]
    pub fn history(&self) -> Vec<Message<T>> {
        self.hub.history()
    }

    /// Ends every subscription after the messages that wait for it. Messages that are published
    /// later are dropped.
    ///
    /// ```
    /// # use trine::Topic;
    /// # #[trine::main]
    /// # async fn main() {
    /// let topic = Topic::new();
    /// let mut subscription = topic.subscribe();
    /// topic.publish("last");
    /// topic.close();
    /// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "last");
    /// assert!(subscription.recv().await.is_none());
    /// # }
    /// ```
    pub fn close(&self) {
        self.hub.close();
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> ReceiveParcel for Hub<T> {
    fn receive(self: Arc<Self>, parcel: &Parcel) -> Result<(), BoxError> {
        if parcel.from != self.origin() {
            let message = Message::new(parcel.id, from_json(&parcel.payload)?);
            let _ = self.deliver(message);
        }
        Ok(())
    }
}

impl<T: Send + Sync + 'static> Clone for Topic<T> {
    fn clone(&self) -> Topic<T> {
        Topic { hub: Arc::clone(&self.hub), outbox: self.outbox.clone() }
    }
}

impl<T: Send + Sync + 'static> Default for Topic<T> {
    fn default() -> Topic<T> {
        Topic::new()
    }
}

impl<T: Send + Sync + 'static> std::fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topic").field("subscribers", &self.subscribers()).finish_non_exhaustive()
    }
}
