//! Builds a request from its fields, and refuses malformed requests (RFC 9114, 4.2 and 4.3).

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use trine_core::Body;
use trine_unchecked::header_value;

use super::error::{Code, Fault};
use super::qpack::{self, Field};
use crate::config::limits::HeadLimits;
use crate::error::RequestError;
use crate::semantics;
use crate::semantics::connection_fields::is_connection_field;
use crate::semantics::cookies::join_cookies;
use crate::semantics::trailers::may_be_trailer;

/// A request whose body has not been read.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) request: Request<Body>,
    /// The declared Content-Length.
    pub(crate) length: Option<u64>,
    pub(crate) expect_continue: bool,
}

/// Why a request cannot be served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is malformed, so two parties could understand it differently. This is a stream error (RFC
    /// 9114, 4.1.2).
    Malformed(&'static str),
    /// The engine answers it itself.
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

pub(crate) fn read(fields: Vec<Field>, limits: HeadLimits) -> Result<Head, Refused> {
    let mut pseudo = Pseudo::default();
    let mut engine_fields = EngineFields::default();
    let mut headers = HeaderMap::with_capacity(fields.len());
    if fields.len() > limits.headers.saturating_add(PSEUDO) {
        return Err(RequestError::TooManyHeaders.into());
    }
    let mut regular = false;
    for Field { name, value } in fields {
        if let Some(name) = name.as_bytes().strip_prefix(b":") {
            if regular {
                return Err("a pseudo field follows a regular field (RFC 9114, 4.3)".into());
            }
            pseudo.add(name, value)?;
            continue;
        }
        regular = true;
        let (name, value) = field(name.as_bytes(), value)?;
        engine_fields.add(&name, &value)?;
        headers.append(name, value);
    }
    let (method, uri) = pseudo.finish(&mut headers, limits.target)?;
    if engine_fields.cookies > 1 {
        join_cookies(&mut headers);
    }
    // The same number of fields as in HTTP/1: `:authority` has become Host, and there is one
    // Cookie.
    if headers.len() > limits.headers {
        return Err(RequestError::TooManyHeaders.into());
    }
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    *request.version_mut() = Version::HTTP_3;
    Ok(Head {
        request,
        length: engine_fields.length,
        expect_continue: engine_fields.expect_continue,
    })
}

/// Decodes the trailers of a request.
pub(crate) fn trailers(
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
            "a field name is not a token, or a value begins or ends with a space (RFC 9110, 5)",
        );
    }
    Ok((name, value))
}

/// The number of pseudo fields that a request can have.
const PSEUDO: usize = 4;

#[derive(Debug, Default)]
struct Pseudo {
    method: Option<Bytes>,
    scheme: Option<Bytes>,
    authority: Option<Bytes>,
    path: Option<Bytes>,
}

impl Pseudo {
    fn add(&mut self, name: &[u8], value: Bytes) -> Result<(), Refused> {
        let slot = match name {
            b"method" => &mut self.method,
            b"scheme" => &mut self.scheme,
            b"authority" => &mut self.authority,
            b"path" => &mut self.path,
            _ => return Err("an unknown pseudo field (RFC 9114, 4.3)".into()),
        };
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err("a pseudo field appears twice (RFC 9114, 4.3)".into()),
        }
    }

    /// The method and the URI.
    fn finish(self, headers: &mut HeaderMap, longest: usize) -> Result<(Method, Uri), Refused> {
        let method = self.method.ok_or("a request without `:method` (RFC 9114, 4.3.1)")?;
        let method = Method::from_bytes(&method).map_err(|_| "`:method` is not a token")?;
        if method == Method::CONNECT {
            return Err(RequestError::ConnectOverQuic.into());
        }
        let scheme = self.scheme.ok_or("a request without `:scheme` (RFC 9114, 4.3.1)")?;
        // The scheme is compared with the connection later.
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

/// The host of a request: `:authority`, or Host if that is absent. It is also set as Host, where
/// services look for it in every version of HTTP.
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

/// The fields that the engine itself needs.
#[derive(Debug, Default)]
struct EngineFields {
    length: Option<u64>,
    expect_continue: bool,
    cookies: usize,
}

impl EngineFields {
    fn add(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), Refused> {
        match *name {
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
            _ if is_connection_field(name) => {
                return Err("a field of HTTP/1 connections (RFC 9114, 4.2)".into());
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
