//! A WebSocket that a client opens over HTTP/2 (RFC 8441), which the proxy opens over HTTP/1.1
//! (RFC 6455) on the side of the upstream.

use http::header::{
    HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Extensions, Method, StatusCode, request, response};
use trine_core::upgrade::Protocol;
use trine_websocket::handshake::{ClientHandshake, proof};

use crate::error::Fault;

/// The handshake with the upstream. HTTP/2 has no key, so the proxy makes one.
#[derive(Debug)]
pub(crate) struct ExtendedConnect {
    key: HeaderValue,
}

impl ExtendedConnect {
    /// Turns an extended CONNECT for a WebSocket into a GET. `None` if the method is not CONNECT.
    ///
    /// # Errors
    /// [`Fault::Method`] if the request asks for a tunnel or for another protocol.
    pub(crate) fn take(parts: &mut request::Parts) -> Result<Option<ExtendedConnect>, Fault> {
        if parts.method != Method::CONNECT {
            return Ok(None);
        }
        if !asks_websocket(&parts.extensions) {
            return Err(Fault::Method);
        }
        let key = HeaderValue::from_str(ClientHandshake::new(Vec::new()).key())
            .map_err(|_| Fault::Method)?;
        parts.method = Method::GET;
        Ok(Some(ExtendedConnect { key }))
    }

    /// Adds the fields of the handshake except for `Connection`, and returns the value of
    /// `Upgrade`.
    pub(crate) fn write_handshake(&self, headers: &mut HeaderMap) -> HeaderValue {
        headers.insert(SEC_WEBSOCKET_KEY, self.key.clone());
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        HeaderValue::from_static("websocket")
    }

    /// Turns the 101 of the upstream into a 200. Returns whether it accepts the handshake.
    pub(crate) fn accept(&self, parts: &mut response::Parts, protocol: &HeaderValue) -> bool {
        parts.status = StatusCode::OK;
        parts.headers.remove(UPGRADE);
        let accept = parts.headers.remove(SEC_WEBSOCKET_ACCEPT);
        protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
            && accept
                .is_some_and(|accept| accept.as_bytes() == proof(self.key.as_bytes()).as_bytes())
    }
}

fn asks_websocket(extensions: &Extensions) -> bool {
    let protocol = extensions.get::<Protocol>();
    protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case("websocket"))
}
