//! The only timer of a socket. It is reset when it fires, so that messages cost it nothing.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};
use trine_core::later::later;
use trine_websocket::WebSocketConfig;

use super::queue::Written;

#[derive(Debug)]
pub(super) struct SocketTimer {
    sleep: Pin<Box<Sleep>>,
    /// When bytes were last received.
    last_received: Instant,
    /// When the ping was sent that has not been answered yet.
    ping_sent: Option<Instant>,
    /// When a non-empty message was last received, or partly sent.
    last_message: Instant,
    /// When the peer stopped reading the bytes that wait for it.
    blocked_since: Option<Instant>,
    /// When the first side closed the connection.
    closing_since: Option<Instant>,
}

/// The action for which a timeout has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimerAction {
    SendPing,
    CloseIdle,
    /// Drop the connection, for this reason.
    Drop(&'static str),
}

impl SocketTimer {
    pub(super) fn new(config: &WebSocketConfig) -> SocketTimer {
        let now = Instant::now();
        let first = config.heartbeat_interval.min(config.idle_timeout);
        SocketTimer {
            sleep: Box::pin(sleep_until(later(now, first))),
            last_received: now,
            ping_sent: None,
            last_message: now,
            blocked_since: None,
            closing_since: None,
        }
    }

    pub(super) fn on_bytes_received(&mut self) {
        self.last_received = Instant::now();
        self.ping_sent = None;
    }

    pub(super) fn on_message_received(&mut self) {
        self.last_message = Instant::now();
    }

    pub(super) fn on_ping_sent(&mut self) {
        self.ping_sent = Some(Instant::now());
    }

    /// `complete` if no bytes wait any more.
    pub(super) fn on_written(&mut self, written: &Written, complete: bool) {
        let now = Instant::now();
        // Pongs do not count as messages, since a peer gets them for its pings.
        if written.message_bytes > 0 {
            self.last_message = now;
        }
        self.blocked_since = match self.blocked_since {
            _ if complete => None,
            Some(since) if written.bytes == 0 => Some(since),
            _ => Some(now),
        };
    }

    pub(super) fn on_closing(&mut self) {
        self.closing_since.get_or_insert_with(Instant::now);
    }

    /// Ready with the action of an expired timeout. `reading_paused` if nothing is read from the
    /// peer at present, because the function has not taken the last message.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &WebSocketConfig,
        reading_paused: bool,
    ) -> Poll<TimerAction> {
        loop {
            let (deadline, action) = self.next(config, reading_paused);
            if deadline < self.sleep.deadline() {
                self.sleep.as_mut().reset(deadline);
            }
            ready!(self.sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(action);
            }
            self.sleep.as_mut().reset(deadline);
        }
    }

    /// The earliest deadline, and its action.
    fn next(&self, config: &WebSocketConfig, reading_paused: bool) -> (Instant, TimerAction) {
        let mut next = match self.closing_since {
            Some(since) => {
                let reason = "the peer did not answer the close frame within `close_timeout`";
                (later(since, config.close_timeout), TimerAction::Drop(reason))
            }
            None => (later(self.last_message, config.idle_timeout), TimerAction::CloseIdle),
        };
        let mut add = |deadline: Instant, action: TimerAction| {
            if deadline < next.0 {
                next = (deadline, action);
            }
        };
        if let Some(since) = self.blocked_since {
            let reason = "the peer did not read within `write_timeout`";
            add(later(since, config.write_timeout), TimerAction::Drop(reason));
        }
        if self.closing_since.is_none() && !reading_paused {
            match self.ping_sent {
                None => {
                    let deadline = later(self.last_received, config.heartbeat_interval);
                    add(deadline, TimerAction::SendPing);
                }
                Some(since) => {
                    let reason = "the peer sent nothing within `pong_timeout`";
                    add(later(since, config.pong_timeout), TimerAction::Drop(reason));
                }
            }
        }
        next
    }
}
