//! Points in time that can be represented, however long the configured duration is.

use std::ops::Add;
use std::time::Duration;

/// Thirty years: practically never, but short enough to be added to the current time.
pub const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The point in time `wait` after `now`, but at most [`NEVER`] after it.
///
/// `Duration::MAX` in a configuration means "no timeout", and adding it to the current time would
/// panic. So every configurable duration is added with this function.
#[inline]
pub fn later<M: Add<Duration, Output = M>>(now: M, wait: Duration) -> M {
    now + wait.min(NEVER)
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;

    #[test]
    fn the_longest_duration_does_not_overflow() {
        let (now, clock) = (Instant::now(), SystemTime::now());
        assert_eq!(later(now, Duration::MAX), now + NEVER);
        assert_eq!(later(clock, Duration::MAX), clock + NEVER);
        assert_eq!(later(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        // Another second can be added to it too.
        assert!(later(later(now, Duration::MAX), Duration::MAX) > later(now, Duration::MAX));
    }
}
