//! One timer per connection, which is armed lazily: a stage only stores its deadline. A timer that
//! is still armed for an earlier stage notices the new deadline when it fires.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use trine_core::later::later;

/// The deadline of the current stage of a request, and of the whole request.
#[derive(Debug, Default)]
pub(crate) struct StageTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    stage: Option<Instant>,
    /// The deadline of the whole request. [`StageTimer::stop`] leaves it running.
    request: Option<Instant>,
}

/// The deadline that has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    Stage,
    Request,
}

impl StageTimer {
    /// Starts a stage.
    pub(crate) fn start(&mut self, timeout: Duration) {
        self.stage = Some(later(Instant::now(), timeout));
    }

    /// Starts a stage unless one is running.
    pub(crate) fn start_once(&mut self, timeout: Duration) {
        if self.stage.is_none() {
            self.start(timeout);
        }
    }

    /// Ends the stage: nothing waits for the upstream now.
    pub(crate) fn stop(&mut self) {
        self.stage = None;
    }

    /// Sets the deadline of the whole request.
    pub(crate) fn set_deadline(&mut self, request: Option<Instant>) {
        self.request = request;
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        let (at, expired) = match (self.stage, self.request) {
            (Some(stage), Some(request)) if stage <= request => (stage, Expired::Stage),
            (Some(stage), None) => (stage, Expired::Stage),
            (_, Some(request)) => (request, Expired::Request),
            (None, None) => return Poll::Pending,
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        loop {
            match sleep.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if at <= Instant::now() => return Poll::Ready(expired),
                Poll::Ready(()) => sleep.as_mut().reset(at),
            }
        }
    }
}
