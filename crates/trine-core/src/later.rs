//! Moments that exist, whatever a configuration says of how far away they are.

use std::ops::Add;
use std::time::Duration;

/// As good as never, and still a moment: thirty years.
pub const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The moment that lies `wait` after `now`, but at most [`NEVER`] after it.
///
/// `Duration::MAX` in a configuration means that a time never ends. Added to the present it is no
/// moment, and the addition panics: all times that somebody may configure are added here.
#[inline]
pub fn later<M: Add<Duration, Output = M>>(now: M, wait: Duration) -> M {
    now + wait.min(NEVER)
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;

    #[test]
    fn the_longest_time_has_a_moment_at_its_end() {
        let (now, clock) = (Instant::now(), SystemTime::now());
        assert_eq!(later(now, Duration::MAX), now + NEVER);
        assert_eq!(later(clock, Duration::MAX), clock + NEVER);
        assert_eq!(later(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        // A second one behind it is a moment too.
        assert!(later(later(now, Duration::MAX), Duration::MAX) > later(now, Duration::MAX));
    }
}
