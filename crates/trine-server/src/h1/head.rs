//! Bytes to request. The head is parsed where it lies; URI and header values are slices of it, never copies.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use smallvec::SmallVec;
use trine_core::Body;

use super::framing::{Facts, Framing};
use super::host::valid_host;
use super::name;
use crate::error::RequestError;

/// The most header fields that [`Limits::headers`] can allow: their places are on the stack while a head is parsed.
pub(crate) const MOST_HEADERS: usize = 256;

/// The longest target that `http::Uri` can hold.
pub(crate) const LONGEST_TARGET: usize = 65_534;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) bytes: usize,
    pub(crate) headers: usize,
    pub(crate) target: usize,
}

/// A request whose body is still to come.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) request: Request<Body>,
    pub(crate) framing: Framing,
    /// The bytes as they came, kept only when the request asks for an upgrade: another server may take it over.
    pub(crate) raw: Option<Bytes>,
}

/// Takes one head off the front of `input` and puts it into `out`: it is too large to be handed back through results.
/// `Ok(false)` when it is not complete yet.
///
/// `headers` is asked for an empty map, most often a recycled one.
pub(crate) fn parse(
    input: &mut BytesMut,
    limits: &Limits,
    headers: impl FnOnce() -> HeaderMap,
    out: &mut Option<Head>,
) -> Result<bool, RequestError> {
    skip_empty_lines(input)?;
    let mut fields = Fields::new();
    let Some(line) = scan(input, limits, &mut fields)? else { return Ok(false) };
    let head = input.split_to(line.len).freeze();

    let mut request = Request::new(Body::empty());
    *request.headers_mut() = headers();
    let mut facts = Facts::default();
    fill(request.headers_mut(), &mut facts, &head, &fields)?;
    *request.uri_mut() = target(&line.method, head.slice(line.target))?;
    replace_host(&mut request, &line.method, &facts)?;
    let framing = facts.settle(&line.method, line.old)?;
    *request.version_mut() = if line.old { Version::HTTP_10 } else { Version::HTTP_11 };
    *request.method_mut() = line.method;
    let raw = framing.terms.upgrade.then_some(head);
    *out = Some(Head { request, framing, raw });
    Ok(true)
}

/// The same, handed back.
#[cfg(any(test, fuzzing))]
pub(crate) fn read(input: &mut BytesMut, limits: &Limits) -> Result<Option<Head>, RequestError> {
    let mut head = None;
    let whole = parse(input, limits, HeaderMap::new, &mut head)?;
    assert_eq!(whole, head.is_some());
    Ok(head)
}

/// Whether bytes that came after a partial head can complete it: only an empty line does.
///
/// Without this a head that trickles in byte by byte would be parsed anew for each of them.
pub(crate) fn may_be_complete(input: &[u8], parsed_before: usize) -> bool {
    let new = &input[parsed_before.saturating_sub(3).min(input.len())..];
    memchr::memchr_iter(b'\n', new).any(|at| matches!(new[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// What the parser found, as places in the buffer.
struct Line {
    len: usize,
    method: Method,
    target: Range<usize>,
    old: bool,
}

type Fields = SmallVec<[Field; 24]>;

struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

fn scan(input: &[u8], limits: &Limits, fields: &mut Fields) -> Result<Option<Line>, RequestError> {
    let mut slots = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let slots = &mut slots[..limits.headers.min(MOST_HEADERS)];
    let mut parsed = httparse::Request::new(&mut []);
    let len = match parsed.parse_with_uninit_headers(input, slots) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return partial(input, limits),
        // Which version it is not, only the whole line tells: 505 and 400 must not depend on how the bytes were cut.
        Err(httparse::Error::Version) if memchr::memchr(b'\n', input).is_none() => {
            return partial(input, limits);
        }
        Err(error) => return Err(refusal(error, input)),
    };
    let place = |part: &[u8]| {
        let start = part.as_ptr().addr() - input.as_ptr().addr();
        start..start + part.len()
    };
    let target = parsed.path.unwrap_or_default();
    if target.len() > limits.target {
        return Err(RequestError::TargetTooLong);
    }
    if len > limits.bytes {
        return Err(RequestError::HeadTooLarge);
    }
    let method =
        Method::from_bytes(parsed.method.unwrap_or_default().as_bytes()).map_err(|_| RequestError::Method)?;

    for header in parsed.headers.iter() {
        let name = place(header.name.as_bytes());
        ends_with_crlf(&input[..name.start])?;
        fields.push(Field { name, value: place(header.value) });
    }
    ends_with_crlf(&input[..len])?;
    ends_with_crlf(&input[..len - 2])?;
    Ok(Some(Line { len, method, target: place(target.as_bytes()), old: parsed.version == Some(0) }))
}

// The parser accepts a bare LF as the end of a line; the next party in a chain may not (RFC 9112, 2.2).
fn ends_with_crlf(lines: &[u8]) -> Result<(), RequestError> {
    if lines.ends_with(b"\r\n") { Ok(()) } else { Err(RequestError::LineEnd) }
}

// Some clients send an empty line after a body; it is ignored before a request line (RFC 9112, 2.2).
fn skip_empty_lines(input: &mut BytesMut) -> Result<(), RequestError> {
    while input.starts_with(b"\r\n") {
        input.advance(2);
    }
    if input.first() == Some(&b'\n') { Err(RequestError::LineEnd) } else { Ok(()) }
}

fn fill(map: &mut HeaderMap, facts: &mut Facts, head: &Bytes, fields: &[Field]) -> Result<(), RequestError> {
    map.reserve(fields.len());
    for field in fields {
        let (name, role) = name::lookup(&head[field.name.clone()])?;
        let value = HeaderValue::from_maybe_shared(head.slice(field.value.clone()))
            .map_err(|_| RequestError::HeaderValue)?;
        if role != name::Role::Plain {
            facts.see(role, &value)?;
        }
        map.append(name, value);
    }
    Ok(())
}

/// The four forms of RFC 9112, 3.2.
fn target(method: &Method, raw: Bytes) -> Result<Uri, RequestError> {
    let len = raw.len();
    if *method == Method::CONNECT {
        let authority = Authority::from_maybe_shared(raw).map_err(|_| RequestError::TargetForm)?;
        if authority.port().is_none() || !valid_host(authority.as_str().as_bytes()) {
            return Err(RequestError::TargetForm);
        }
        return Ok(Uri::from(authority));
    }
    let origin = raw.first() == Some(&b'/');
    if !origin && *raw == *b"*" && *method != Method::OPTIONS {
        return Err(RequestError::TargetForm);
    }
    let ascii = raw.is_ascii();
    let uri = Uri::from_maybe_shared(raw).map_err(|_| RequestError::Target)?;
    // The type lets both pass. A browser encodes the one and turns the other into `/`: with a backslash in it, the path
    // would be another one for who does the same behind us.
    if !ascii || memchr::memchr(b'\\', uri.path().as_bytes()).is_some() {
        return Err(RequestError::Target);
    }
    if origin {
        // The type cuts a fragment off silently; a request target has none.
        let whole = uri.path_and_query().is_some_and(|path| path.as_str().len() == len);
        return if whole { Ok(uri) } else { Err(RequestError::Target) };
    }
    absolute(uri, len)
}

#[cold]
fn absolute(uri: Uri, len: usize) -> Result<Uri, RequestError> {
    if uri == "*" && len == 1 {
        return Ok(uri);
    }
    let web = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
    let Some(authority) = uri.authority().filter(|_| web) else { return Err(RequestError::TargetForm) };
    let before_path = uri.scheme_str().map_or(0, str::len) + "://".len() + authority.as_str().len();
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    // An absent path reads as `/`.
    let whole = before_path + path == len || before_path == len;
    if !whole || authority.as_str().is_empty() || !valid_host(authority.as_str().as_bytes()) {
        return Err(RequestError::Target);
    }
    Ok(uri)
}

// The authority of the target wins over the Host header (RFC 9112, 3.2.2), so that nothing behind us can be told two
// different hosts.
fn replace_host(request: &mut Request<Body>, method: &Method, facts: &Facts) -> Result<(), RequestError> {
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    if *method == Method::CONNECT || !facts.has_host() {
        return Ok(());
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| RequestError::Target)?;
    request.headers_mut().insert(HOST, host);
    Ok(())
}

fn partial(input: &[u8], limits: &Limits) -> Result<Option<Line>, RequestError> {
    if input.len() < limits.bytes {
        return Ok(None);
    }
    match memchr::memchr(b'\n', input) {
        Some(_) => Err(RequestError::HeadTooLarge),
        None => Err(RequestError::TargetTooLong),
    }
}

#[cold]
fn refusal(error: httparse::Error, input: &[u8]) -> RequestError {
    use httparse::Error as E;
    match error {
        E::HeaderName => RequestError::HeaderName,
        E::HeaderValue => RequestError::HeaderValue,
        E::NewLine => RequestError::LineEnd,
        E::TooManyHeaders => RequestError::TooManyHeaders,
        E::Version => {
            // `HTTP/2.0` is a version, `b HTTP/1.1` and `FTP/1.0` are not.
            let line = input.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
            match line.splitn(3, |byte| *byte == b' ').last() {
                Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) => RequestError::Version,
                _ => RequestError::RequestLine,
            }
        }
        E::Token | E::Status => RequestError::RequestLine,
    }
}

#[cfg(test)]
mod tests;
