//! A text in a chain of errors.

use std::borrow::Cow;
use std::error::Error as StdError;

use trine_core::BoxError;

/// A text that was added to an error, or that is an error of its own.
#[derive(Debug)]
pub(super) struct ContextError {
    text: Cow<'static, str>,
    cause: Option<BoxError>,
}

impl ContextError {
    pub(super) fn boxed(text: Cow<'static, str>, cause: Option<BoxError>) -> BoxError {
        Box::new(ContextError { text, cause })
    }

    pub(super) fn into_parts(self) -> (Cow<'static, str>, Option<BoxError>) {
        (self.text, self.cause)
    }
}

impl std::fmt::Display for ContextError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for ContextError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
