//! One timer a connection, armed lazily: a request only notes when it must be over, and the timer
//! that is still armed from an earlier one finds out when it fires.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use trine_core::later::later;

#[derive(Debug, Default)]
pub(crate) struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
    /// When everything must be over; it stays through [`Clock::clear`].
    last: Option<Instant>,
}

/// Which time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Stage,
    Total,
}

impl Clock {
    /// Begins a stage.
    pub(crate) fn start(&mut self, patience: Duration) {
        self.deadline = Some(later(Instant::now(), patience));
    }

    /// Begins a stage unless one runs.
    pub(crate) fn go_on(&mut self, patience: Duration) {
        if self.deadline.is_none() {
            self.start(patience);
        }
    }

    /// Nobody waits for the upstream.
    pub(crate) fn clear(&mut self) {
        self.deadline = None;
    }

    pub(crate) fn set_last(&mut self, last: Option<Instant>) {
        self.last = last;
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        let (at, over) = match (self.deadline, self.last) {
            (Some(stage), Some(last)) if stage <= last => (stage, Over::Stage),
            (Some(stage), None) => (stage, Over::Stage),
            (_, Some(last)) => (last, Over::Total),
            (None, None) => return Poll::Pending,
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        loop {
            match sleep.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if at <= Instant::now() => return Poll::Ready(over),
                Poll::Ready(()) => sleep.as_mut().reset(at),
            }
        }
    }
}
