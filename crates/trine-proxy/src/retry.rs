//! Whether a request may be sent again.

use std::sync::atomic::{AtomicU32, Ordering};

use http::Method;

use crate::config::ProxyConfig;

/// Whether sending it twice does what sending it once does (RFC 9110, 9.2.2). What is not known is
/// not.
pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" | "QUERY")
}

/// The retries that requests have earned: an upstream in trouble is not given a multiple of its
/// load.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

/// In hundredths, as percents are added.
const RETRY: u32 = 100;
const FULL: u32 = 10 * RETRY;

impl Budget {
    pub(crate) fn earn(&self, config: &ProxyConfig) {
        // A full one, which is the rule, is not written: other cores read it too.
        let had = self.0.load(Ordering::Relaxed);
        if had < FULL {
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |had| {
                Some(had.saturating_add(config.retry_percent).min(FULL))
            });
        }
    }

    pub(crate) fn spend(&self) -> bool {
        let spent =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |had| had.checked_sub(RETRY));
        spent.is_ok()
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget(AtomicU32::new(FULL))
    }
}
