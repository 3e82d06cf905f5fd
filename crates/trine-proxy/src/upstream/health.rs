//! Whether an upstream is worth a request: what its answers say, and what its health check says.
//!
//! ```text
//!            `eject_after` failures in a row               `eject_time` over
//!   Closed ----------------------------------> Open(until) -----------------> one request tries it
//!     ^                                           ^                              |        |
//!     |                                           +----------- it fails ---------+        |
//!     +------------------------------- it succeeds ---------------------------------------+
//! ```

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use crate::config::ProxyConfig;

/// What is known of the health of one upstream.
#[derive(Debug)]
pub(crate) struct Health {
    /// Failures in a row.
    failures: AtomicU32,
    /// Milliseconds of [`now`] until which it is out; 0 where it is in.
    out_until: AtomicU64,
    /// What the health check says; true where there is none.
    up: AtomicBool,
}

/// The answer to whether an upstream may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Healthy,
    /// It was ejected, and its time is over: who takes it must say so by [`Health::begin_trial`].
    Trial,
    Ejected,
    Down,
}

impl Health {
    pub(crate) fn verdict(&self) -> Verdict {
        if !self.up.load(Ordering::Relaxed) {
            return Verdict::Down;
        }
        match self.out_until.load(Ordering::Relaxed) {
            0 => Verdict::Healthy,
            until if until <= now() => Verdict::Trial,
            _ => Verdict::Ejected,
        }
    }

    /// Takes the one trial; false where another request was faster. It stays out for others
    /// meanwhile.
    pub(crate) fn begin_trial(&self, config: &ProxyConfig) -> bool {
        let until = self.out_until.load(Ordering::Relaxed);
        until != 0
            && until <= now()
            && self
                .out_until
                .compare_exchange(until, out_until(config), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    pub(crate) fn succeeded(&self, name: &str) {
        // Most requests find both as they should be, and write nothing that other cores read.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.out_until.load(Ordering::Relaxed) != 0 {
            self.out_until.store(0, Ordering::Relaxed);
            tracing::info!(upstream = name, "an ejected upstream answers again");
        }
    }

    pub(crate) fn failed(&self, name: &str, config: &ProxyConfig) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if config.eject_after == 0 || failures < config.eject_after {
            return;
        }
        if self.out_until.swap(out_until(config), Ordering::Relaxed) == 0 {
            tracing::warn!(upstream = name, failures, "an upstream is ejected");
        }
    }

    /// What the health check found. True where that is a change.
    pub(crate) fn set_up(&self, up: bool) -> bool {
        if up {
            // The check says more than old failures do.
            self.failures.store(0, Ordering::Relaxed);
            self.out_until.store(0, Ordering::Relaxed);
        }
        self.up.swap(up, Ordering::Relaxed) != up
    }
}

impl Default for Health {
    fn default() -> Health {
        Health {
            failures: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
            up: AtomicBool::new(true),
        }
    }
}

fn out_until(config: &ProxyConfig) -> u64 {
    now().saturating_add(u64::try_from(config.eject_time.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since the first call, plus one: 0 means never.
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX / 2) + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_upstream_can_be_ejected_for_good() {
        for eject_time in [Duration::MAX, Duration::from_millis(u64::MAX)] {
            let config = ProxyConfig { eject_after: 1, eject_time, ..ProxyConfig::default() };
            let health = Health::default();
            health.failed("a", &config);
            assert!(matches!(health.verdict(), Verdict::Ejected));
        }
    }
}
