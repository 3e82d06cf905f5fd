//! Which responses have a body, and what Content-Length they declare (RFC 9110, 6.4.1 and 8.6).

use http::StatusCode;

/// Whether a response ends with its head: because of its status, because it responds to HEAD, or
/// because it opens the tunnel of a CONNECT.
#[inline]
pub(crate) fn has_no_body(status: StatusCode, head: bool, connect: bool) -> bool {
    head || matches!(status, StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT)
        || has_no_length(status, connect)
}

/// Responses that must not have a Content-Length.
#[inline]
fn has_no_length(status: StatusCode, connect: bool) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT || connect && status.is_success()
}

/// The Content-Length of a response.
///
/// `exact` is the length of the body, if it is known. `declared` is the Content-Length that the
/// service set. A response to HEAD declares the length that the same response to GET would have:
/// that is what the service declared, unless it supplied the body too.
#[inline]
pub(crate) fn content_length(
    status: StatusCode,
    head: bool,
    connect: bool,
    exact: Option<u64>,
    declared: Option<u64>,
) -> Option<u64> {
    if has_no_length(status, connect) {
        return None;
    }
    if status == StatusCode::RESET_CONTENT {
        // It has no body either, but clients do not know that without a length (RFC 9110, 15.3.6).
        return Some(0);
    }
    if head || status == StatusCode::NOT_MODIFIED {
        return exact.filter(|length| *length > 0).or(declared);
    }
    exact.or(declared)
}
