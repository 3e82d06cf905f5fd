//! The health of an upstream, by its responses and by its health check.
//!
//! ```text
//!            `eject_after` failures in a row            `eject_time` has passed
//!   Healthy ---------------------------------> Ejected -----------------> Trial: one request
//!     ^                                           ^                          |        |
//!     |                                           +-------- it fails --------+        |
//!     +------------------------------- it succeeds -----------------------------------+
//! ```

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use crate::config::limits::Limits;

/// The health of one upstream.
#[derive(Debug)]
pub(crate) struct Health {
    /// The number of failures in a row.
    failures: AtomicU32,
    /// The end of the ejection in milliseconds of [`now`]; 0 if it is not ejected.
    ejected_until: AtomicU64,
    /// The result of the health check; true without one.
    up: AtomicBool,
}

/// Whether an upstream may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Healthy,
    /// The ejection is over. A request that chooses the upstream must call [`Health::begin_trial`]
    /// first.
    Trial,
    Ejected,
    Down,
}

impl Health {
    pub(crate) fn verdict(&self) -> Verdict {
        if !self.up.load(Ordering::Relaxed) {
            return Verdict::Down;
        }
        match self.ejected_until.load(Ordering::Relaxed) {
            0 => Verdict::Healthy,
            until if until <= now() => Verdict::Trial,
            _ => Verdict::Ejected,
        }
    }

    /// Begins the trial: true for one request, and false for all others, for which the upstream
    /// stays ejected.
    pub(crate) fn begin_trial(&self, limits: &Limits) -> bool {
        let until = self.ejected_until.load(Ordering::Relaxed);
        until != 0
            && until <= now()
            && self
                .ejected_until
                .compare_exchange(until, ejection_end(limits), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    pub(crate) fn succeeded(&self, name: &str) {
        // Most requests write nothing here, so that cores do not contend for the cache line.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.ejected_until.load(Ordering::Relaxed) != 0 {
            self.ejected_until.store(0, Ordering::Relaxed);
            tracing::info!(upstream = name, "an ejected upstream answers again");
        }
    }

    pub(crate) fn failed(&self, name: &str, limits: &Limits) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if limits.eject_after == 0 || failures < limits.eject_after {
            return;
        }
        if self.ejected_until.swap(ejection_end(limits), Ordering::Relaxed) == 0 {
            tracing::warn!(upstream = name, failures, "an upstream is ejected");
        }
    }

    /// Stores the result of a health check. Returns whether it has changed.
    pub(crate) fn set_up(&self, up: bool) -> bool {
        if up {
            // The check is more recent than the failures.
            self.failures.store(0, Ordering::Relaxed);
            self.ejected_until.store(0, Ordering::Relaxed);
        }
        self.up.swap(up, Ordering::Relaxed) != up
    }
}

impl Default for Health {
    fn default() -> Health {
        Health {
            failures: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            up: AtomicBool::new(true),
        }
    }
}

fn ejection_end(limits: &Limits) -> u64 {
    now().saturating_add(u64::try_from(limits.eject_time.as_millis()).unwrap_or(u64::MAX))
}

/// The milliseconds since the first call, plus one, because 0 means "not ejected".
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX / 2) + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::ProxyConfig;

    #[test]
    fn an_upstream_can_be_ejected_forever() {
        for eject_time in [Duration::MAX, Duration::from_millis(u64::MAX)] {
            let config = ProxyConfig { eject_after: 1, eject_time, ..ProxyConfig::default() };
            let limits = Limits::new(config);
            let health = Health::default();
            health.failed("a", &limits);
            assert!(matches!(health.verdict(), Verdict::Ejected));
        }
    }
}
