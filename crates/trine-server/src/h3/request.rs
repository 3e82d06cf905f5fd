//! Fields to request, and which requests are malformed (RFC 9114, 4.2 and 4.3).

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use trine_core::Body;
use trine_unchecked::header_value;

use super::code::{Code, Fault};
use super::qpack::{self, Field};
use crate::config::limits::HeadLimits;
use crate::error::RequestError;
use crate::h1::codec::body::may_be_trailer;
use crate::semantics;
use crate::semantics::cookies::join_cookies;

/// A request whose body is still to come.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request<Body>,
    /// What Content-Length says.
    pub(super) length: Option<u64>,
    pub(super) expect_continue: bool,
}

/// Why fields are no request that can be served.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Two parties could understand it differently: a stream error (RFC 9114, 4.1.2).
    Malformed(&'static str),
    /// It is answered by the engine itself.
    Answered(RequestError),
}

impl From<&'static str> for Refused {
    fn from(how: &'static str) -> Refused {
        Refused::Malformed(how)
    }
}

impl From<RequestError> for Refused {
    fn from(error: RequestError) -> Refused {
        Refused::Answered(error)
    }
}

pub(super) fn read(fields: Vec<Field>, limits: HeadLimits) -> Result<Head, Refused> {
    let mut pseudo = Pseudo::default();
    let mut facts = Facts::default();
    let mut headers = HeaderMap::with_capacity(fields.len());
    if fields.len() > limits.headers.saturating_add(PSEUDO) {
        return Err(RequestError::TooManyHeaders.into());
    }
    let mut regular = false;
    for Field { name, value } in fields {
        if let Some(name) = name.as_bytes().strip_prefix(b":") {
            if regular {
                return Err("a pseudo field stands behind a regular one (RFC 9114, 4.3)".into());
            }
            pseudo.see(name, value)?;
            continue;
        }
        regular = true;
        let (name, value) = field(name.as_bytes(), value)?;
        facts.see(&name, &value)?;
        headers.append(name, value);
    }
    let (method, uri) = pseudo.settle(&mut headers, limits.target)?;
    if facts.cookies > 1 {
        join_cookies(&mut headers);
    }
    // As many as HTTP/1 would take: `:authority` has become Host, crumbs one Cookie.
    if headers.len() > limits.headers {
        return Err(RequestError::TooManyHeaders.into());
    }
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    *request.version_mut() = Version::HTTP_3;
    Ok(Head { request, length: facts.length, expect_continue: facts.expect_continue })
}

/// The fields behind a body.
pub(super) fn trailers(
    section: Bytes,
    limits: HeadLimits,
    most: usize,
) -> Result<HeaderMap, Fault> {
    let malformed = |how| Fault::Stream(Code::Message, how);
    let fields = qpack::decode(section, most)?;
    if fields.len() > limits.headers {
        return Err(Fault::Stream(Code::ExcessiveLoad, "too many trailers"));
    }
    let mut map = HeaderMap::with_capacity(fields.len());
    for Field { name, value } in fields {
        let (name, value) = field(name.as_bytes(), value).map_err(malformed)?;
        if !may_be_trailer(&name) {
            return Err(malformed(
                "a field that frames, routes or authorises a message must not be a trailer",
            ));
        }
        map.append(name, value);
    }
    Ok(map)
}

fn field(name: &[u8], value: Bytes) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::from_lowercase(name);
    let name = name.map_err(|_| "a field name is not a token in lower case (RFC 9114, 4.2)")?;
    let value =
        header_value(value).ok_or("a field value holds a control character (RFC 9110, 5.5)")?;
    if !semantics::field(&name, &value) {
        return Err(
            "a field name is not a token, or a value begins or ends with a space (RFC 9110, 5.1 and 5.5)",
        );
    }
    Ok((name, value))
}

/// How many pseudo fields a request can have.
const PSEUDO: usize = 4;

#[derive(Debug, Default)]
struct Pseudo {
    method: Option<Bytes>,
    scheme: Option<Bytes>,
    authority: Option<Bytes>,
    path: Option<Bytes>,
}

impl Pseudo {
    fn see(&mut self, name: &[u8], value: Bytes) -> Result<(), Refused> {
        let place = match name {
            b"method" => &mut self.method,
            b"scheme" => &mut self.scheme,
            b"authority" => &mut self.authority,
            b"path" => &mut self.path,
            _ => return Err("an unknown pseudo field (RFC 9114, 4.3)".into()),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err("a pseudo field appears twice (RFC 9114, 4.3)".into()),
        }
    }

    fn settle(self, headers: &mut HeaderMap, longest: usize) -> Result<(Method, Uri), Refused> {
        let method = self.method.ok_or("a request without `:method` (RFC 9114, 4.3.1)")?;
        let method = Method::from_bytes(&method).map_err(|_| "`:method` is not a token")?;
        if method == Method::CONNECT {
            return Err(RequestError::ConnectOverQuic.into());
        }
        let scheme = self.scheme.ok_or("a request without `:scheme` (RFC 9114, 4.3.1)")?;
        // Whether it is that of the connection is asked once the request is there.
        let scheme = semantics::known_scheme(&scheme).ok_or(RequestError::TargetForm)?;
        let path = self.path.ok_or("a request without `:path` (RFC 9114, 4.3.1)")?;
        semantics::target(&path, &method, longest).map_err(|error| match error {
            RequestError::TargetForm => Refused::Malformed(
                "`:path` is neither a path nor the `*` of OPTIONS (RFC 9114, 4.3.1)",
            ),
            error => Refused::Answered(error),
        })?;
        let path = PathAndQuery::from_maybe_shared(path).map_err(|_| RequestError::Target)?;
        let authority = authority(self.authority, headers)?;
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
        Ok((method, uri.map_err(|_| RequestError::Target)?))
    }
}

/// The one host of a request: `:authority`, or Host where that is absent. Afterwards it is in Host
/// too, where handlers look for it whatever the version.
fn authority(authority: Option<Bytes>, headers: &mut HeaderMap) -> Result<Authority, Refused> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|host| Bytes::copy_from_slice(host.as_bytes()));
    if hosts.next().is_some() {
        return Err("Host appears more than once (RFC 9110, 7.2)".into());
    }
    let named = match (authority, host) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(&host) => {
            return Err("`:authority` and Host differ (RFC 9114, 4.3.1)".into());
        }
        (Some(named), _) | (None, Some(named)) => named,
        (None, None) => {
            return Err("a request without `:authority` and Host (RFC 9114, 4.3.1)".into());
        }
    };
    let invalid = "`:authority` is not `host[:port]` (RFC 9110, 7.2)";
    semantics::host(&named).map_err(|_| invalid)?;
    let value = HeaderValue::from_maybe_shared(named.clone()).map_err(|_| invalid)?;
    headers.insert(header::HOST, value);
    Ok(Authority::from_maybe_shared(named).map_err(|_| invalid)?)
}

/// What the engine itself needs of the fields.
#[derive(Debug, Default)]
struct Facts {
    length: Option<u64>,
    expect_continue: bool,
    cookies: usize,
}

impl Facts {
    fn see(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), Refused> {
        match *name {
            header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE => {
                return Err("a field of HTTP/1 connections (RFC 9114, 4.2)".into());
            }
            header::TE if value != "trailers" => {
                return Err("TE holds more than `trailers` (RFC 9114, 4.2)".into());
            }
            header::CONTENT_LENGTH => {
                semantics::length(&mut self.length, value.as_bytes())
                    .map_err(|_| "Content-Length is not a number of bytes, once (RFC 9110, 8.6)")?;
            }
            header::EXPECT => {
                semantics::expectation(value.as_bytes())?;
                self.expect_continue = true;
            }
            header::COOKIE => self.cookies += 1,
            _ if matches!(name.as_str(), "keep-alive" | "proxy-connection") => {
                return Err("a field of HTTP/1 connections (RFC 9114, 4.2)".into());
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
