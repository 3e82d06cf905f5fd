//! The rules of RFC 9110 that hold for every version of HTTP. A request that is refused over one
//! protocol is refused over the others too: each protocol parses its own syntax, and then checks
//! the request here.
//!
//! This file has the rules for request heads. Their test cases are in
//! `tests/it/strictness/heads.rs` and run over each protocol.
//!
//! - [`budget`]: the minimum rate of a peer
//! - [`response`]: which responses have a body, and their length; [`refusal`]: the responses of the
//!   engine itself; [`date`]: their Date
//! - [`trailers`], `connection_fields`, `cookies`, `huffman`: rules for fields
//! - [`https`]: layers that lead clients to HTTPS

pub(crate) mod budget;
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) mod connection_fields;
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) mod cookies;
pub(crate) mod date;
pub mod https;
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) mod huffman;
pub(crate) mod refusal;
pub(crate) mod response;
pub(crate) mod trailers;

use http::Method;
use http::uri::Scheme;
use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::error::RequestError;
use crate::forwarded::network::Network;

/// Checks that a target is a path with a query, or the `*` of OPTIONS (RFC 9110, 7.1). `http::Uri`
/// accepts more.
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn target(target: &[u8], method: &Method, longest: usize) -> Result<(), RequestError> {
    if target.len() > longest {
        return Err(RequestError::TargetTooLong);
    }
    if !is_unambiguous(target) {
        return Err(RequestError::Target);
    }
    match target {
        [b'/', ..] => Ok(()),
        b"*" => asterisk(method),
        _ => Err(RequestError::TargetForm),
    }
}

/// Checks the method of the target `*`, which refers to the server itself (RFC 9110, 7.1).
pub(crate) fn asterisk(method: &Method) -> Result<(), RequestError> {
    if *method == Method::OPTIONS { Ok(()) } else { Err(RequestError::TargetForm) }
}

/// Whether a target is unambiguous: it has no byte beyond ASCII, no fragment, and no backslash in
/// its path.
///
/// Browsers encode bytes beyond ASCII and turn a backslash into `/`. A later party that does the
/// same would see another path. In a query a backslash stays a backslash.
pub(crate) fn is_unambiguous(target: &[u8]) -> bool {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    target.is_ascii() && !target.contains(&b'#') && !path.contains(&b'\\')
}

/// Checks a `host[:port]`, which is never empty for `http` and `https` (RFC 9110, 4.2.1 and 7.2).
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn host(host: &[u8]) -> Result<(), RequestError> {
    if !crate::h1::codec::host::valid_host(host) { Err(RequestError::HostInvalid) } else { Ok(()) }
}

/// Checks a Content-Length: digits, and only once (RFC 9110, 8.6). `seen` is the value of an
/// earlier field.
#[inline]
pub(crate) fn length(seen: &mut Option<u64>, value: &[u8]) -> Result<(), RequestError> {
    let length = decimal(value).ok_or(RequestError::LengthInvalid)?;
    if seen.replace(length).is_some() { Err(RequestError::LengthRepeated) } else { Ok(()) }
}

/// Checks an Expect field, whose only value is `100-continue` (RFC 9110, 10.1.1).
#[inline]
pub(crate) fn expectation(value: &[u8]) -> Result<(), RequestError> {
    if value.eq_ignore_ascii_case(b"100-continue") {
        Ok(())
    } else {
        Err(RequestError::Expectation)
    }
}

/// Checks that the scheme of a target matches the connection (RFC 9110, 7.4). Otherwise, a service
/// that reads the target would take a request in clear text for one over TLS.
///
/// A trusted proxy may name the scheme that its client used. So may a proxy that sends PROXY
/// headers, because its listener accepts only such proxies.
pub(crate) fn scheme(
    scheme: &Scheme,
    info: &ConnInfo,
    limits: &Limits,
) -> Result<(), RequestError> {
    let secure = if *scheme == Scheme::HTTPS {
        true
    } else if *scheme == Scheme::HTTP {
        false
    } else {
        return Err(RequestError::TargetForm);
    };
    if secure == info.secure || is_trusted(info, limits) {
        Ok(())
    } else {
        Err(RequestError::SchemeDiffers)
    }
}

/// Every request behind a proxy that ends TLS is checked.
fn is_trusted(info: &ConnInfo, limits: &Limits) -> bool {
    info.proxied || Network::any_contains(&limits.trusted_proxies, info)
}

/// The scheme `http` or `https`, in upper or lower case (RFC 3986, 3.1). `None` for other schemes.
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn known_scheme(text: &[u8]) -> Option<Scheme> {
    if text.eq_ignore_ascii_case(b"https") {
        Some(Scheme::HTTPS)
    } else if text.eq_ignore_ascii_case(b"http") {
        Some(Scheme::HTTP)
    } else {
        None
    }
}

/// Whether a later party reads a field as we do: its name is a token, and its value has no space
/// around it (RFC 9110, 5.1 and 5.5).
///
/// HTTP/1 strips such space, so a later party would see another value. The crate `http` allows
/// quotation marks in names.
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn field(name: &http::HeaderName, value: &http::HeaderValue) -> bool {
    let space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let value = value.as_bytes();
    !space(value.first()) && !space(value.last()) && !name.as_str().contains('"')
}

/// Parses decimal digits only: no sign, no list, no space, no overflow (RFC 9110, 8.6).
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_digits_and_nothing_else() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in
            ["", "+5", "-1", "5 ", " 5", "5,5", "0x5", "5_0", "18446744073709551616", "\u{665}"]
        {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
