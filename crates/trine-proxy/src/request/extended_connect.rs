//! A WebSocket that the client opens over HTTP/2 (RFC 8441), as one over HTTP/1.1 (RFC 6455) for
//! the upstream.

use http::header::{
    HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Extensions, Method, StatusCode, request, response};
use trine_websocket::handshake::{ClientHandshake, proof};

use crate::error::Fault;

/// The handshake with the upstream: HTTP/2 has none, so the key is our own.
#[derive(Debug)]
pub(crate) struct Extended {
    key: HeaderValue,
}

impl Extended {
    /// Makes a GET of an extended CONNECT. `None` where it is no CONNECT.
    ///
    /// # Errors
    /// [`Fault::Method`] where it asks for a tunnel, or for another protocol.
    pub(crate) fn of(parts: &mut request::Parts) -> Result<Option<Extended>, Fault> {
        if parts.method != Method::CONNECT {
            return Ok(None);
        }
        if !asks_websocket(&parts.extensions) {
            return Err(Fault::Method);
        }
        let key = HeaderValue::from_str(ClientHandshake::new(Vec::new()).key())
            .map_err(|_| Fault::Method)?;
        parts.method = Method::GET;
        Ok(Some(Extended { key }))
    }

    /// What an upstream is asked with, beside `Connection`.
    pub(crate) fn ask(&self, headers: &mut HeaderMap) -> HeaderValue {
        headers.insert(SEC_WEBSOCKET_KEY, self.key.clone());
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        HeaderValue::from_static("websocket")
    }

    /// Makes the 200 of a 101, if it fits what was asked.
    pub(crate) fn accept(&self, parts: &mut response::Parts, protocol: &HeaderValue) -> bool {
        parts.status = StatusCode::OK;
        parts.headers.remove(UPGRADE);
        let proven = parts.headers.remove(SEC_WEBSOCKET_ACCEPT);
        protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
            && proven
                .is_some_and(|proven| proven.as_bytes() == proof(self.key.as_bytes()).as_bytes())
    }
}

#[cfg(feature = "http2")]
fn asks_websocket(extensions: &Extensions) -> bool {
    let protocol = extensions.get::<trine_server::Protocol>();
    protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case("websocket"))
}

#[cfg(not(feature = "http2"))]
fn asks_websocket(_: &Extensions) -> bool {
    false
}
