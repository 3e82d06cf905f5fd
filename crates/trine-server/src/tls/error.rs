//! Errors in the TLS settings.

use std::fmt::{Display, Formatter};

/// Why a listener cannot speak TLS: where the mistake is, what was expected, and what was found.
///
/// ```
/// use trine_server::tls::Tls;
///
/// let error = Tls::from_pem("", "").check().unwrap_err();
/// assert_eq!(error.location(), "the PEM text");
/// assert!(error.text().ends_with("got an empty file"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    location: String,
    text: String,
}

impl TlsError {
    pub(super) fn new(location: impl Display, text: impl Into<String>) -> TlsError {
        TlsError { location: location.to_string(), text: text.into() }
    }

    /// The file, the setting, or the method that has the mistake.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// What was expected, what was found, and what to do.
    ///
    /// ```
    /// use trine_server::tls::Tls;
    ///
    /// let error = Tls::from_pem("no certificate", "no key").check().unwrap_err();
    /// assert_eq!(error.to_string(), format!("{}: {}", error.location(), error.text()));
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Display for TlsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.location, self.text)
    }
}

impl std::error::Error for TlsError {}
