//! A number of bytes.

use std::borrow::Cow;

use super::units;
use super::{FromConfig, Value};

/// A number of bytes, written with or without a unit: `65536`, `64KiB`, `2MB`.
///
/// ```
/// use trine::config::{FromConfig, Size, Value};
///
/// let size = Size::from_config(Value::of("2MiB")).unwrap();
/// assert_eq!(size.bytes(), 2 * 1024 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// The number of bytes.
    ///
    /// ```
    /// assert_eq!(trine::config::Size(64 * 1024).bytes(), 65_536);
    /// ```
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromConfig for Size {
    fn expected() -> Cow<'static, str> {
        units::BYTES.expected.into()
    }

    fn from_config(value: Value<'_>) -> Option<Self> {
        (units::BYTES.parse)(value.text()?).map(Size)
    }
}
