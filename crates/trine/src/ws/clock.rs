//! The one timer of a socket. It is moved when it fires, not when something happens.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};
use trine_core::later::later;
use trine_websocket::WebSocketConfig;

use super::queue::Taken;

#[derive(Debug)]
pub(super) struct Clock {
    sleep: Pin<Box<Sleep>>,
    /// When the peer last gave a sign of life.
    heard: Instant,
    /// When it was asked for one.
    asked: Option<Instant>,
    /// When the last message that is not empty came or went.
    spoke: Instant,
    /// Since when the peer has taken nothing of what waits for it.
    blocked: Option<Instant>,
    /// When the first goodbye was said.
    closing: Option<Instant>,
}

/// What the time has come for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Ping,
    Idle,
    LetGo(&'static str),
}

impl Clock {
    pub(super) fn new(config: &WebSocketConfig) -> Clock {
        let now = Instant::now();
        let first = config.heartbeat_interval.min(config.idle_timeout);
        Clock {
            sleep: Box::pin(sleep_until(later(now, first))),
            heard: now,
            asked: None,
            spoke: now,
            blocked: None,
            closing: None,
        }
    }

    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
        self.asked = None;
    }

    pub(super) fn spoke(&mut self) {
        self.spoke = Instant::now();
    }

    pub(super) fn pinged(&mut self) {
        self.asked = Some(Instant::now());
    }

    pub(super) fn wrote(&mut self, taken: &Taken, all: bool) {
        let now = Instant::now();
        // Pongs, which the peer has for its pings, are no messages.
        if taken.said > 0 {
            self.spoke = now;
        }
        self.blocked = match self.blocked {
            _ if all => None,
            Some(since) if taken.all == 0 => Some(since),
            _ => Some(now),
        };
    }

    pub(super) fn closing(&mut self) {
        self.closing.get_or_insert_with(Instant::now);
    }

    /// Ready with what is due. `waits` where the peer cannot be heard, as a message of it waits to
    /// be taken.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &WebSocketConfig,
        waits: bool,
    ) -> Poll<Due> {
        loop {
            let (at, due) = self.next(config, waits);
            if at < self.sleep.deadline() {
                self.sleep.as_mut().reset(at);
            }
            ready!(self.sleep.as_mut().poll(cx));
            if Instant::now() >= at {
                return Poll::Ready(due);
            }
            self.sleep.as_mut().reset(at);
        }
    }

    fn next(&self, config: &WebSocketConfig, waits: bool) -> (Instant, Due) {
        let mut next = match self.closing {
            Some(since) => {
                let why = "it did not answer our close within `close_timeout`";
                (later(since, config.close_timeout), Due::LetGo(why))
            }
            None => (later(self.spoke, config.idle_timeout), Due::Idle),
        };
        let mut earlier = |at: Instant, due: Due| {
            if at < next.0 {
                next = (at, due);
            }
        };
        if let Some(since) = self.blocked {
            let why = "it did not read within `write_timeout`";
            earlier(later(since, config.write_timeout), Due::LetGo(why));
        }
        if self.closing.is_none() && !waits {
            match self.asked {
                None => earlier(later(self.heard, config.heartbeat_interval), Due::Ping),
                Some(asked) => {
                    let why = "it gave no sign of life within `pong_timeout`";
                    earlier(later(asked, config.pong_timeout), Due::LetGo(why));
                }
            }
        }
        next
    }
}
