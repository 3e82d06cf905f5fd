//! The limits of a topic.

use std::time::Duration;

/// The limits of a [`Topic`](crate::topic::Topic), or of each room of [`Topics`](crate::topic::Topics).
///
/// ```
/// use trine::topic::{Overflow, Topic, TopicConfig};
///
/// let config = TopicConfig { history: 50, overflow: Overflow::Disconnect, ..TopicConfig::default() };
/// let prices = Topic::<f64>::with(config);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// Messages that may wait for one subscriber, 1 at least. What becomes of it past them,
    /// `overflow` says. So many messages of a topic stay in memory on each worker that has
    /// subscribers. Default: 256.
    pub queue: usize,
    /// What becomes of a subscriber that does not keep up. Default: [`Overflow::DropOldest`].
    pub overflow: Overflow,
    /// Messages that are kept for whoever comes later, or comes back. Default: 0.
    pub history: usize,
    /// Rooms of [`Topics`](crate::topic::Topics) that may exist at once. Past it the idle one with the
    /// longest rest makes place; where none is idle, subscribing fails with 503 and publishing
    /// reaches nobody. Default: 10,000.
    pub rooms: usize,
    /// Time that a room of [`Topics`](crate::topic::Topics) keeps its history after its last subscriber
    /// left and its last message came, so that somebody whose connection broke can come back. A
    /// room without a history goes at once. Default: 60 s.
    pub linger: Duration,
}

/// What becomes of a subscriber for whom [`TopicConfig::queue`] messages wait when another one
/// comes. Nobody else notices, and it learns of each gap by
/// [`Lagged`](crate::topic::Lagged).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// The oldest of them is dropped: right where only the latest counts, as prices.
    #[default]
    DropOldest,
    /// Those that wait stay, and it misses what comes until it has taken them all: right where a
    /// beginning counts.
    DropNewest,
    /// Its subscription ends: right where a gap is worse than coming back, as with a history to
    /// resume from.
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
