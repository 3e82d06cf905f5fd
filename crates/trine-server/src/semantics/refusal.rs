//! The body of a response that the engine sends itself.

use http::{HeaderValue, StatusCode};

/// The media type of [`problem`].
pub(crate) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A problem document (RFC 9457).
///
/// `detail` is always a text of the engine. It contains no quotation mark, backslash or control
/// character that JSON would have to escape.
#[cold]
pub(crate) fn problem(status: StatusCode, detail: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    format!(
        r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{detail}"}}"#,
        status.as_u16()
    )
}
