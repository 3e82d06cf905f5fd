//! The deadlines of a connection.

use std::task::{Context, Poll};

use tokio::time::Instant;
use trine_core::later::later;

use crate::config::limits::Limits;
use crate::transport::timer::LazySleep;

/// A deadline that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// A frame or a header block was not completed.
    Head,
    /// The client did not read.
    Write,
    /// There was no stream for a while.
    Idle,
    /// The client was silent for a while. A PING has to be sent.
    Silence,
    /// The client did not respond to the PING.
    Ping,
    /// A stream waited for too long.
    Streams,
}

/// The state of the connection, on which its deadlines depend.
#[derive(Debug)]
pub(super) struct Status {
    /// The number of bytes that were received.
    pub(super) received: u64,
    /// Identifies a frame or a header block that is incomplete.
    pub(super) incomplete: Option<u64>,
    pub(super) write_deadline: Option<Instant>,
    /// Whether there are open streams.
    pub(super) open: bool,
    /// The number of streams so far, so that a stream which began and ended since the last poll is
    /// noticed.
    pub(super) streams_begun: u64,
    pub(super) closing: bool,
}

/// The deadlines of a connection.
#[derive(Debug)]
pub(super) struct Deadlines {
    sleep: LazySleep,
    head: Option<(u64, Instant)>,
    /// Since when there is no stream, and whether the connection was closing by then.
    idle: Option<(Instant, bool)>,
    streams_begun: u64,
    received: u64,
    last_received: Instant,
    ping_sent: Option<Instant>,
    /// The earliest deadline of a stream. The stream may have moved it since.
    streams: Option<Instant>,
}

impl Deadlines {
    pub(super) fn new(limits: &Limits) -> Deadlines {
        let now = Instant::now();
        Deadlines {
            sleep: LazySleep::new(limits.keep_alive_timeout),
            head: None,
            idle: None,
            streams_begun: 0,
            received: 0,
            last_received: now,
            ping_sent: None,
            streams: None,
        }
    }

    /// Adds the deadline of a stream.
    pub(super) fn add_stream(&mut self, at: Instant) {
        self.streams = Some(self.streams.map_or(at, |earlier| earlier.min(at)));
    }

    /// Removes the deadlines of all streams. Streams that still have one must be added again.
    pub(super) fn clear_streams(&mut self) {
        self.streams = None;
    }

    /// Updates the deadlines. Ready with the deadline that has passed; call it until it is pending.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        status: &Status,
        limits: &Limits,
    ) -> Poll<Expired> {
        let now = Instant::now();
        if status.received != self.received {
            self.received = status.received;
            self.last_received = now;
            self.ping_sent = None;
        }
        match (status.incomplete, self.head) {
            (Some(frame), Some((begun, _))) if frame == begun => {}
            (Some(frame), _) => self.head = Some((frame, later(now, limits.head_timeout))),
            (None, _) => self.head = None,
        }
        if status.open || status.streams_begun != self.streams_begun {
            self.streams_begun = status.streams_begun;
            self.idle = None;
        }
        if !status.open && self.idle.is_none_or(|(_, closing)| closing != status.closing) {
            self.idle = Some((now, status.closing));
        }
        let idle_timeout =
            if status.closing { limits.discard_timeout } else { limits.keep_alive_timeout };
        let ping = status.open.then(|| match self.ping_sent {
            Some(sent) => (later(sent, limits.http2.ping_timeout), Expired::Ping),
            None => (later(self.last_received, limits.http2.ping_interval), Expired::Silence),
        });
        let deadlines = [
            self.head.map(|(_, at)| (at, Expired::Head)),
            status.write_deadline.map(|at| (at, Expired::Write)),
            self.idle.map(|(since, _)| (later(since, idle_timeout), Expired::Idle)),
            self.streams.map(|at| (at, Expired::Streams)),
            ping,
        ];
        let Some((at, expired)) = deadlines.into_iter().flatten().min_by_key(|(at, _)| *at) else {
            return Poll::Pending;
        };
        if self.sleep.poll(cx, at).is_pending() {
            return Poll::Pending;
        }
        match expired {
            Expired::Silence => self.ping_sent = Some(now),
            Expired::Idle => self.idle = None,
            Expired::Head | Expired::Write | Expired::Ping | Expired::Streams => {}
        }
        Poll::Ready(expired)
    }
}
