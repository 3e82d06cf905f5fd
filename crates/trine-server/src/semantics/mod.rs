//! What a request head must keep to whatever protocol brings it (RFC 9110): one set of rules, so
//! that what one protocol refuses does not come in by another. Each protocol reads its own syntax,
//! then asks here.
//!
//! The cases stand in `tests/it/strictness/heads.rs`, and run over each protocol.

#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) mod cookies;
pub(crate) mod date;
pub mod https;
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) mod huffman;
pub(crate) mod patience;

use http::Method;
use http::uri::Scheme;
use trine_core::ConnInfo;

use crate::config::ServerConfig;
use crate::error::RequestError;
use crate::forwarded;
use crate::h1::codec::framing::decimal;

/// A path with its query, or the `*` of OPTIONS (RFC 9110, 7.1). `http::Uri` takes more.
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn target(target: &[u8], method: &Method, longest: usize) -> Result<(), RequestError> {
    if target.len() > longest {
        return Err(RequestError::TargetTooLong);
    }
    if !characters(target) {
        return Err(RequestError::Target);
    }
    match target {
        [b'/', ..] => Ok(()),
        b"*" => asterisk(method),
        _ => Err(RequestError::TargetForm),
    }
}

/// It asks about the server itself (RFC 9110, 7.1).
pub(crate) fn asterisk(method: &Method) -> Result<(), RequestError> {
    if *method == Method::OPTIONS { Ok(()) } else { Err(RequestError::TargetForm) }
}

/// Whether a target has nothing in it that others read in another way: a byte that is not ASCII, a
/// fragment, a backslash in its path.
///
/// A browser encodes a byte that is not ASCII and turns a backslash into `/`: with one in it, the
/// path would be another one for who does the same behind us. In a query it stays what it is.
pub(crate) fn characters(target: &[u8]) -> bool {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    target.is_ascii() && !target.contains(&b'#') && !path.contains(&b'\\')
}

/// `host[:port]`, which is never empty for `http` and `https` (RFC 9110, 4.2.1 and 7.2).
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn host(host: &[u8]) -> Result<(), RequestError> {
    if !crate::h1::codec::host::valid_host(host) { Err(RequestError::HostInvalid) } else { Ok(()) }
}

/// Content-Length: digits, once (RFC 9110, 8.6). `seen` is what an earlier one said.
#[inline]
pub(crate) fn length(seen: &mut Option<u64>, value: &[u8]) -> Result<(), RequestError> {
    let length = decimal(value).ok_or(RequestError::LengthInvalid)?;
    if seen.replace(length).is_some() { Err(RequestError::LengthRepeated) } else { Ok(()) }
}

/// The one expectation that there is (RFC 9110, 10.1.1).
#[inline]
pub(crate) fn expectation(value: &[u8]) -> Result<(), RequestError> {
    if value.eq_ignore_ascii_case(b"100-continue") {
        Ok(())
    } else {
        Err(RequestError::Expectation)
    }
}

/// A scheme that is named must be that of the connection (RFC 9110, 7.4): `https` in clear text
/// would be believed by whoever asks the target. A proxy that is trusted may name what its own
/// client spoke, and so may one that says for whom the connection is: a listener that takes PROXY
/// headers is for such proxies alone.
pub(crate) fn scheme(
    scheme: &Scheme,
    info: &ConnInfo,
    config: &ServerConfig,
) -> Result<(), RequestError> {
    let secure = if *scheme == Scheme::HTTPS {
        true
    } else if *scheme == Scheme::HTTP {
        false
    } else {
        return Err(RequestError::TargetForm);
    };
    if secure == info.secure || is_trusted(info, config) {
        Ok(())
    } else {
        Err(RequestError::SchemeDiffers)
    }
}

/// Asked for each request behind a proxy that ends TLS.
fn is_trusted(info: &ConnInfo, config: &ServerConfig) -> bool {
    info.proxied || forwarded::is_one_of(&config.trusted_proxies, info)
}

/// The scheme that is written like this, in any case (RFC 3986, 3.1). `None` for those of other
/// protocols.
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

/// Whether a field is one that a later party reads as it is: a name that is a token, a value
/// without space around it (RFC 9110, 5.1 and 5.5). HTTP/1 strips such space, so that another value
/// would be seen behind us; the crate `http` takes a quotation mark for a part of a name.
#[cfg(any(feature = "http2", feature = "http3"))]
pub(crate) fn field(name: &http::HeaderName, value: &http::HeaderValue) -> bool {
    let space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let value = value.as_bytes();
    !space(value.first()) && !space(value.last()) && !name.as_str().contains('"')
}
