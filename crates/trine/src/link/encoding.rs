//! How the parts of a link are percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::dispatch::router::template::NOT_IN_PATHS;

/// Everything but the unreserved characters of RFC 3986 section 2.3, so that every party reads a
/// value the same way.
pub(super) const NOT_IN_VALUES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The characters that a template may contain unencoded and a URI may not.
pub(super) const NOT_IN_TEXT: &AsciiSet = &NOT_IN_PATHS.add(b'{').add(b'}');

/// Describes the mistake in a path that has a segment `.` or `..`; `None` if it has none.
///
/// Clients remove these segments before they send the request, even if the dots are
/// percent-encoded (RFC 3986 section 5.2.4 and the WHATWG URL standard). The link would lead to
/// another handler.
pub(super) fn dot_segment(path: &str) -> Option<String> {
    let segment = path.split('/').find(|segment| matches!(*segment, "." | ".."))?;
    Some(format!("it has a segment `{segment}`, which clients remove from a URI"))
}
