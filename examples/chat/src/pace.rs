//! Limits how fast a visitor can send messages.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// One message every two seconds, after a burst of up to five.
const EVERY: Duration = Duration::from_secs(2);
const AT_ONCE: u32 = 5;

/// The message rate of one visitor.
pub(crate) struct Pace {
    /// The messages so far have used up the allowed rate until this time.
    paid: Instant,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { paid: Instant::now() }
    }
}

impl Pace {
    /// Waits until the next message is due.
    pub(crate) async fn wait(&mut self) {
        let now = Instant::now();
        self.paid = self.paid.max(now) + EVERY;
        sleep((self.paid - now).saturating_sub(EVERY * AT_ONCE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn five_come_at_once_and_the_rest_one_by_one() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut came = Vec::new();
        for _ in 0..8 {
            pace.wait().await;
            came.push(start.elapsed().as_secs());
        }
        assert_eq!(came, [0, 0, 0, 0, 0, 2, 4, 6]);
        sleep(Duration::from_secs(60)).await;
        let silence = start.elapsed().as_secs();
        for _ in 0..6 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed().as_secs(), silence + 2);
    }
}
