//! Topics: one message for every subscriber in the process, and in other processes where a
//! [`Carrier`] connects them.
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
//! async fn set(topic: State<Topic<f64>>, Json(price): Json<f64>) -> String {
//!     format!("{} have heard it", topic.publish(price))
//! }
//!
//! let topic = Topic::<f64>::with(TopicConfig { history: 100, ..TopicConfig::default() });
//! let app = App::new().state(topic).routes(routes![prices, set]);
//! ```
//!
//! # Layout
//! In the order in which a message meets them:
//! - [`Message`]: the value, its id, each form in which it was encoded
//! - `hub`: its number, the history, the shards; one lock orders all of it
//! - `shard`: the subscribers of one thread, each a place in a log
//! - `relay`: one wake-up a thread
//! - [`Subscription`]: what a subscriber holds
//! - [`Carrier`]: the way to other processes
//!
//! [`Topics`] are rooms by key, each a hub (`rooms`, `table`); [`Presence`] tells who is in which.

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

use self::carrier::{Line, Receive, read};
use self::hub::Hub;
use trine_core::BoxError;

pub use self::carrier::{Carrier, Inbox, Parcel, Undelivered};
pub use self::config::{Overflow, TopicConfig};
pub use self::local::Local;
pub use self::message::{Form, Message, MessageId, NoMessageId, Origin};
pub use self::presence::{Change, Here, Presence, Watch};
pub use self::rooms::{RoomsFull, Topics};
pub use self::subscription::{Lagged, Since, Subscription};

/// Hands each message to every subscriber. A clone is the same topic.
///
/// Publishing never waits: it puts the message where the subscribers find it, once for each thread
/// that has some, and has them woken. What becomes of a subscriber that does not keep up, its
/// [`TopicConfig`] says. The value needs no `Clone`: all subscribers read the one that was
/// published.
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
/// Those of its [`TopicConfig`]: messages that wait for one subscriber, and messages of the
/// history. The number of subscribers is that of whatever holds them: of connections, most often.
pub struct Topic<T: Send + Sync + 'static> {
    hub: Arc<Hub<T>>,
    line: Option<Arc<Line<T>>>,
}

impl<T: Send + Sync + 'static> Topic<T> {
    /// A topic with the limits of [`TopicConfig::default`].
    #[must_use]
    pub fn new() -> Topic<T> {
        Topic::with(TopicConfig::default())
    }

    /// A topic with these limits.
    #[must_use]
    pub fn with(config: TopicConfig) -> Topic<T> {
        Topic { hub: Arc::new(Hub::new(config)), line: None }
    }

    /// Connects it with the topics of this name in other processes, where it has the same type.
    /// Values travel as JSON.
    #[must_use]
    pub fn carried(self, name: &str, carrier: Arc<dyn Carrier>) -> Topic<T>
    where
        T: Serialize + DeserializeOwned,
    {
        let receiver: Weak<dyn Receive> = Arc::downgrade(&self.hub) as _;
        let line = Line::attach(name, carrier, self.hub.origin(), receiver);
        Topic { hub: self.hub, line: Some(Arc::new(line)) }
    }

    /// Hands a value to every subscriber, and says how many there are in this process.
    pub fn publish(&self, value: T) -> usize {
        // Only hubs of rooms are freed.
        let Ok((message, reached)) = self.hub.publish(Message::unnamed(value)) else { return 0 };
        if let Some(line) = &self.line {
            line.send(Bytes::new(), &message);
        }
        reached
    }

    /// Subscribes from the next message on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription<T> {
        self.subscribe_since(Since::Now)
    }

    /// Subscribes from some message of the history on: `Since::Oldest` for somebody who comes late,
    /// `Option<LastEventId>` for an `EventSource` that may come back.
    ///
    /// What is published meanwhile comes behind the history, without a gap and without a
    /// repetition.
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
    /// let mut back = topic.subscribe_since(Since::After(two.id().to_string()));
    /// assert_eq!(*back.recv().await.unwrap().unwrap(), 3);
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe_since(&self, since: impl Into<Since>) -> Subscription<T> {
        self.hub.subscribe(&since.into())
    }

    /// How many subscribers there are in this process.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.hub.subscribers()
    }

    /// The messages of the history, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<Message<T>> {
        self.hub.history()
    }

    /// Ends every subscription once it has read what is there. Nothing can be published from here
    /// on.
    pub fn close(&self) {
        self.hub.close();
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Receive for Hub<T> {
    fn receive(self: Arc<Self>, parcel: &Parcel) -> Result<(), BoxError> {
        if parcel.from != self.origin() {
            let message = Message::new(parcel.id, read(&parcel.payload)?);
            let _ = self.deliver(message);
        }
        Ok(())
    }
}

impl<T: Send + Sync + 'static> Clone for Topic<T> {
    fn clone(&self) -> Topic<T> {
        Topic { hub: Arc::clone(&self.hub), line: self.line.clone() }
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
