//! The subscribers of a topic on one thread: a log of the latest messages, and where in it each one
//! stands.
//!
//! ```text
//!   log   [ 41 42 43 44 45 ] 46 comes next
//!              ^        ^     ^
//!              |        |     waits, or would
//!              |        has one message to read
//!              the next message but one pushes it off its place: see Overflow
//! ```
//! To publish is one push here, however many subscribers there are.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use smallvec::SmallVec;

use super::config::{Overflow, TopicConfig};
use super::message::Message;
use super::relay::{Relay, Sleepers};

pub(super) struct Shard<T> {
    relay: Option<Arc<Relay>>,
    queue: usize,
    overflow: Overflow,
    state: Mutex<State<T>>,
}

struct State<T> {
    log: VecDeque<Message<T>>,
    /// The position behind the last message of the log.
    next: u64,
    slots: Slab<Slot<T>>,
    waiting: usize,
    /// The relay was asked, and has not come yet.
    due: bool,
    /// No subscriber without kept messages stands before this position. Used with
    /// [`Overflow::DropNewest`] alone.
    slowest: u64,
    closed: bool,
}

/// One subscriber.
struct Slot<T> {
    /// The position that it reads next.
    at: u64,
    waker: Option<Waker>,
    kept: Option<Box<Kept<T>>>,
}

/// With [`Overflow::DropNewest`]: what waited when the queue was full. It goes on at `at` of its
/// slot.
struct Kept<T> {
    messages: VecDeque<Message<T>>,
    /// The position behind them.
    end: u64,
}

/// A subscriber that was taken out, to be dropped when no lock is held: its messages may drop code
/// of the user.
pub(super) struct Left<T> {
    /// Whether it was the last of its shard.
    pub(super) last: bool,
    _slot: Option<Slot<T>>,
}

/// What a subscriber gets.
pub(super) enum Next<T> {
    Message(Message<T>),
    /// So many were dropped.
    Missed(u64),
    Closed,
}

/// What has to be done once all locks are free.
#[must_use]
pub(super) enum Wake {
    Nobody,
    One(Waker),
    All,
}

impl<T: Send + Sync + 'static> Shard<T> {
    /// A shard of this thread. The next message will have the position `next`.
    pub(super) fn new(config: &TopicConfig, relay: Option<Arc<Relay>>, next: u64) -> Shard<T> {
        let state = State {
            log: VecDeque::new(),
            next,
            slots: Slab::new(),
            waiting: 0,
            due: false,
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

    /// A new subscriber, from the next message on.
    pub(super) fn enter(&self) -> usize {
        let mut state = self.state();
        let slot = Slot { at: state.next, waker: None, kept: None };
        state.slots.insert(slot)
    }

    /// Takes a subscriber out.
    pub(super) fn leave(&self, key: usize) -> Left<T> {
        let mut state = self.state();
        let slot = state.slots.try_remove(key);
        state.waiting -= usize::from(slot.as_ref().is_some_and(|slot| slot.waker.is_some()));
        Left { last: state.slots.is_empty(), _slot: slot }
    }

    /// Adds a message. Gives back the one that made place, to be dropped when no lock is held.
    pub(super) fn push(&self, message: Message<T>) -> (Option<Message<T>>, Wake) {
        let mut state = self.state();
        let mut evicted = None;
        if state.log.len() == self.queue {
            if self.overflow == Overflow::DropNewest {
                state.keep_for_the_slowest();
            }
            evicted = state.log.pop_front();
        }
        state.log.push_back(message);
        state.next += 1;
        (evicted, state.wake())
    }

    /// Ends all subscriptions once they have read what is there.
    pub(super) fn close(&self) -> Wake {
        let mut state = self.state();
        state.closed = true;
        state.wake()
    }

    /// Does what [`Shard::push`] asked for.
    pub(super) fn wake(self: &Arc<Self>, wake: Wake) {
        match (wake, &self.relay) {
            (Wake::Nobody, _) => {}
            (Wake::One(waker), _) => waker.wake(),
            (Wake::All, Some(relay)) => relay.wake(Arc::clone(self) as _),
            (Wake::All, None) => self.wake_all(),
        }
    }

    /// The next thing for a subscriber, or its task is woken when there is one.
    pub(super) fn poll(&self, key: usize, cx: &Context<'_>) -> Poll<Next<T>> {
        let mut state = self.state();
        let State { log, next, slots, waiting, closed, .. } = &mut *state;
        let Some(slot) = slots.get_mut(key) else { return Poll::Ready(Next::Closed) };
        if let Some(kept) = &mut slot.kept {
            if let Some(message) = kept.messages.pop_front() {
                return Poll::Ready(Next::Message(message));
            }
            let missed = *next - kept.end;
            (slot.at, slot.kept) = (*next, None);
            return Poll::Ready(Next::Missed(missed));
        }
        let first = *next - log.len() as u64;
        if slot.at < first {
            let missed = first - slot.at;
            slot.at = first;
            return Poll::Ready(Next::Missed(missed));
        }
        let ahead = usize::try_from(slot.at - first).unwrap_or(usize::MAX);
        if let Some(message) = log.get(ahead) {
            slot.at += 1;
            return Poll::Ready(Next::Message(message.clone()));
        }
        if *closed {
            return Poll::Ready(Next::Closed);
        }
        if slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let before = slot.waker.replace(cx.waker().clone());
        *waiting += usize::from(before.is_none());
        drop(state);
        // The last hold on a task may drop it here, and a subscription with it.
        drop(before);
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
            // A detour over the relay would cost more than it saves.
            1 if self.slots.len() <= BATCH => {
                self.waiting = 0;
                let waker = self.slots.iter_mut().find_map(|(_, slot)| slot.waker.take());
                waker.map_or(Wake::Nobody, Wake::One)
            }
            _ if std::mem::replace(&mut self.due, true) => Wake::Nobody,
            _ => Wake::All,
        }
    }

    /// The first message is about to go: whoever has not read it keeps a copy of the log, and reads
    /// that first.
    fn keep_for_the_slowest(&mut self) {
        let first = self.next - self.log.len() as u64;
        // Subscribers only move forward, so most pushes need not look at each of them.
        if self.slowest > first {
            return;
        }
        let mut slowest = u64::MAX;
        for (_, slot) in &mut self.slots {
            if slot.kept.is_some() {
                continue;
            }
            if slot.at <= first {
                slot.kept = Some(Box::new(Kept { messages: self.log.clone(), end: self.next }));
            } else {
                slowest = slowest.min(slot.at);
            }
        }
        self.slowest = slowest.min(self.next);
    }
}

impl<T: Send + Sync + 'static> Sleepers for Shard<T> {
    fn wake_all(&self) {
        let mut state = self.state();
        // What is published from here on asks again.
        state.due = false;
        let mut key = 0;
        while state.waiting > 0 && key < state.slots.capacity() {
            let mut wakers = SmallVec::<[Waker; BATCH]>::new();
            while wakers.len() < BATCH && key < state.slots.capacity() {
                wakers.extend(state.slots.get_mut(key).and_then(|slot| slot.waker.take()));
                key += 1;
            }
            state.waiting -= wakers.len();
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            state = self.state();
        }
    }
}

/// Wakers that are woken between two looks at the slots, without the lock.
const BATCH: usize = 64;
