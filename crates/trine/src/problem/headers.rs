//! The header fields of a response that replaces another.

use http::{HeaderMap, HeaderName, header};
use trine_core::Response;
use trine_core::problem::vary;

use crate::extract::put_cookies_before;

/// Adds the fields that a response lacks, except those that describe the body it had. `Vary` gets
/// the names of both.
pub(crate) fn add_missing(response: &mut Response, fields: &HeaderMap) {
    put_cookies_before(
        response.headers_mut(),
        fields.get_all(header::SET_COOKIE).iter().cloned().collect(),
    );
    let had = response.headers().clone();
    for value in fields.get_all(header::VARY) {
        let names = value.to_str().unwrap_or_default().split(',').map(str::trim);
        for name in names.filter_map(|name| name.parse().ok()) {
            vary(response.headers_mut(), name);
        }
    }
    for (name, value) in fields {
        if !had.contains_key(name) && name != header::VARY && !ABOUT_THE_BODY.contains(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
}

const ABOUT_THE_BODY: [HeaderName; 10] = [
    header::ACCEPT_RANGES,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::TRANSFER_ENCODING,
];
