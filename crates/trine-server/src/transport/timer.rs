//! The deadlines of a connection, over one sleep that is moved as rarely as possible.
//!
//! Setting a deadline stores a field. The sleep behind it is reset only if it fired too early, or
//! if the new deadline is earlier than the one it waits for. A busy connection therefore keeps one
//! entry in the timer wheel of the runtime, and does not touch it.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use trine_core::later::later;

/// A sleep that is reset only when it has to be.
#[derive(Debug)]
pub(crate) struct LazySleep {
    sleep: Pin<Box<Sleep>>,
    /// The waker that the sleep holds. A task with the same waker need not poll the sleep again
    /// before it has elapsed.
    waker: Option<Waker>,
}

impl LazySleep {
    /// `first` is the usual first wait: a shorter one resets the sleep.
    pub(crate) fn new(first: Duration) -> LazySleep {
        LazySleep { sleep: Box::pin(sleep_until(later(Instant::now(), first))), waker: None }
    }

    /// Ready once `deadline` has passed. Only the deadline of the last call counts.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline < self.sleep.deadline() {
            self.reset(deadline);
        }
        loop {
            ready!(self.poll_sleep(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.reset(deadline);
        }
    }

    fn reset(&mut self, deadline: Instant) {
        self.waker = None;
        self.sleep.as_mut().reset(deadline);
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let registered = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if registered && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        // Without budget, tokio does not poll the timer, and does not register the waker.
        let polls = tokio::task::coop::has_budget_remaining();
        let polled = self.sleep.as_mut().poll(cx);
        self.waker = (polls && polled.is_pending()).then(|| cx.waker().clone());
        polled
    }
}

/// The direction that a deadline limits. Each has a deadline of its own, because a response can be
/// written while a request body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// The read and the write deadline of a connection.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: LazySleep,
    read: Option<Instant>,
    write: Option<Instant>,
}

impl Timer {
    pub(crate) fn new(first: Duration) -> Timer {
        Timer { sleep: LazySleep::new(first), read: None, write: None }
    }

    /// Sets a deadline, counted from now. It replaces an earlier one.
    pub(crate) fn set(&mut self, direction: Direction, after: Duration) {
        *self.deadline_mut(direction) = Some(later(Instant::now(), after));
    }

    /// Sets a deadline unless one is set.
    pub(crate) fn set_if_clear(&mut self, direction: Direction, after: Duration) {
        let deadline = self.deadline_mut(direction);
        if deadline.is_none() {
            *deadline = Some(later(Instant::now(), after));
        }
    }

    pub(crate) fn clear(&mut self, direction: Direction) {
        *self.deadline_mut(direction) = None;
    }

    /// Whether no deadline is set for a direction. A stage clears its deadline when it ends, so
    /// that the next stage does not inherit it.
    pub(crate) fn is_clear(&self, direction: Direction) -> bool {
        match direction {
            Direction::Read => self.read.is_none(),
            Direction::Write => self.write.is_none(),
        }
    }

    /// Ready with the direction whose deadline has passed; that deadline is then cleared. Call this
    /// once per poll of the task, after everything else was pending.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Direction> {
        let (deadline, direction) = match (self.read, self.write) {
            (Some(read), Some(write)) if write < read => (write, Direction::Write),
            (Some(read), _) => (read, Direction::Read),
            (None, Some(write)) => (write, Direction::Write),
            (None, None) => return Poll::Pending,
        };
        ready!(self.sleep.poll(cx, deadline));
        self.clear(direction);
        Poll::Ready(direction)
    }

    fn deadline_mut(&mut self, direction: Direction) -> &mut Option<Instant> {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_earlier_deadline_fires_first_and_is_cleared() {
        let start = Instant::now();
        let mut timer = Timer::new(Duration::from_secs(75));
        timer.set(Direction::Read, Duration::from_secs(30));
        timer.set(Direction::Write, Duration::from_secs(10));
        timer.set_if_clear(Direction::Write, Duration::from_secs(1));
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Direction::Write);
        assert_eq!(start.elapsed().as_secs(), 10);
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Direction::Read);
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_postponed_deadline_does_not_fire_early() {
        let start = Instant::now();
        let mut timer = Timer::new(Duration::from_secs(5));
        timer.set(Direction::Read, Duration::from_secs(5));
        tokio::time::sleep(Duration::from_secs(3)).await;
        timer.set(Direction::Read, Duration::from_secs(60));
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Direction::Read);
        assert_eq!(start.elapsed().as_secs(), 63);
    }

    #[tokio::test(start_paused = true)]
    async fn no_deadline_never_fires() {
        let mut timer = Timer::new(Duration::from_secs(1));
        timer.set(Direction::Read, Duration::from_secs(1));
        timer.clear(Direction::Read);
        timer.set(Direction::Write, Duration::MAX);
        let fired =
            tokio::time::timeout(Duration::from_secs(9), poll_fn(|cx| timer.poll(cx))).await;
        assert!(fired.is_err());
    }
}
