//! What a connection waits for, and until when.

use std::task::{Context, Poll};

use tokio::time::Instant;
use trine_core::later::later;

use super::clock::Clock;
use crate::config::limits::Limits;

/// A time that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A frame or header block did not become complete.
    Head,
    /// The client does not read.
    Stall,
    /// There was no stream for long.
    Idle,
    /// Nothing was heard for long: the client is to be asked whether it is there.
    Ask,
    /// It did not answer.
    Dead,
    /// A stream waits for too long.
    Streams,
}

/// How the connection stands at the end of a turn.
#[derive(Debug)]
pub(super) struct Now {
    pub(super) received: u64,
    pub(super) incomplete: Option<u64>,
    pub(super) stall: Option<Instant>,
    pub(super) open: bool,
    /// Streams that were begun so far: one that ended in the same turn was there too.
    pub(super) begun: u64,
    pub(super) closing: bool,
}

#[derive(Debug)]
pub(super) struct Times {
    clock: Clock,
    head: Option<(u64, Instant)>,
    /// Since when there is no stream, and whether the connection was closing by then.
    idle: Option<(Instant, bool)>,
    begun: u64,
    received: u64,
    heard: Instant,
    asked: Option<Instant>,
    /// The earliest end of a stream's patience. It may have been put off since.
    streams: Option<Instant>,
}

impl Times {
    pub(super) fn new(limits: &Limits) -> Times {
        let now = Instant::now();
        Times {
            clock: Clock::new(limits.keep_alive_timeout),
            head: None,
            idle: None,
            begun: 0,
            received: 0,
            heard: now,
            asked: None,
            streams: None,
        }
    }

    /// A stream waits, at most until `at`.
    pub(super) fn stream(&mut self, at: Instant) {
        self.streams = Some(self.streams.map_or(at, |earlier| earlier.min(at)));
    }

    /// All streams are looked at, and say anew what they wait for.
    pub(super) fn clear_streams(&mut self) {
        self.streams = None;
    }

    /// Notes how the connection stands, and is ready with what is due. Call it until it is pending.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stands: &Now,
        limits: &Limits,
    ) -> Poll<Due> {
        let now = Instant::now();
        if stands.received != self.received {
            self.received = stands.received;
            self.heard = now;
            self.asked = None;
        }
        match (stands.incomplete, self.head) {
            (Some(frame), Some((begun, _))) if frame == begun => {}
            (Some(frame), _) => self.head = Some((frame, later(now, limits.head_timeout))),
            (None, _) => self.head = None,
        }
        if stands.open || stands.begun != self.begun {
            self.begun = stands.begun;
            self.idle = None;
        }
        if !stands.open && self.idle.is_none_or(|(_, closing)| closing != stands.closing) {
            self.idle = Some((now, stands.closing));
        }
        let patience =
            if stands.closing { limits.discard_timeout } else { limits.keep_alive_timeout };
        let ping = stands.open.then(|| match self.asked {
            Some(asked) => (later(asked, limits.http2.ping_timeout), Due::Dead),
            None => (later(self.heard, limits.http2.ping_interval), Due::Ask),
        });
        let all = [
            self.head.map(|(_, at)| (at, Due::Head)),
            stands.stall.map(|at| (at, Due::Stall)),
            self.idle.map(|(since, _)| (later(since, patience), Due::Idle)),
            self.streams.map(|at| (at, Due::Streams)),
            ping,
        ];
        let Some((at, due)) = all.into_iter().flatten().min_by_key(|(at, _)| *at) else {
            return Poll::Pending;
        };
        if self.clock.poll(cx, at).is_pending() {
            return Poll::Pending;
        }
        match due {
            Due::Ask => self.asked = Some(now),
            Due::Idle => self.idle = None,
            Due::Head | Due::Stall | Due::Dead | Due::Streams => {}
        }
        Poll::Ready(due)
    }
}
