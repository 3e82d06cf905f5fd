//! Parses a request head in place. The URI and the header values are slices of the input, never
//! copies.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use trine_core::Body;
use trine_unchecked::header_value;

use super::framing::{Framing, FramingHeaders};
use super::host::valid_host;
use super::name;
use super::scan::{self, Field, Fields, Line};
use crate::config::limits::HeadLimits;
use crate::error::RequestError;
use crate::semantics;

/// A request whose body has not been read.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) request: Request<Body>,
    pub(crate) framing: Framing,
}

/// Takes one head off the front of `input` and puts it into `out`, because it is too large to be
/// returned through results. Returns `Ok(false)` if the head is not complete yet.
///
/// `lend` may replace the empty header map by one that has capacity.
// Not inlined: within the loop of the connection, both would get fewer registers, which costs a
// hundred instructions.
#[inline(never)]
pub(crate) fn parse(
    input: &mut BytesMut,
    limits: &HeadLimits,
    lend: impl FnOnce(&mut HeaderMap),
    out: &mut Option<Head>,
) -> Result<bool, RequestError> {
    let mut fields = Fields::new();
    let Some((line, len)) = lines(input, limits, &mut fields)? else { return Ok(false) };
    let head = input.split_to(len).freeze();

    let framing = Framing::NONE;
    let Head { request, framing } =
        out.insert(Head { request: Request::new(Body::empty()), framing });
    lend(request.headers_mut());
    let mut framing_headers = FramingHeaders::default();
    fill(request.headers_mut(), &mut framing_headers, &head, &fields)?;
    *request.uri_mut() = target(&line, &head)?;
    replace_host(request, &line.method, &framing_headers)?;
    *framing = framing_headers.resolve(&line.method, line.http10)?;
    if line.http10 {
        *request.version_mut() = Version::HTTP_10;
    }
    *request.method_mut() = line.method;
    Ok(true)
}

/// Like [`parse`], but returns the head. Empty lines before it are skipped.
#[cfg(any(test, fuzzing))]
pub(crate) fn read(
    input: &mut BytesMut,
    limits: &HeadLimits,
) -> Result<Option<Head>, RequestError> {
    let mut head = None;
    skip_empty_lines(input, &mut 0)?;
    let whole = parse(input, limits, |_| {}, &mut head)?;
    assert_eq!(whole, head.is_some());
    Ok(head)
}

/// Whether it is worth parsing a partial head again after more bytes arrived. It is if they may
/// complete the head, which takes an empty line; if they end the request line, which may be
/// invalid; if they make the method too long; and for the first few bytes, which may not be HTTP at
/// all.
///
/// Without this check, a head that arrives byte by byte would be parsed again for each byte.
pub(crate) fn is_worth_parsing(input: &[u8], parsed_before: usize) -> bool {
    let before = parsed_before.min(input.len());
    if before < USUAL_METHOD {
        return true;
    }
    let (old, new) = input.split_at(before);
    match memchr::memchr(b'\n', new) {
        None => before <= scan::LONGEST_METHOD && input.len() > scan::LONGEST_METHOD,
        Some(_) => may_be_complete(input, before) || memchr::memchr(b'\n', old).is_none(),
    }
}

fn may_be_complete(input: &[u8], parsed_before: usize) -> bool {
    let new = &input[parsed_before.saturating_sub(3).min(input.len())..];
    memchr::memchr_iter(b'\n', new)
        .any(|at| matches!(new[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// All methods in use are shorter than this. Up to this length, every new byte is checked.
const USUAL_METHOD: usize = 24;

const MOST_EMPTY_LINES: usize = 8;

/// The request line of a complete head, and the length of the head. `None` if it is not complete.
fn lines(
    input: &[u8],
    limits: &HeadLimits,
    fields: &mut Fields,
) -> Result<Option<(Line, usize)>, RequestError> {
    let Some(line) = scan::line(input)? else { return partial(input, limits) };
    let most = limits.headers.min(HeadLimits::MAX_HEADERS);
    let Some(len) = scan::fields(input, line.end, most, fields)? else {
        return partial(input, limits);
    };
    if line.target.len() > limits.target {
        return Err(RequestError::TargetTooLong);
    }
    if len > limits.bytes {
        return Err(RequestError::HeadTooLarge);
    }
    Ok(Some((line, len)))
}

/// Skips empty lines before a request line (RFC 9112, 2.2). Some clients send one after a body.
/// Their number is limited, because a client could otherwise send empty lines for ever.
///
/// `skipped` counts the empty lines before one request.
#[inline]
pub(crate) fn skip_empty_lines(
    input: &mut BytesMut,
    skipped: &mut usize,
) -> Result<(), RequestError> {
    while input.starts_with(b"\r\n") {
        input.advance(2);
        *skipped += 1;
        if *skipped > MOST_EMPTY_LINES {
            return Err(RequestError::EmptyLines);
        }
    }
    if input.first() == Some(&b'\n') { Err(RequestError::LineEnd) } else { Ok(()) }
}

fn fill(
    map: &mut HeaderMap,
    framing_headers: &mut FramingHeaders,
    head: &Bytes,
    fields: &[Field],
) -> Result<(), RequestError> {
    map.reserve(fields.len());
    for field in fields {
        let (name, role) = name::lookup(&head[field.name()])?;
        let value = header_value(head.slice(field.value())).ok_or(RequestError::HeaderValue)?;
        if role != name::Role::Plain {
            framing_headers.add(role, &value)?;
        }
        map.append(name, value);
    }
    Ok(())
}

/// The four forms of RFC 9112, 3.2.
fn target(line: &Line, head: &Bytes) -> Result<Uri, RequestError> {
    let raw = head.slice(line.target.clone());
    if line.method == Method::CONNECT {
        return authority(raw);
    }
    match raw.first() {
        Some(b'/') if line.plain || is_acceptable(&raw) => {
            PathAndQuery::from_maybe_shared(raw).map(Uri::from).map_err(|_| RequestError::Target)
        }
        Some(b'/') => Err(RequestError::Target),
        _ => absolute(raw, line),
    }
}

/// Whether a target is acceptable although it contains unusual bytes: backslashes in its query are.
#[cold]
fn is_acceptable(target: &[u8]) -> bool {
    semantics::is_unambiguous(target)
}

#[cold]
fn authority(raw: Bytes) -> Result<Uri, RequestError> {
    let authority = Authority::from_maybe_shared(raw).map_err(|_| RequestError::TargetForm)?;
    if authority.port().is_none() || !valid_host(authority.as_str().as_bytes()) {
        return Err(RequestError::TargetForm);
    }
    Ok(Uri::from(authority))
}

#[cold]
fn absolute(raw: Bytes, line: &Line) -> Result<Uri, RequestError> {
    let len = raw.len();
    if *raw == *b"*" {
        semantics::asterisk(&line.method)?;
    }
    let plain = line.plain || is_acceptable(&raw);
    let uri = Uri::from_maybe_shared(raw).map_err(|_| RequestError::Target)?;
    if !plain {
        return Err(RequestError::Target);
    }
    if uri == "*" && len == 1 {
        return Ok(uri);
    }
    let web = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
    let Some(authority) = uri.authority().filter(|_| web) else {
        return Err(RequestError::TargetForm);
    };
    let before_path = uri.scheme_str().map_or(0, str::len) + "://".len() + authority.as_str().len();
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    // An absent path reads as `/`.
    let whole = before_path + path == len || before_path == len;
    if !whole || !valid_host(authority.as_str().as_bytes()) {
        return Err(RequestError::Target);
    }
    Ok(uri)
}

// The authority of the target replaces the Host header (RFC 9112, 3.2.2), so that no later party
// sees two different hosts.
fn replace_host(
    request: &mut Request<Body>,
    method: &Method,
    framing_headers: &FramingHeaders,
) -> Result<(), RequestError> {
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    if *method == Method::CONNECT || !framing_headers.has_host() {
        return Ok(());
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| RequestError::Target)?;
    request.headers_mut().insert(HOST, host);
    Ok(())
}

fn partial<T>(input: &[u8], limits: &HeadLimits) -> Result<Option<T>, RequestError> {
    if input.len() < limits.bytes { Ok(None) } else { Err(too_large(input, limits)) }
}

/// The part that is too large in a head that has reached its limit without an end.
#[cold]
fn too_large(input: &[u8], limits: &HeadLimits) -> RequestError {
    let line_end = memchr::memchr(b'\n', input);
    let mut parts =
        input[..line_end.unwrap_or(input.len())].splitn(3, |byte| *byte == b' ').skip(1);
    match (parts.next(), parts.next()) {
        (Some(target), _) if target.len() > limits.target => RequestError::TargetTooLong,
        _ if line_end.is_some() => RequestError::HeadTooLarge,
        // The target has no end, so the target makes the head too large, whatever its own limit is
        // (RFC 9112, 3).
        (Some(_), None) => RequestError::TargetTooLong,
        // The target has ended, and the rest of the line may still become valid.
        (Some(_), Some(version)) if version.len() < "HTTP/1.1\r\n".len() => {
            RequestError::HeadTooLarge
        }
        _ => RequestError::RequestLine,
    }
}

#[cfg(test)]
mod tests;
