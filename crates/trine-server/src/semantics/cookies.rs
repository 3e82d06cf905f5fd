//! Joins Cookie fields.

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// Joins several Cookie fields into one. Browsers may send each cookie in a field of its own, which
/// compresses better, but services expect one field (RFC 9113, 8.2.3; RFC 9114, 4.2.1).
#[cold]
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    // An empty field would leave a space at the end, which an HTTP/1 server behind us strips.
    let whole: Vec<&[u8]> = crumbs.into_iter().filter(|crumb| !crumb.is_empty()).collect();
    if let Ok(cookies) = HeaderValue::from_bytes(&whole.join(&b"; "[..])) {
        headers.insert(COOKIE, cookies);
    }
}
