//! The limits of a topic.

use std::time::Duration;

/// The limits of a [`Topic`](super::Topic), or of each room of [`Topics`](super::Topics).
///
/// ```
/// use trine::topic::{Overflow, Topic, TopicConfig};
///
/// let prices = Topic::<f64>::with(TopicConfig {
///     history: 50,
///     overflow: Overflow::Disconnect,
///     ..TopicConfig::default()
/// });
/// prices.publish(1.5);
/// assert_eq!(prices.history().len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// The maximum number of messages that wait for one subscriber, at least 1. `overflow` says
    /// what happens to a subscriber that exceeds it. Each worker that has subscribers keeps this
    /// many messages of the topic in memory. Default: 256.
    pub queue: usize,
    /// What happens to a subscriber that does not keep up. Default: [`Overflow::DropOldest`].
    pub overflow: Overflow,
    /// The number of messages that are kept for subscribers that arrive later or reconnect.
    /// Default: 0.
    pub history: usize,
    /// The maximum number of rooms of [`Topics`](super::Topics). A new room beyond it replaces the
    /// room that has been idle for longest. If no room is idle, subscribing fails with 503, and
    /// publishing to a new room reaches no subscriber. Default: 10,000.
    pub rooms: usize,
    /// How long a room of [`Topics`](super::Topics) keeps its history after its last subscriber
    /// left and its last message was published, so that clients can reconnect. A room without a
    /// history is removed at once. Default: 60 s.
    pub linger: Duration,
}

/// What happens to a subscriber when a message is published while [`TopicConfig::queue`] messages
/// wait for it. Other subscribers are not affected.
///
/// The subscriber learns of each gap by [`Lagged`](super::Lagged).
///
/// ```
/// use trine::topic::{Lagged, Overflow, Topic, TopicConfig};
///
/// # #[trine::main]
/// # async fn main() {
/// let config = TopicConfig { queue: 2, overflow: Overflow::DropOldest, ..TopicConfig::default() };
/// let topic = Topic::with(config);
/// let mut slow = topic.subscribe();
/// for number in 1..=3 {
///     topic.publish(number);
/// }
/// assert_eq!(slow.recv().await.unwrap().unwrap_err(), Lagged { missed: Some(1) });
/// assert_eq!(*slow.recv().await.unwrap().unwrap(), 2);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Drops the oldest waiting message. For values of which only the latest counts, such as
    /// prices.
    #[default]
    DropOldest,
    /// Keeps the waiting messages, and drops new ones until the subscriber has read them all. For
    /// sequences that make no sense without their beginning.
    DropNewest,
    /// Ends the subscription. For sequences in which a gap is worse than reconnecting, for example
    /// with a history to resume from.
    Disconnect,
}

impl Default for TopicConfig {
    fn default() -> TopicConfig {
        TopicConfig {
            queue: 256,
            overflow: Overflow::DropOldest,
            history: 0,
            rooms: 10_000,
            linger: Duration::from_secs(60),
        }
    }
}
