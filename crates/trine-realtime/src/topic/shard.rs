//! The subscribers of a topic on one thread: a log of the latest messages, and the position of each
//! subscriber in it.
//!
//! ```text
//!   log   [ 41 42 43 44 45 ] 46 is the next position
//!              ^        ^     ^
//!              |        |     this subscriber has read everything
//!              |        this one has one message to read
//!              this one lags once two more messages are pushed: see `Overflow`
//! ```
//! Publishing pushes one message to the log, for any number of subscribers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use smallvec::SmallVec;

use super::config::{Overflow, TopicConfig};
use super::message::Message;
use super::relay::{Relay, WakeAll};

pub(super) struct Shard<T> {
    relay: Option<Arc<Relay>>,
    queue: usize,
    overflow: Overflow,
    state: Mutex<State<T>>,
}

struct State<T> {
    log: VecDeque<Message<T>>,
    /// The position after the last message of the log.
    next: u64,
    subscribers: Slab<Subscriber<T>>,
    /// The number of subscribers with a waker.
    waiting: usize,
    /// The relay will call [`WakeAll::wake_all`], and has not done so yet.
    wake_pending: bool,
    /// No subscriber without a saved log is before this position. Only used with
    /// [`Overflow::DropNewest`].
    slowest: u64,
    closed: bool,
}

/// The state of one subscriber.
struct Subscriber<T> {
    /// The position that it reads next.
    position: u64,
    waker: Option<Waker>,
    saved_log: Option<Box<SavedLog<T>>>,
}

/// With [`Overflow::DropNewest`]: a copy of the log from when the queue of a subscriber was full,
/// which it reads before it continues with new messages.
struct SavedLog<T> {
    messages: VecDeque<Message<T>>,
    /// The position after the last message.
    end: u64,
}

/// A removed subscriber. It must be dropped when no lock is held, since dropping its messages may
/// run code of the application.
pub(super) struct RemovedSubscriber<T> {
    /// Whether it was the last subscriber of the shard.
    pub(super) was_last: bool,
    _subscriber: Option<Subscriber<T>>,
}

/// The next item for a subscriber.
pub(super) enum Next<T> {
    Message(Message<T>),
    /// The number of messages that were dropped.
    Missed(u64),
    Closed,
}

/// The tasks to wake once all locks are released.
#[must_use]
pub(super) enum Wake {
    Nobody,
    One(Waker),
    All,
}

impl<T: Send + Sync + 'static> Shard<T> {
    /// A shard for the current thread. The next message has the position `next`.
    pub(super) fn new(config: &TopicConfig, relay: Option<Arc<Relay>>, next: u64) -> Shard<T> {
        let state = State {
            log: VecDeque::new(),
            next,
            subscribers: Slab::new(),
            waiting: 0,
            wake_pending: false,
            slowest: next,
            closed: false,
        };
        Shard {
            relay,
            queue: config.queue.max(1),
            overflow: config.overflow,
            state: Mutex::new(state),
        }
    }

    pub(super) fn is_of(&self, relay: Option<&Arc<Relay>>) -> bool {
        match (&self.relay, relay) {
            (Some(own), Some(relay)) => Arc::ptr_eq(own, relay),
            (own, relay) => own.is_none() && relay.is_none(),
        }
    }

    /// Adds a subscriber, which begins with the next message.
    pub(super) fn add_subscriber(&self) -> usize {
        let mut state = self.state();
        let position = state.next;
        state.subscribers.insert(Subscriber { position, waker: None, saved_log: None })
    }

    pub(super) fn remove_subscriber(&self, key: usize) -> RemovedSubscriber<T> {
        let mut state = self.state();
        let subscriber = state.subscribers.try_remove(key);
        let waited = subscriber.as_ref().is_some_and(|subscriber| subscriber.waker.is_some());
        state.waiting -= usize::from(waited);
        RemovedSubscriber { was_last: state.subscribers.is_empty(), _subscriber: subscriber }
    }

    /// Adds a message. Returns the one that it evicted, to be dropped when no lock is held.
    pub(super) fn push(&self, message: Message<T>) -> (Option<Message<T>>, Wake) {
        let mut state = self.state();
        let mut evicted = None;
        if state.log.len() == self.queue {
            if self.overflow == Overflow::DropNewest {
                state.save_log_for_slowest();
            }
            evicted = state.log.pop_front();
        }
        state.log.push_back(message);
        state.next += 1;
        (evicted, state.wake())
    }

    /// Ends all subscriptions after the messages that wait for them.
    pub(super) fn close(&self) -> Wake {
        let mut state = self.state();
        state.closed = true;
        state.wake()
    }

    /// Wakes the tasks that [`Shard::push`] or [`Shard::close`] named.
    pub(super) fn wake(self: &Arc<Self>, wake: Wake) {
        match (wake, &self.relay) {
            (Wake::Nobody, _) => {}
            (Wake::One(waker), _) => waker.wake(),
            (Wake::All, Some(relay)) => relay.wake(Arc::clone(self) as _),
            (Wake::All, None) => self.wake_all(),
        }
    }

    /// The next item for a subscriber. If there is none, registers the task to be woken.
    pub(super) fn poll(&self, key: usize, cx: &Context<'_>) -> Poll<Next<T>> {
        let mut state = self.state();
        let State { log, next, subscribers, waiting, closed, .. } = &mut *state;
        let Some(subscriber) = subscribers.get_mut(key) else {
            return Poll::Ready(Next::Closed);
        };
        if let Some(saved) = &mut subscriber.saved_log {
            if let Some(message) = saved.messages.pop_front() {
                return Poll::Ready(Next::Message(message));
            }
            let missed = *next - saved.end;
            (subscriber.position, subscriber.saved_log) = (*next, None);
            return Poll::Ready(Next::Missed(missed));
        }
        let first = *next - log.len() as u64;
        if subscriber.position < first {
            let missed = first - subscriber.position;
            subscriber.position = first;
            return Poll::Ready(Next::Missed(missed));
        }
        let index = usize::try_from(subscriber.position - first).unwrap_or(usize::MAX);
        if let Some(message) = log.get(index) {
            subscriber.position += 1;
            return Poll::Ready(Next::Message(message.clone()));
        }
        if *closed {
            return Poll::Ready(Next::Closed);
        }
        if subscriber.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let previous = subscriber.waker.replace(cx.waker().clone());
        *waiting += usize::from(previous.is_none());
        drop(state);
        // Dropping the waker may drop its task, and a subscription with it, so the lock must be
        // free.
        drop(previous);
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn wake(&mut self) -> Wake {
        match self.waiting {
            0 => Wake::Nobody,
            // For a single waiting task, the relay would cost more than it saves.
            1 if self.subscribers.len() <= BATCH => {
                self.waiting = 0;
                let mut subscribers = self.subscribers.iter_mut();
                let waker = subscribers.find_map(|(_, subscriber)| subscriber.waker.take());
                waker.map_or(Wake::Nobody, Wake::One)
            }
            _ if std::mem::replace(&mut self.wake_pending, true) => Wake::Nobody,
            _ => Wake::All,
        }
    }

    /// Saves a copy of the log for each subscriber that has not read the first message, which is
    /// about to be evicted.
    fn save_log_for_slowest(&mut self) {
        let first = self.next - self.log.len() as u64;
        // Positions only increase, so most pushes need not check every subscriber.
        if self.slowest > first {
            return;
        }
        let mut slowest = u64::MAX;
        for (_, subscriber) in &mut self.subscribers {
            if subscriber.saved_log.is_some() {
                continue;
            }
            if subscriber.position <= first {
                let saved = SavedLog { messages: self.log.clone(), end: self.next };
                subscriber.saved_log = Some(Box::new(saved));
            } else {
                slowest = slowest.min(subscriber.position);
            }
        }
        self.slowest = slowest.min(self.next);
    }
}

impl<T: Send + Sync + 'static> WakeAll for Shard<T> {
    fn wake_all(&self) {
        let mut state = self.state();
        // Messages that are published from now on request another wake-up.
        state.wake_pending = false;
        let mut key = 0;
        while state.waiting > 0 && key < state.subscribers.capacity() {
            let mut wakers = SmallVec::<[Waker; BATCH]>::new();
            while wakers.len() < BATCH && key < state.subscribers.capacity() {
                let subscriber = state.subscribers.get_mut(key);
                wakers.extend(subscriber.and_then(|subscriber| subscriber.waker.take()));
                key += 1;
            }
            state.waiting -= wakers.len();
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            state = self.state();
        }
    }
}

/// The number of tasks that are woken each time the lock is released.
const BATCH: usize = 64;
