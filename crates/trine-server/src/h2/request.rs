//! Checks a request of h2 against the same rules as a request of HTTP/1.
//!
//! h2 itself resets a stream with `PROTOCOL_ERROR` if its request has connection fields, upper-case
//! letters in a name, wrong or missing pseudo fields, or a Content-Length that differs from its
//! body (RFC 9113, 8.1 to 8.3).

use http::header::{CONTENT_LENGTH, EXPECT, HOST};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::error::RequestError;
use crate::semantics;
use crate::semantics::cookies::join_cookies;
use trine_core::upgrade::Protocol;

/// The authority of the last request. Most often the next request has the same one, which is then
/// known to be valid and can be shared.
#[derive(Debug, Default)]
pub(super) struct LastHost(Option<HeaderValue>);

/// Checks a request, and adds what services expect: a Host field, and a single Cookie field.
pub(super) fn check<B>(
    request: &mut Request<B>,
    info: &ConnInfo,
    limits: &Limits,
    last: &mut LastHost,
) -> Result<(), RequestError> {
    let length = fields(request.headers())?;
    let repeated = request.headers().len() != request.headers().keys_len();
    target(request, info, limits)?;
    host(request, repeated, last)?;
    if repeated {
        join_cookies(request.headers_mut());
    }
    // The same number of fields as in HTTP/1: `:authority` has become Host, and there is one
    // Cookie.
    if request.headers().len() > limits.head.headers {
        return Err(RequestError::TooManyHeaders);
    }
    if *request.method() == Method::CONNECT {
        connect(request, length)?;
    }
    Ok(())
}

/// Refuses fields that h2 accepts and HTTP/1 does not. Returns the declared length.
fn fields(headers: &HeaderMap) -> Result<Option<u64>, RequestError> {
    let mut length = None;
    for (name, value) in headers {
        if !semantics::field(name, value) {
            return Err(RequestError::Field);
        }
        if *name == CONTENT_LENGTH {
            semantics::length(&mut length, value.as_bytes())?;
        } else if *name == EXPECT {
            semantics::expectation(value.as_bytes())?;
        }
    }
    Ok(length)
}

fn target<B>(
    request: &mut Request<B>,
    info: &ConnInfo,
    limits: &Limits,
) -> Result<(), RequestError> {
    if let Some(scheme) = request.uri().scheme() {
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            rename_scheme(request.uri_mut())?;
        }
        if let Some(scheme) = request.uri().scheme() {
            semantics::scheme(scheme, info, limits)?;
        }
    }
    let Some(target) = request.uri().path_and_query() else { return Ok(()) };
    semantics::target(target.as_str().as_bytes(), request.method(), limits.head.target)
}

/// Normalizes the scheme, because the crate `http` does not treat `HTTP` as `http`.
#[cold]
fn rename_scheme(uri: &mut Uri) -> Result<(), RequestError> {
    let mut parts = std::mem::take(uri).into_parts();
    let named = parts
        .scheme
        .as_ref()
        .and_then(|scheme| semantics::known_scheme(scheme.as_str().as_bytes()));
    parts.scheme = Some(named.ok_or(RequestError::TargetForm)?);
    *uri = Uri::from_parts(parts).map_err(|_| RequestError::TargetForm)?;
    Ok(())
}

/// `:authority` and Host must not differ (RFC 9113, 8.3.1), and one of them must be present. Host
/// is then always set, because services that know only HTTP/1 look for it.
fn host<B>(
    request: &mut Request<B>,
    repeated: bool,
    last: &mut LastHost,
) -> Result<(), RequestError> {
    if repeated && request.headers().get_all(HOST).iter().nth(1).is_some() {
        return Err(RequestError::HostRepeated);
    }
    let declared = request.headers().get(HOST);
    let Some(authority) = request.uri().authority() else {
        return match declared {
            None => Err(RequestError::HostMissing),
            Some(host) => semantics::host(host.as_bytes()),
        };
    };
    let authority = authority.as_str().as_bytes();
    if declared.is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority)) {
        return Err(RequestError::HostDiffers);
    }
    let host = match &last.0 {
        Some(host) if host.as_bytes() == authority => host.clone(),
        _ => new_host(authority, last)?,
    };
    request.headers_mut().insert(HOST, host);
    Ok(())
}

#[cold]
fn new_host(authority: &[u8], last: &mut LastHost) -> Result<HeaderValue, RequestError> {
    semantics::host(authority)?;
    let host = HeaderValue::from_bytes(authority).map_err(|_| RequestError::HostInvalid)?;
    Ok(last.0.insert(host).clone())
}

/// A plain CONNECT names a host and a port. An extended CONNECT has a protocol instead (RFC 8441,
/// 4).
#[cold]
fn connect<B>(request: &mut Request<B>, length: Option<u64>) -> Result<(), RequestError> {
    if length.is_some_and(|length| length > 0) {
        return Err(RequestError::ConnectWithBody);
    }
    let protocol = request.extensions_mut().remove::<h2::ext::Protocol>();
    if let Some(protocol) = protocol {
        request.extensions_mut().insert(Protocol::new(protocol.as_str()));
    } else if request.uri().port().is_none() {
        return Err(RequestError::TargetForm);
    }
    Ok(())
}
