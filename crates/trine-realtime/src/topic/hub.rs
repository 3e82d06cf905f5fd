//! What a topic is: its history, its shards, and the order in which messages reach all of them.
//!
//! The lock of the hub orders everything: publishing gives a message its number, puts it into the
//! history and into every shard while it is held, and subscribing reads the history and enters a
//! shard while it is held. So nothing lies between history and live, and nothing is in both. No
//! code of the user runs under it.

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
    emptied: Option<Emptied>,
    state: Mutex<State<T>>,
}

pub(super) type Emptied = Box<dyn Fn() + Send + Sync>;

struct State<T> {
    /// The position of the next message, and its number if it is published here.
    next: u64,
    published: u64,
    last: Option<MessageId>,
    history: VecDeque<Message<T>>,
    shards: Vec<Arc<Shard<T>>>,
    subscribers: usize,
    /// When the last message came or the last subscriber left.
    used: Instant,
    /// Nobody finds it any more: whoever still holds it must look for another one.
    freed: bool,
    closed: bool,
}

impl<T: Send + Sync + 'static> Hub<T> {
    pub(super) fn new(config: TopicConfig) -> Hub<T> {
        Hub::of_room(config, None)
    }

    /// A hub that tells when its last subscriber has left.
    pub(super) fn of_room(config: TopicConfig, emptied: Option<Emptied>) -> Hub<T> {
        let state = State {
            next: 0,
            published: 0,
            last: None,
            history: VecDeque::new(),
            shards: Vec::new(),
            subscribers: 0,
            used: Instant::now(),
            freed: false,
            closed: false,
        };
        Hub { config, origin: Origin::random(), emptied, state: Mutex::new(state) }
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Numbers a message and hands it to every subscriber of this process, of whom it gives the
    /// count. Gives the message back where the hub was freed.
    pub(super) fn publish(
        &self,
        mut message: Message<T>,
    ) -> Result<(Message<T>, usize), Message<T>> {
        let mut state = self.state();
        if state.freed {
            return Err(message);
        }
        state.published += 1;
        message.name(MessageId { origin: self.origin, number: state.published });
        let reached = self.push(state, &message);
        Ok((message, reached))
    }

    /// The same of a message that another process numbered.
    pub(super) fn deliver(&self, message: Message<T>) -> Result<usize, Message<T>> {
        let state = self.state();
        if state.freed { Err(message) } else { Ok(self.push(state, &message)) }
    }

    fn push(&self, mut state: MutexGuard<'_, State<T>>, message: &Message<T>) -> usize {
        if state.closed {
            return 0;
        }
        // What drops here may be code of the user, and so may a waker: both wait until no lock is
        // held.
        let mut evicted = SmallVec::<[Message<T>; 4]>::new();
        let mut wakes = SmallVec::<[_; 4]>::new();
        state.last = Some(message.id());
        state.next += 1;
        state.used = Instant::now();
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

    /// The same, unless the hub was freed.
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
        let relay = Relay::here();
        let known = state.shards.iter().find(|shard| shard.is_of(relay.as_ref())).cloned();
        let shard = known.unwrap_or_else(|| {
            let shard = Arc::new(Shard::new(&self.config, relay, state.next));
            state.shards.push(Arc::clone(&shard));
            shard
        });
        if state.closed {
            // It reads the history, then its end. Nobody waits who would have to be woken.
            let _ = shard.close();
        }
        state.subscribers += 1;
        let key = shard.enter();
        Subscription::new(Arc::clone(self), shard, key, replay, lagged)
    }

    pub(super) fn unsubscribe(&self, shard: &Arc<Shard<T>>, key: usize) {
        let mut state = self.state();
        let left = shard.leave(key);
        if left.last {
            state.shards.retain(|other| !Arc::ptr_eq(other, shard));
        }
        state.subscribers -= 1;
        state.used = Instant::now();
        let emptied = state.subscribers == 0;
        drop(state);
        drop(left);
        if let (true, Some(tell)) = (emptied, &self.emptied) {
            tell();
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

    /// Since when nobody has used it. `None` while somebody does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.subscribers == 0).then_some(state.used)
    }

    /// Frees it, unless somebody uses it or did within `rest`. Without a history there is nothing
    /// to rest for.
    pub(super) fn free(&self, rest: Duration) -> bool {
        let mut state = self.state();
        let rested = state.history.is_empty() || state.used.elapsed() >= rest;
        state.freed |= state.subscribers == 0 && rested;
        state.freed
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// What a subscriber reads before it reads on live, and what it missed already.
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
        // Where every message has a number of ours, the number is a position, and tells how many
        // are gone.
        let number =
            id.filter(|id| id.origin == own && id.number < self.published).map(|id| id.number);
        let missed = number
            .filter(|_| self.published == self.next)
            .and_then(|number| (self.next - self.history.len() as u64).checked_sub(number));
        let lagged = (missed != Some(0)).then_some(Lagged { missed });
        (self.history.clone(), lagged)
    }
}
