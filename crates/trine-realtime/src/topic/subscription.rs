//! What a subscriber holds: the messages of a topic, one after the other.

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

/// The messages of a [`Topic`](crate::topic::Topic) for one subscriber, as a stream. Dropping it ends the
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
///     Some(Err(Lagged { missed })) => eprintln!("missed {missed:?}"),
///     None => eprintln!("the topic was closed"),
/// }
/// # }
/// ```
///
/// # Errors
/// [`Lagged`] where messages are missing, at their place among the others; the subscription goes on
/// behind it, unless the topic disconnects whoever lags.
pub struct Subscription<T: Send + Sync + 'static> {
    hub: Arc<Hub<T>>,
    shard: Arc<Shard<T>>,
    key: usize,
    /// The history, to be read before what is live.
    replay: VecDeque<Message<T>>,
    lagged: Option<Lagged>,
    over: bool,
}

impl<T: Send + Sync + 'static> Subscription<T> {
    pub(super) fn new(
        hub: Arc<Hub<T>>,
        shard: Arc<Shard<T>>,
        key: usize,
        replay: VecDeque<Message<T>>,
        lagged: Option<Lagged>,
    ) -> Subscription<T> {
        Subscription { hub, shard, key, replay, lagged, over: false }
    }

    /// Waits for the next message. `None` when the topic was closed, or disconnects whoever lags.
    ///
    /// It can be dropped while it waits, as `select!` does: no message is lost by it.
    ///
    /// # Errors
    /// [`Lagged`] where messages are missing.
    pub async fn recv(&mut self) -> Option<Result<Message<T>, Lagged>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Whether nothing more comes behind what was given.
    #[cfg(feature = "ws")]
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Message<T>, Lagged>>> {
        if let Some(lagged) = self.lagged.take() {
            return Poll::Ready(Some(Err(lagged)));
        }
        if let Some(message) = self.replay.pop_front() {
            if self.replay.is_empty() {
                // It is needed no more, and there may be ten thousand of it.
                self.replay = VecDeque::new();
            }
            return Poll::Ready(Some(Ok(message)));
        }
        if self.over {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.shard.poll(self.key, cx)) {
            Next::Message(message) => Some(Ok(message)),
            Next::Missed(missed) => {
                self.over = self.hub.overflow() == Overflow::Disconnect;
                Some(Err(Lagged { missed: Some(missed) }))
            }
            Next::Closed => {
                self.over = true;
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

/// With which message a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Since {
    /// The next one that is published.
    #[default]
    Now,
    /// The oldest one of the history.
    Oldest,
    /// The one behind the message with this [id](crate::topic::MessageId). Where the
    /// history does not reach back to it, the first thing is [`Lagged`], and all of the history
    /// follows.
    ///
    /// After a restart no id of before is known. Between processes the order of messages that were
    /// published at the same time may differ, so that near the id one of these may come twice or be
    /// missing.
    After(String),
}

/// Messages are missing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lagged {
    /// How many. `None` where nobody knows, as after a restart.
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
