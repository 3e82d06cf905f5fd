//! `Max-Forwards` (RFC 9110, 7.6.2): TRACE and OPTIONS requests for this proxy.

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, MAX_FORWARDS, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Response, StatusCode, request};
use trine_core::Body;

/// Decrements `Max-Forwards`. Returns the response if this proxy is the last recipient.
pub(crate) fn respond_if_last(parts: &mut request::Parts) -> Option<Response<Body>> {
    if parts.method != Method::TRACE && parts.method != Method::OPTIONS {
        return None;
    }
    let left: u32 = parts.headers.get(MAX_FORWARDS)?.to_str().ok()?.parse().ok()?;
    if let Some(left) = left.checked_sub(1) {
        parts.headers.insert(MAX_FORWARDS, HeaderValue::from(left));
        return None;
    }
    let mut response = Response::new(Body::empty());
    if parts.method == Method::TRACE {
        *response.body_mut() = Body::from(message(parts));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("message/http"));
    } else {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    Some(response)
}

/// The request as it was received, without credentials, which a script must not read back (RFC
/// 9110, 9.3.8).
fn message(parts: &request::Parts) -> Vec<u8> {
    let mut text = format!("{} {} {:?}\r\n", parts.method, parts.uri, parts.version).into_bytes();
    for (name, value) in &parts.headers {
        if ![AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
    }
    text.extend_from_slice(b"\r\n");
    text
}
