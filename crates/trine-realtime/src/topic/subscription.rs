//! The messages of a topic for one subscriber.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::config::Overflow;
use super::hub::Hub;
use super::message::Message;
use super::shard::{Next, Shard};

/// The messages of a [`Topic`](super::Topic) for one subscriber, as a stream. Dropping it ends the
/// subscription.
///
/// ```
/// use trine::topic::{Lagged, Topic};
///
/// # #[trine::main]
/// # async fn main() {
/// let topic = Topic::new();
/// let mut subscription = topic.subscribe();
/// assert_eq!(topic.publish("tick"), 1);
/// match subscription.recv().await {
///     Some(Ok(message)) => assert_eq!(*message, "tick"),
///     Some(Err(Lagged { missed })) => panic!("{missed:?} messages are missing"),
///     None => panic!("the topic was closed"),
/// }
/// # }
/// ```
///
/// # Errors
/// [`Lagged`] in place of missing messages. The subscription continues after it, unless the topic
/// has [`Overflow::Disconnect`].
pub struct Subscription<T: Send + Sync + 'static> {
    hub: Arc<Hub<T>>,
    shard: Arc<Shard<T>>,
    key: usize,
    /// The messages of the history that are still to be read, before the live ones.
    replay: VecDeque<Message<T>>,
    lagged: Option<Lagged>,
    ended: bool,
}

impl<T: Send + Sync + 'static> Subscription<T> {
    pub(super) fn new(
        hub: Arc<Hub<T>>,
        shard: Arc<Shard<T>>,
        key: usize,
        replay: VecDeque<Message<T>>,
        lagged: Option<Lagged>,
    ) -> Subscription<T> {
        Subscription { hub, shard, key, replay, lagged, ended: false }
    }

    /// Waits for the next message. `None` when the topic was closed, or has disconnected this
    /// subscriber because it lagged.
    ///
    /// ```
    /// # #[trine::main]
    /// # async fn main() {
    /// # let topic = trine::Topic::new();
    /// let mut subscription = topic.subscribe();
    /// topic.publish("tick");
    /// topic.close();
    /// while let Some(Ok(message)) = subscription.recv().await {
    ///     assert_eq!(*message, "tick");
    /// }
    /// # }
    /// ```
    ///
    /// This method is cancel safe: dropping the future loses no message.
    ///
    /// # Errors
    /// [`Lagged`] in place of missing messages.
    pub async fn recv(&mut self) -> Option<Result<Message<T>, Lagged>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Whether the subscription has ended, so that nothing follows the last item.
    #[cfg(feature = "ws")]
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Message<T>, Lagged>>> {
        if let Some(lagged) = self.lagged.take() {
            return Poll::Ready(Some(Err(lagged)));
        }
        if let Some(message) = self.replay.pop_front() {
            if self.replay.is_empty() {
                // Frees the memory: ten thousand subscribers may hold such a buffer.
                self.replay = VecDeque::new();
            }
            return Poll::Ready(Some(Ok(message)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.shard.poll(self.key, cx)) {
            Next::Message(message) => Some(Ok(message)),
            Next::Missed(missed) => {
                self.ended = self.hub.overflow() == Overflow::Disconnect;
                Some(Err(Lagged { missed: Some(missed) }))
            }
            Next::Closed => {
                self.ended = true;
                None
            }
        })
    }
}

impl<T: Send + Sync + 'static> Stream for Subscription<T> {
    type Item = Result<Message<T>, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl<T: Send + Sync + 'static> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.hub.unsubscribe(&self.shard, self.key);
    }
}

impl<T: Send + Sync + 'static> std::fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("replay", &self.replay.len()).finish_non_exhaustive()
    }
}

/// The message with which a subscription begins.
///
/// ```
/// # use trine::topic::{Since, Topic, TopicConfig};
/// # #[trine::main]
/// # async fn main() {
/// let topic = Topic::with(TopicConfig { history: 10, ..TopicConfig::default() });
/// topic.publish("first");
/// topic.publish("second");
/// let first = topic.history()[0].id().to_string();
/// let mut subscription = topic.subscribe_since(Since::After(first));
/// assert_eq!(*subscription.recv().await.unwrap().unwrap(), "second");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Since {
    /// The next message that is published.
    #[default]
    Now,
    /// The oldest message of the history.
    Oldest,
    /// The message after the one with this [id](super::MessageId). If the history does not reach
    /// back to that message, the subscription begins with [`Lagged`] and then the whole history.
    ///
    /// Ids from before a restart are unknown. Messages that several processes publish at the same
    /// time may have a different order in each process, so near the id one of them may be repeated
    /// or missing.
    After(String),
}

/// Messages are missing at this position of a subscription.
///
/// ```
/// use trine::topic::Lagged;
///
/// assert_eq!(Lagged { missed: Some(3) }.to_string(), "3 messages are missing");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lagged {
    /// The number of missing messages. `None` if it is unknown, for example after a restart.
    pub missed: Option<u64>,
}

impl std::fmt::Display for Lagged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.missed {
            Some(1) => f.write_str("1 message is missing"),
            Some(missed) => write!(f, "{missed} messages are missing"),
            None => f.write_str("some messages may be missing"),
        }
    }
}

impl std::error::Error for Lagged {}
