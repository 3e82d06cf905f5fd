//! Cookies as handlers know them.

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// A browser may send its cookies one by one, which compresses better; everybody else expects one
/// field (RFC 9113, 8.2.3; RFC 9114, 4.2.1).
#[cold]
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    // One of nothing would leave a space at the end, which HTTP/1 behind us strips.
    let whole: Vec<&[u8]> = crumbs.into_iter().filter(|crumb| !crumb.is_empty()).collect();
    if let Ok(cookies) = HeaderValue::from_bytes(&whole.join(&b"; "[..])) {
        headers.insert(COOKIE, cookies);
    }
}
