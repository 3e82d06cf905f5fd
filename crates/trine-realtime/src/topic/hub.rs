//! The core of a topic: its history, its shards, and the order in which messages reach them.
//!
//! One lock orders everything. Publishing holds it while the message gets its number and is pushed
//! to the history and to every shard. Subscribing holds it while the history is copied and the
//! subscriber is added to a shard. So a subscriber sees no gap and no repetition between the
//! history and the live messages. No code of the application runs while the lock is held.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::config::{Overflow, TopicConfig};
use super::message::{Message, MessageId, Origin};
use super::relay::Relay;
use super::shard::Shard;
use super::subscription::{Lagged, Since, Subscription};

pub(super) struct Hub<T> {
    config: TopicConfig,
    origin: Origin,
    /// Called when the last subscriber has left.
    on_empty: Option<OnEmpty>,
    state: Mutex<State<T>>,
}

pub(super) type OnEmpty = Box<dyn Fn() + Send + Sync>;

struct State<T> {
    /// The position of the next message, published in this process or another.
    next: u64,
    /// The number of messages that were published in this process.
    published: u64,
    last: Option<MessageId>,
    history: VecDeque<Message<T>>,
    shards: Vec<Arc<Shard<T>>>,
    subscribers: usize,
    /// When the last message was published or the last subscriber left.
    last_used: Instant,
    /// The room was removed from its table. A caller that still holds this hub must look up a new
    /// one.
    freed: bool,
    closed: bool,
}

impl<T: Send + Sync + 'static> Hub<T> {
    pub(super) fn new(config: TopicConfig) -> Hub<T> {
        Hub::of_room(config, None)
    }

    /// A hub of a room, which calls `on_empty` when its last subscriber has left.
    pub(super) fn of_room(config: TopicConfig, on_empty: Option<OnEmpty>) -> Hub<T> {
        let state = State {
            next: 0,
            published: 0,
            last: None,
            history: VecDeque::new(),
            shards: Vec::new(),
            subscribers: 0,
            last_used: Instant::now(),
            freed: false,
            closed: false,
        };
        Hub { config, origin: Origin::random(), on_empty, state: Mutex::new(state) }
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Numbers a message and delivers it to every subscriber in this process. Returns the message
    /// and the number of subscribers, or returns the message if the hub was freed.
    pub(super) fn publish(
        &self,
        mut message: Message<T>,
    ) -> Result<(Message<T>, usize), Message<T>> {
        let mut state = self.state();
        if state.freed {
            return Err(message);
        }
        state.published += 1;
        message.set_id(MessageId { origin: self.origin, number: state.published });
        let reached = self.push(state, &message);
        Ok((message, reached))
    }

    /// Delivers a message that another process published and numbered.
    pub(super) fn deliver(&self, message: Message<T>) -> Result<usize, Message<T>> {
        let state = self.state();
        if state.freed { Err(message) } else { Ok(self.push(state, &message)) }
    }

    fn push(&self, mut state: MutexGuard<'_, State<T>>, message: &Message<T>) -> usize {
        if state.closed {
            return 0;
        }
        // Dropping a message and waking a task may run code of the application, so both happen
        // after the lock is released.
        let mut evicted = SmallVec::<[Message<T>; 4]>::new();
        let mut wakes = SmallVec::<[_; 4]>::new();
        state.last = Some(message.id());
        state.next += 1;
        state.last_used = Instant::now();
        if self.config.history > 0 {
            if state.history.len() >= self.config.history {
                evicted.extend(state.history.pop_front());
            }
            state.history.push_back(message.clone());
        }
        for shard in &state.shards {
            let (old, wake) = shard.push(message.clone());
            evicted.extend(old);
            wakes.push((Arc::clone(shard), wake));
        }
        let reached = state.subscribers;
        drop(state);
        for (shard, wake) in wakes {
            shard.wake(wake);
        }
        reached
    }

    pub(super) fn subscribe(self: &Arc<Self>, since: &Since) -> Subscription<T> {
        self.enter(self.state(), since)
    }

    /// Subscribes unless the hub was freed.
    pub(super) fn subscribe_if_in_use(self: &Arc<Self>, since: &Since) -> Option<Subscription<T>> {
        let state = self.state();
        (!state.freed).then(|| self.enter(state, since))
    }

    fn enter(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<T>>,
        since: &Since,
    ) -> Subscription<T> {
        let (replay, lagged) = state.replay(since, self.origin);
        let relay = Relay::current();
        let known = state.shards.iter().find(|shard| shard.is_of(relay.as_ref())).cloned();
        let shard = known.unwrap_or_else(|| {
            let shard = Arc::new(Shard::new(&self.config, relay, state.next));
            state.shards.push(Arc::clone(&shard));
            shard
        });
        if state.closed {
            // The subscriber reads the history, then the end. The shard is new or closed already,
            // so no task waits for a wake-up.
            let _ = shard.close();
        }
        state.subscribers += 1;
        let key = shard.add_subscriber();
        Subscription::new(Arc::clone(self), shard, key, replay, lagged)
    }

    pub(super) fn unsubscribe(&self, shard: &Arc<Shard<T>>, key: usize) {
        let mut state = self.state();
        let removed = shard.remove_subscriber(key);
        if removed.was_last {
            state.shards.retain(|other| !Arc::ptr_eq(other, shard));
        }
        state.subscribers -= 1;
        state.last_used = Instant::now();
        let is_empty = state.subscribers == 0;
        drop(state);
        drop(removed);
        if let (true, Some(on_empty)) = (is_empty, &self.on_empty) {
            on_empty();
        }
    }

    /// Ends every subscription.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let shards = state.shards.clone();
        drop(state);
        for shard in shards {
            let wake = shard.close();
            shard.wake(wake);
        }
    }

    pub(super) fn overflow(&self) -> Overflow {
        self.config.overflow
    }

    pub(super) fn subscribers(&self) -> usize {
        self.state().subscribers
    }

    pub(super) fn history(&self) -> Vec<Message<T>> {
        self.state().history.iter().cloned().collect()
    }

    /// When the hub became idle. `None` while it has subscribers.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.subscribers == 0).then_some(state.last_used)
    }

    /// Marks the hub as freed if it has no subscribers and its history is empty or was not used for
    /// `linger`. Returns whether it is freed.
    pub(super) fn free(&self, linger: Duration) -> bool {
        let mut state = self.state();
        let expired = state.history.is_empty() || state.last_used.elapsed() >= linger;
        state.freed |= state.subscribers == 0 && expired;
        state.freed
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// The messages that a subscriber reads before the live ones, and the gap before them.
    fn replay(&self, since: &Since, own: Origin) -> (VecDeque<Message<T>>, Option<Lagged>) {
        let id = match since {
            Since::Now => return (VecDeque::new(), None),
            Since::Oldest => return (self.history.clone(), None),
            Since::After(id) => id.parse::<MessageId>().ok(),
        };
        if id.is_some() && id == self.last {
            return (VecDeque::new(), None);
        }
        if let Some(at) = self.history.iter().rposition(|message| Some(message.id()) == id) {
            return (self.history.range(at + 1..).cloned().collect(), None);
        }
        // If all messages were published in this process, numbers are positions, and the difference
        // is the number of missing messages.
        let number =
            id.filter(|id| id.origin == own && id.number < self.published).map(|id| id.number);
        let missed = number
            .filter(|_| self.published == self.next)
            .and_then(|number| (self.next - self.history.len() as u64).checked_sub(number));
        let lagged = (missed != Some(0)).then_some(Lagged { missed });
        (self.history.clone(), lagged)
    }
}
