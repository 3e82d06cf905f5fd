//! What a connection does when a deadline passes.

use std::task::{Context, Poll};

use h2::Reason;
use tokio::time::Instant;

use super::Driver;
use crate::h2::deadlines::{Expired, Status};
use crate::seam::HttpService;
use crate::seam::panics::caught;
use crate::transport::io::Io;

impl<I: Io, S: HttpService> Driver<I, S> {
    /// Handles the deadlines that have passed. Ready when the connection ends at once.
    pub(super) fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // A tunnel has no slot, but h2 still knows its stream.
            let open = self.open_streams() > 0 || self.h2.has_streams();
            let status = {
                let wire = self.wire.state();
                Status {
                    received: wire.received,
                    incomplete: wire.frames.incomplete(),
                    write_deadline: wire.write_budget.deadline(self.limits.write_timeout),
                    open,
                    streams_begun: self.streams_begun,
                    closing: self.closing,
                }
            };
            let Poll::Ready(expired) = self.deadlines.poll(cx, &status, &self.limits) else {
                return Poll::Pending;
            };
            match expired {
                Expired::Head => {
                    tracing::debug!("a request head did not arrive in time; the connection ends");
                    self.abort(Reason::ENHANCE_YOUR_CALM);
                    return Poll::Pending;
                }
                Expired::Write => {
                    tracing::debug!(
                        "a client did not read its responses in time; the connection ends"
                    );
                    self.linger = false;
                    return Poll::Ready(());
                }
                Expired::Idle if self.closing => {
                    self.linger = false;
                    return Poll::Ready(());
                }
                Expired::Idle => {
                    self.close();
                    self.waker.wake_by_ref();
                    return Poll::Pending;
                }
                Expired::Silence => {
                    if let Some(pings) = &mut self.pings {
                        // The response to the last PING must be taken first. If a PING is on its
                        // way already, that one suffices.
                        let _ = pings.poll_pong(cx);
                        let _ = pings.send_ping(h2::Ping::opaque());
                    }
                }
                Expired::Ping => {
                    tracing::debug!("a client did not respond to a PING; the connection ends");
                    self.linger = false;
                    return Poll::Ready(());
                }
                Expired::Streams => self.expire_streams(),
            }
        }
    }

    /// Ends the streams whose deadlines have passed.
    fn expire_streams(&mut self) {
        let now = Instant::now();
        self.deadlines.clear_streams();
        for key in 0..self.slots.len() {
            if self.slots[key].stream.expire(now, &self.limits) {
                self.current = Some(key);
                if caught(|| self.end(key)).is_err() {
                    self.after_panic();
                }
            } else if let Some(at) = self.slots[key].stream.deadline(&self.limits) {
                self.deadlines.add_stream(at);
            }
        }
        self.waker.wake_by_ref();
    }
}
