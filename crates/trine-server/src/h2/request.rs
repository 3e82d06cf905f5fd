//! What h2 took for a request, held to the same rules as one of HTTP/1.
//!
//! h2 itself resets a stream with `PROTOCOL_ERROR` that has fields of a connection, upper case in a name, wrong or
//! missing pseudo fields, or a Content-Length that its body does not keep (RFC 9113, 8.1 to 8.3).

use http::header::{HOST, HeaderName};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request};

use super::Protocol;
use crate::config::ServerConfig;
use crate::cookies::join_cookies;
use crate::error::RequestError;
use crate::h1::host::valid_host;

/// The authority of the last request, which most often is that of the next one too: it is valid, and shared.
#[derive(Debug, Default)]
pub(super) struct LastHost(Option<HeaderValue>);

/// Checks a request, and gives it what services expect to find: a Host field, one Cookie field.
pub(super) fn check<B>(
    request: &mut Request<B>,
    config: &ServerConfig,
    last: &mut LastHost,
) -> Result<(), RequestError> {
    if !request.headers().iter().all(|(name, value)| field(name, value.as_bytes())) {
        return Err(RequestError::Field);
    }
    let repeated = request.headers().len() != request.headers().keys_len();
    target(request, config)?;
    host(request, repeated, last)?;
    if repeated {
        join_cookies(request.headers_mut());
    }
    // As many as HTTP/1 would take: `:authority` has become Host, crumbs one Cookie.
    if request.headers().len() > config.max_headers {
        return Err(RequestError::TooManyHeaders);
    }
    if *request.method() == Method::CONNECT {
        connect(request)?;
    }
    Ok(())
}

/// What h2 lets pass and HTTP/1 behind us would refuse, or see as another value (RFC 9113, 8.2.1). The crate `http` takes
/// a quotation mark for a part of a name.
fn field(name: &HeaderName, value: &[u8]) -> bool {
    let space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !space(value.first()) && !space(value.last()) && !name.as_str().contains('"')
}

fn target<B>(request: &Request<B>, config: &ServerConfig) -> Result<(), RequestError> {
    let uri = request.uri();
    if let Some(scheme) = uri.scheme()
        && *scheme != Scheme::HTTP
        && *scheme != Scheme::HTTPS
    {
        return Err(RequestError::TargetForm);
    }
    let Some(target) = uri.path_and_query().map(|target| target.as_str()) else { return Ok(()) };
    if target.len() > config.max_target_bytes {
        return Err(RequestError::TargetTooLong);
    }
    // What http::Uri lets pass and a URI has not; with a backslash in it, the path is another one for who turns it into
    // `/` as browsers do.
    if !target.is_ascii() || uri.path().as_bytes().contains(&b'\\') {
        return Err(RequestError::Target);
    }
    if target == "*" && *request.method() != Method::OPTIONS {
        return Err(RequestError::TargetForm);
    }
    Ok(())
}

/// `:authority` and Host must not differ (RFC 9113, 8.3.1), and one of them must be there. Services that know HTTP/1
/// alone look for Host, so it is there in any case.
fn host<B>(request: &mut Request<B>, repeated: bool, last: &mut LastHost) -> Result<(), RequestError> {
    if repeated && request.headers().get_all(HOST).iter().nth(1).is_some() {
        return Err(RequestError::HostRepeated);
    }
    let told = request.headers().get(HOST);
    let Some(authority) = request.uri().authority() else {
        return match told {
            None => Err(RequestError::HostMissing),
            Some(host) if host.is_empty() || !valid_host(host.as_bytes()) => Err(RequestError::HostInvalid),
            Some(_) => Ok(()),
        };
    };
    let authority = authority.as_str().as_bytes();
    if told.is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority)) {
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
    if authority.is_empty() || !valid_host(authority) {
        return Err(RequestError::HostInvalid);
    }
    let host = HeaderValue::from_bytes(authority).map_err(|_| RequestError::HostInvalid)?;
    Ok(last.0.insert(host).clone())
}

/// Plain CONNECT names a host and a port; the extended one has a protocol instead (RFC 8441, 4).
#[cold]
fn connect<B>(request: &mut Request<B>) -> Result<(), RequestError> {
    let protocol = request.extensions_mut().remove::<h2::ext::Protocol>();
    if let Some(protocol) = protocol {
        request.extensions_mut().insert(Protocol::new(protocol.as_str()));
    } else if request.uri().port().is_none() {
        return Err(RequestError::TargetForm);
    }
    Ok(())
}
