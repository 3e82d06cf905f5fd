//! What can be wrong with the settings of TLS.

use std::fmt::{Display, Formatter};

/// Why a listener cannot speak TLS: where, what was expected there, what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    place: String,
    text: String,
}

impl TlsError {
    pub(super) fn new(place: impl Display, text: impl Into<String>) -> TlsError {
        TlsError { place: place.to_string(), text: text.into() }
    }

    /// The file, or the call that gave the text.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What was expected, what came, what to do.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Display for TlsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl std::error::Error for TlsError {}
