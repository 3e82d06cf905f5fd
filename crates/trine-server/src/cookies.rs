//! Cookies as handlers know them.

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// A browser may send its cookies one by one, which compresses better; everybody else expects one field
/// (RFC 9113, 8.2.3; RFC 9114, 4.2.1).
#[cold]
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookies) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, cookies);
    }
}
