//! The host that a request asks for.

use http::header::{HOST, HeaderMap, HeaderValue};
use http::uri::Uri;

use crate::error::Fault;

/// The host of the target, which takes precedence, or the host in the field `Host` (RFC 9112,
/// 3.2.2).
///
/// # Errors
/// [`Fault::Host`] if there are two hosts, or if readers could disagree about the host.
pub(super) fn host(uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
    if let Some(authority) = uri.authority() {
        let (_, host) = authority.as_str().rsplit_once('@').unwrap_or(("", authority.as_str()));
        let plain = Some(host).filter(|host| is_plain_host(host.as_bytes()));
        return plain
            .and_then(|host| HeaderValue::from_str(host).ok())
            .map(Some)
            .ok_or(Fault::Host);
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Fault::Host);
    }
    match host {
        Some(host) if !is_plain_host(host.as_bytes()) => Err(Fault::Host),
        Some(host) if host.is_empty() => Ok(None),
        host => Ok(host.cloned()),
    }
}

/// Whether every reader understands these bytes as the same host. The grammar allows `;` and `=` in
/// a host (RFC 3986, 3.2.2), but no real host has them, and some upstreams search for `;proto=` in
/// a `Forwarded` field without regard to its quotes.
pub(super) fn is_plain_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%!$&'()*+".contains(byte))
}
