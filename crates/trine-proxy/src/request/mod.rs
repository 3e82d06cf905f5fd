//! A request of a client made ready to be passed on: checked, stripped, told whom it is from.

pub(crate) mod body;
mod extended_connect;
pub(crate) mod forwarded;
pub(crate) mod headers;
pub(crate) mod max_forwards;
mod target;

use http::header::{CONNECTION, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method, Request, Version, request};
use http_body::Body as _;
use trine_core::Body;

use crate::Host;
use crate::config::settings::Settings;
use crate::error::{Fault, ProxyError};
use crate::request::body::Outgoing;
use crate::request::extended_connect::Extended;
use crate::request::forwarded::{Caller, Told};
use crate::upstream::{Node, Protocol, join};

/// The head of a request, the same for every upstream that it is tried with.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    target: PathAndQuery,
    pub(crate) headers: HeaderMap,
    /// The host that the client asked for.
    host: Option<HeaderValue>,
    /// `Host` says it already.
    pub(crate) host_is_there: bool,
    /// The protocols that the client would change to.
    pub(crate) upgrade: Option<HeaderValue>,
    /// They come over HTTP/2.
    pub(crate) extended: Option<Extended>,
    trailers: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub(crate) expects: bool,
}

impl Head {
    pub(crate) fn new(
        mut parts: request::Parts,
        body: &Body,
        caller: Option<&Caller>,
        settings: &Settings,
    ) -> Result<Head, Fault> {
        let extended = Extended::of(&mut parts)?;
        let request::Parts { method, uri, version, mut headers, extensions, .. } = parts;
        target::check(uri.path())?;
        headers::frame(&mut headers, body)?;
        let said = headers::strip(&mut headers);
        let host = host(&uri, &headers)?;
        let told =
            Told { settings, caller, extensions: &extensions, uri: &uri, host: host.as_ref() };
        told.tell(&mut headers);
        settings.via.tell(&mut headers, version);
        let mut target =
            uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        if let Some(prefix) = &settings.prefix
            && let Some(rest) = target::without_prefix(&target, prefix)
        {
            target = rest;
        }
        let expects = headers
            .get(EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let expects = expects && !body.is_end_stream();
        let upgrade = match &extended {
            Some(extended) => Some(extended.ask(&mut headers)),
            None => said.upgrade,
        };
        Ok(Head {
            method,
            target,
            headers,
            host_is_there: uri.authority().is_none() && host.is_some(),
            host,
            upgrade,
            extended,
            trailers: said.trailers,
            expects,
        })
    }

    /// The request for one upstream, over HTTP/1 or HTTP/2. `headers` are this head's own, or a
    /// copy.
    pub(crate) fn request(
        &self,
        mut headers: HeaderMap,
        body: Outgoing,
        node: &Node,
        settings: &Settings,
        h2: bool,
    ) -> Result<Request<Outgoing>, ProxyError> {
        let bad = || ProxyError::new(Fault::Path);
        let upstream = &node.upstream;
        let host = match (settings.host, &self.host) {
            (Host::Preserve, Some(host)) => host.clone(),
            _ => upstream.host_value(),
        };
        let target = join(&upstream.base, &self.target).ok_or_else(bad)?;
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        if h2 {
            for name in [HOST, CONNECTION, UPGRADE, TRANSFER_ENCODING, EXPECT] {
                headers.remove(name);
            }
            let uri = Uri::builder().scheme(upstream.scheme()).authority(host.as_bytes());
            *request.uri_mut() = uri.path_and_query(target).build().map_err(|_| bad())?;
            *request.version_mut() = Version::HTTP_2;
        } else {
            *request.uri_mut() = Uri::from(target);
            if !(self.host_is_there && settings.host == Host::Preserve) {
                headers.insert(HOST, host);
            }
            // hyper takes a GET of unknown length for one without a body.
            let hint = request.body().size_hint();
            if hint.exact().is_none() {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            if let Some(protocol) =
                self.upgrade.as_ref().filter(|_| upstream.protocol != Protocol::H2c)
            {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(UPGRADE, protocol.clone());
            } else if self.trailers {
                headers.insert(CONNECTION, HeaderValue::from_static("te"));
            }
        }
        if self.trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The host of the target, which wins, or that of `Host` (RFC 9112, 3.2.2).
fn host(uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
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

/// What holds more than a host could be read as another one. `;` and `=` may stand in one (RFC
/// 3986, 3.2.2), but no host has them, and there are upstreams that look for `;proto=` in a
/// `Forwarded` without a look at its quotes.
pub(crate) fn is_plain_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%!$&'()*+".contains(byte))
}
