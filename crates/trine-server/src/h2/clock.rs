//! The times of a connection and its streams. One sleep serves them all, and it moves only when it
//! fired too early or when an earlier moment comes up: a connection that is served leaves it alone.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use trine_core::later::later;

/// What a client has left of a time in which only waiting counts, and which it buys back with
/// bytes.
#[derive(Debug)]
pub(super) struct Patience {
    left: Duration,
    since: Option<Instant>,
}

impl Patience {
    pub(super) fn new(most: Duration) -> Patience {
        Patience { left: most, since: None }
    }

    /// Somebody waits, or still does.
    pub(super) fn wait(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Nobody waits any more: `bytes` came, at least `rate` a second of which are expected.
    pub(super) fn go_on(&mut self, bytes: usize, rate: u64, most: Duration) {
        if self.since.is_none() && self.left == most {
            return;
        }
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        self.left = match (bytes as u64).saturating_mul(1000).checked_div(rate) {
            Some(bought) => most.min(self.left.saturating_add(Duration::from_millis(bought))),
            None => most,
        };
    }

    /// When it is over, while somebody waits.
    pub(super) fn end(&self) -> Option<Instant> {
        self.since.map(|since| later(since, self.left))
    }
}

#[derive(Debug)]
pub(super) struct Clock(Pin<Box<Sleep>>);

impl Clock {
    pub(super) fn new(first: Duration) -> Clock {
        Clock(Box::pin(sleep_until(later(Instant::now(), first))))
    }

    /// Ready when `at` has passed. Whatever was asked for before no longer counts.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        if at < self.0.deadline() {
            self.0.as_mut().reset(at);
        }
        loop {
            ready!(self.0.as_mut().poll(cx));
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(at);
        }
    }
}
