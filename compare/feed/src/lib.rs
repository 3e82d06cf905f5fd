//! One text to everybody who listens, ten times a second, as server-sent events: what a delivery costs.

use std::time::Duration;

/// Between two messages.
pub const EVERY: Duration = Duration::from_millis(100);

/// 32 bytes.
pub const MESSAGE: &str = "{\"symbol\":\"ACME\",\"price\":129400}";

/// Messages that may wait for one subscriber.
pub const QUEUE: usize = 256;
