//! Points in time.

use serde::{Serialize, Serializer};

/// Milliseconds since 1970 in the database, and `2026-11-22T19:17:00.000Z` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The current time of the system clock.
    #[must_use]
    pub fn now() -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::from_millisecond(self.0).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&format_args!("{time:.3}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_has_three_digits_of_a_second() {
        let json = |millis| serde_json::to_string(&Timestamp(millis)).unwrap();
        assert_eq!(json(0), "\"1970-01-01T00:00:00.000Z\"");
        assert_eq!(json(1_795_375_020_070), "\"2026-11-22T19:17:00.070Z\"");
    }
}
