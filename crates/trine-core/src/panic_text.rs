//! The text of a panic.

use std::any::Any;

/// The text that a panic was raised with. A payload that is not text has none.
///
/// ```
/// let payload = std::panic::catch_unwind(|| panic!("row {} is missing", 7)).unwrap_err();
/// assert_eq!(trine_core::panic_text(&*payload), "row 7 is missing");
/// ```
#[must_use]
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
