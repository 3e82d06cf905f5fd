//! How long a connection waits for a peer that reads slowly, and how it notices one that is gone
//! while nobody reads.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::ServerConfig;
use crate::transport::timer::{Side, Timer};

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
    pub(crate) fn wait(&mut self, timer: &mut Timer, config: &ServerConfig) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            timer.set(Side::Write, config.write_timeout.saturating_sub(self.used));
        }
    }

    /// It took some.
    pub(crate) fn go_on(&mut self, timer: &mut Timer, bytes: usize, config: &ServerConfig) {
        if self.since.is_none() && self.used.is_zero() {
            return;
        }
        if let Some(since) = self.since.take() {
            timer.clear(Side::Write);
            self.used += since.elapsed();
        }
        let bought = (bytes as u64).saturating_mul(1000).checked_div(config.min_write_rate);
        self.used = self.used.saturating_sub(bought.map_or(Duration::MAX, Duration::from_millis));
    }
}
