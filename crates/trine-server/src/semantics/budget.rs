//! How long a peer may keep us waiting, given the configured minimum rate.

use std::time::Duration;

use tokio::time::Instant;

/// The part of a timeout that a peer has used up. Only the time in which we wait for the peer
/// counts, and bytes that the peer sends or takes buy time back.
///
/// A budget can span several waits: many small pieces that are each slow are one slow peer.
#[derive(Debug, Default)]
pub(crate) struct WaitBudget {
    used: Duration,
    /// The timeout of the last wait. If a busy worker notices the end of a wait late, the peer is
    /// not charged more than this.
    timeout: Duration,
    /// When the current wait began.
    since: Option<Instant>,
}

impl WaitBudget {
    /// Begins a wait. Returns the rest of `timeout`, or `None` if a wait is under way already.
    #[inline]
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<Duration> {
        if self.since.is_some() {
            return None;
        }
        self.since = Some(Instant::now());
        self.timeout = timeout;
        Some(timeout.saturating_sub(self.used))
    }

    /// Ends the wait, because `bytes` went through. Each `min_rate` of them buy back one second; if
    /// `min_rate` is 0, the whole timeout is bought back. Returns whether there was a wait.
    #[inline]
    pub(crate) fn progress(&mut self, bytes: usize, min_rate: u64) -> bool {
        if self.since.is_none() && self.used.is_zero() {
            return false;
        }
        self.buy_back(bytes, min_rate)
    }

    fn buy_back(&mut self, bytes: usize, min_rate: u64) -> bool {
        let since = self.since.take();
        if let Some(since) = since {
            self.used = self.used.saturating_add(since.elapsed()).min(self.timeout);
        }
        let millis = (bytes as u64).saturating_mul(1000).checked_div(min_rate);
        self.used = self.used.saturating_sub(millis.map_or(Duration::MAX, Duration::from_millis));
        since.is_some()
    }

    /// When the current wait exceeds `timeout`. `None` if there is no wait.
    #[cfg(feature = "http2")]
    pub(crate) fn deadline(&self, timeout: Duration) -> Option<Instant> {
        let left = timeout.saturating_sub(self.used);
        self.since.map(|since| trine_core::later::later(since, left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn only_waiting_uses_up_the_budget_and_bytes_refill_it() {
        let mut budget = WaitBudget::default();
        assert!(!budget.progress(1, 240));
        assert_eq!(budget.wait(TIMEOUT), Some(TIMEOUT));
        assert_eq!(budget.wait(TIMEOUT), None);
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(budget.progress(1200, 240));
        // Nothing is waited for.
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(budget.wait(TIMEOUT), Some(Duration::from_secs(15)));
        assert!(budget.progress(usize::MAX, 1));
        assert_eq!(budget.wait(TIMEOUT), Some(TIMEOUT));
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert!(budget.progress(1, 0));
        assert_eq!(budget.wait(TIMEOUT), Some(TIMEOUT));
        // The worker was busy: the bytes had arrived in time.
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(budget.progress(1200, 240));
        assert_eq!(budget.wait(TIMEOUT), Some(Duration::from_secs(5)));
    }
}
