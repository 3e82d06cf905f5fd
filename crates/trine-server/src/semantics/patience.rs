//! How long a connection waits for a peer that reads slowly, and how it notices one that is gone
//! while nobody reads.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::config::limits::Limits;
use crate::transport::io::Io;
use crate::transport::timer::{Side, Timer};
use crate::transport::wire::Gone;

/// How much of its `write_timeout` a client has used up. Only waiting counts, and what it takes
/// buys time back.
///
/// It goes on from one answer to the next: many small answers that are each read slowly are one
/// slow reader.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    used: Duration,
    since: Option<Instant>,
}

impl Pace {
    /// The system takes no more bytes.
    pub(crate) fn wait(&mut self, timer: &mut Timer, limits: &Limits) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            timer.set(Side::Write, limits.write_timeout.saturating_sub(self.used));
        }
    }

    /// It took some.
    pub(crate) fn go_on(&mut self, timer: &mut Timer, bytes: usize, limits: &Limits) {
        if self.since.is_none() && self.used.is_zero() {
            return;
        }
        if let Some(since) = self.since.take() {
            timer.clear(Side::Write);
            self.used += since.elapsed();
        }
        let bought = (bytes as u64).saturating_mul(1000).checked_div(limits.min_write_rate);
        self.used = self.used.saturating_sub(bought.map_or(Duration::MAX, Duration::from_millis));
    }
}

/// Looks for a reset now and then, while nothing is read: behind a FIN, or while enough waits to be
/// understood.
///
/// The socket is readable all that time, so that its readiness cannot be waited for; and taking
/// that readiness away would lose the wake-up of the next read. It is one call to the system a
/// second, and only of connections that have a request in hand.
#[derive(Debug, Default)]
pub(crate) struct Look(Option<Pin<Box<Sleep>>>);

const PERIOD: Duration = Duration::from_secs(1);

impl Look {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, io: &impl Io) -> Poll<Gone> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(PERIOD)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            if io.is_reset() {
                return Poll::Ready(Gone);
            }
            sleep.as_mut().reset(Instant::now() + PERIOD);
        }
    }
}
