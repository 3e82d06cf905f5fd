//! The functions that the expansion of `#[derive(Problem)]` calls.

use std::error::Error;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// A field that is the cause of an error, boxed or not.
pub trait AsCause {
    /// Returns the field as an error.
    fn as_cause(&self) -> &(dyn Error + 'static);
}

impl<E: Error + 'static> AsCause for E {
    fn as_cause(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsCause for dyn Error + Send + Sync {
    fn as_cause(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsCause for dyn Error + Send {
    fn as_cause(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsCause for dyn Error {
    fn as_cause(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsCause for super::Error {
    fn as_cause(&self) -> &(dyn Error + 'static) {
        &*self.0.error
    }
}

/// A status code, which the derive has checked.
#[must_use]
pub fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A field as a member of a problem. A value that cannot be written as JSON, such as a map whose
/// keys are not strings, becomes `null`.
pub fn member<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
