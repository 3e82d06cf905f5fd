//! The rules for sending a request again.

use std::sync::atomic::{AtomicU32, Ordering};

use http::Method;

use crate::config::limits::Limits;

/// Whether sending the request twice has the effect of sending it once (RFC 9110, 9.2.2). Unknown
/// methods are not idempotent.
pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" | "QUERY")
}

/// The number of retries that are left. Each request adds a fraction of a retry, so that retries do
/// not multiply the load on an upstream in trouble.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU32);

/// One retry, in hundredths: requests add percents.
const RETRY: u32 = 100;
const FULL: u32 = 10 * RETRY;

impl RetryBudget {
    pub(crate) fn earn(&self, limits: &Limits) {
        // A full budget, the usual case, is not written, so that cores do not contend for it.
        let had = self.0.load(Ordering::Relaxed);
        if had < FULL {
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |had| {
                Some(had.saturating_add(limits.retry_percent).min(FULL))
            });
        }
    }

    pub(crate) fn spend(&self) -> bool {
        let spent =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |had| had.checked_sub(RETRY));
        spent.is_ok()
    }
}

impl Default for RetryBudget {
    fn default() -> RetryBudget {
        RetryBudget(AtomicU32::new(FULL))
    }
}
