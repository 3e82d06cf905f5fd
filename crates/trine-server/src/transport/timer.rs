//! One timer per connection, re-armed only when it fires.
//!
//! Setting a deadline stores a field. The sleep behind it moves only when it fired too early, or
//! when a deadline comes before the one it waits for: a connection that is served keeps one entry
//! in the runtime's wheel, untouched.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use trine_core::later::later;

/// Who waits. The two sides have a deadline each, since an answer can be written while a body is
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Read,
    Write,
}

#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// Whom the sleep wakes: it need not be asked again before it has.
    wakes: Option<Waker>,
    read: Option<Instant>,
    write: Option<Instant>,
}

impl Timer {
    pub(crate) fn new(first: Duration) -> Timer {
        Timer {
            sleep: Box::pin(sleep_until(later(Instant::now(), first))),
            wakes: None,
            read: None,
            write: None,
        }
    }

    /// Sets a deadline from now on, whatever was set before.
    pub(crate) fn set(&mut self, side: Side, after: Duration) {
        *self.place(side) = Some(later(Instant::now(), after));
    }

    /// Sets a deadline unless there is one.
    pub(crate) fn start(&mut self, side: Side, after: Duration) {
        let place = self.place(side);
        if place.is_none() {
            *place = Some(later(Instant::now(), after));
        }
    }

    pub(crate) fn clear(&mut self, side: Side) {
        *self.place(side) = None;
    }

    /// Whether no deadline of a side is set. A stage that ends clears its own: the next one must
    /// not meet it.
    pub(crate) fn is_clear(&self, side: Side) -> bool {
        let place = match side {
            Side::Read => &self.read,
            Side::Write => &self.write,
        };
        place.is_none()
    }

    /// Ready with the side whose deadline passed; its deadline is then cleared. Call it once per
    /// poll of the task, after everything else was pending.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Side> {
        let (at, side) = match (self.read, self.write) {
            (Some(read), Some(write)) if write < read => (write, Side::Write),
            (Some(read), _) => (read, Side::Read),
            (None, Some(write)) => (write, Side::Write),
            (None, None) => return Poll::Pending,
        };
        if at < self.sleep.deadline() {
            self.move_to(at);
        }
        loop {
            ready!(self.poll_sleep(cx));
            if Instant::now() >= at {
                self.clear(side);
                return Poll::Ready(side);
            }
            self.move_to(at);
        }
    }

    fn move_to(&mut self, at: Instant) {
        self.wakes = None;
        self.sleep.as_mut().reset(at);
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let waits = self.wakes.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if waits && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        let polled = self.sleep.as_mut().poll(cx);
        self.wakes = polled.is_pending().then(|| cx.waker().clone());
        polled
    }

    fn place(&mut self, side: Side) -> &mut Option<Instant> {
        match side {
            Side::Read => &mut self.read,
            Side::Write => &mut self.write,
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
        timer.set(Side::Read, Duration::from_secs(30));
        timer.set(Side::Write, Duration::from_secs(10));
        timer.start(Side::Write, Duration::from_secs(1));
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Side::Write);
        assert_eq!(start.elapsed().as_secs(), 10);
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Side::Read);
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_away_is_not_fired_early() {
        let start = Instant::now();
        let mut timer = Timer::new(Duration::from_secs(5));
        timer.set(Side::Read, Duration::from_secs(5));
        tokio::time::sleep(Duration::from_secs(3)).await;
        timer.set(Side::Read, Duration::from_secs(60));
        assert_eq!(poll_fn(|cx| timer.poll(cx)).await, Side::Read);
        assert_eq!(start.elapsed().as_secs(), 63);
    }

    #[tokio::test(start_paused = true)]
    async fn no_deadline_never_fires() {
        let mut timer = Timer::new(Duration::from_secs(1));
        timer.set(Side::Read, Duration::from_secs(1));
        timer.clear(Side::Read);
        timer.set(Side::Write, Duration::MAX);
        let fired =
            tokio::time::timeout(Duration::from_secs(9), poll_fn(|cx| timer.poll(cx))).await;
        assert!(fired.is_err());
    }
}
