//! A request prepared for an upstream: checked, without the fields of the client's connection, and
//! with fields that describe the client.
//!
//! # Layout
//! - this file: prepares the head, step by step; `target`: the target; `host`: the host
//! - `headers`: the fields that are removed; `forwarded`: the fields that describe the client
//! - `max_forwards`: requests that this proxy answers itself; `extended_connect`: a WebSocket over
//!   HTTP/2
//! - `body`: the request body on its way to the upstream

pub(crate) mod body;
mod extended_connect;
pub(crate) mod forwarded;
pub(crate) mod headers;
mod host;
pub(crate) mod max_forwards;
mod target;

use http::header::{CONNECTION, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method, Request, Version, request};
use http_body::Body as _;
use trine_core::Body;

use self::body::RequestBody;
use self::extended_connect::ExtendedConnect;
use self::forwarded::{ClientConnection, ForwardedFields};
use self::host::host;
use crate::config::options::Host;
use crate::config::settings::Settings;
use crate::error::{Fault, ProxyError};
use crate::upstream::url::{Upstream, UpstreamProtocol};

/// The head of a request. It is the same for every upstream that is tried.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    target: PathAndQuery,
    pub(crate) headers: HeaderMap,
    /// The host that the client asked for.
    host: Option<HeaderValue>,
    /// Whether the field `Host` has this value already.
    pub(crate) host_is_set: bool,
    /// The protocols to which the client asks to upgrade.
    pub(crate) upgrade: Option<HeaderValue>,
    /// Present if the client asks for the upgrade over HTTP/2.
    pub(crate) extended: Option<ExtendedConnect>,
    /// Whether the client accepts trailers.
    trailers: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
}

impl RequestHead {
    pub(crate) fn new(
        mut parts: request::Parts,
        body: &Body,
        connection: Option<&ClientConnection>,
        settings: &Settings,
    ) -> Result<RequestHead, Fault> {
        let extended = ExtendedConnect::take(&mut parts)?;
        let request::Parts { method, uri, version, mut headers, extensions, .. } = parts;
        target::check(uri.path())?;
        headers::unify_content_length(&mut headers, body)?;
        let options = headers::take_connection_options(&mut headers);
        let host = host(&uri, &headers)?;
        let fields = ForwardedFields {
            settings,
            connection,
            extensions: &extensions,
            uri: &uri,
            host: host.as_ref(),
        };
        fields.write(&mut headers);
        settings.via.append_to(&mut headers, version);
        let mut target =
            uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        if let Some(prefix) = &settings.prefix
            && let Some(rest) = target::without_prefix(&target, prefix)
        {
            target = rest;
        }
        let expects_continue = headers
            .get(EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let expects_continue = expects_continue && !body.is_end_stream();
        let upgrade = match &extended {
            Some(extended) => Some(extended.write_handshake(&mut headers)),
            None => options.upgrade,
        };
        Ok(RequestHead {
            method,
            target,
            headers,
            host_is_set: uri.authority().is_none() && host.is_some(),
            host,
            upgrade,
            extended,
            trailers: options.trailers,
            expects_continue,
        })
    }

    /// The request for one upstream, over HTTP/1 or HTTP/2. `headers` are the fields of this head,
    /// or a copy of them.
    pub(crate) fn request(
        &self,
        mut headers: HeaderMap,
        body: RequestBody,
        upstream: &Upstream,
        settings: &Settings,
        h2: bool,
    ) -> Result<Request<RequestBody>, ProxyError> {
        let bad = || ProxyError::new(Fault::Path);
        let host = match (settings.host, &self.host) {
            (Host::Preserve, Some(host)) => host.clone(),
            _ => upstream.host_value(),
        };
        let target = upstream.join(&self.target).ok_or_else(bad)?;
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
            if !(self.host_is_set && settings.host == Host::Preserve) {
                headers.insert(HOST, host);
            }
            // hyper assumes that a GET request of unknown length has no body.
            let hint = request.body().size_hint();
            if hint.exact().is_none() {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            if let Some(protocol) =
                self.upgrade.as_ref().filter(|_| upstream.protocol != UpstreamProtocol::H2c)
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
