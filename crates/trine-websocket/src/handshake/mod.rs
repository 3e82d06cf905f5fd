//! The opening handshake: an upgrade over HTTP/1.1 (RFC 6455, 4), or a CONNECT over HTTP/2 (RFC
//! 8441).
//!
//! `fields` has the grammar of the header fields, and `deflate` negotiates the compression.

mod deflate;
mod fields;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use sha1::{Digest as _, Sha1};

use self::deflate::Parameters;
use self::fields::Item;
use crate::codec::mask;
use crate::config::WebSocketConfig;
use crate::negotiated::Negotiated;

/// A valid request for a WebSocket.
///
/// ```
/// use http::{HeaderMap, Method, Version};
/// use trine_websocket::WebSocketConfig;
/// use trine_websocket::handshake::{ClientHandshake, Handshake};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = WebSocketConfig::default();
/// let client = ClientHandshake::new(vec!["chat".to_owned()]);
/// let mut request = HeaderMap::new();
/// client.put(&config, &mut request);
///
/// let handshake = Handshake::read(&Method::GET, Version::HTTP_11, &request, None)?;
/// assert_eq!(handshake.protocols(), ["chat"]);
/// let compression = handshake.compression(&config);
/// let response = handshake.response(Some(&"chat".parse()?), compression);
///
/// assert_eq!(client.finish(&config, &response)?, (Some("chat".to_owned()), compression));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The value of `Sec-WebSocket-Accept`; `None` over HTTP/2, which has no such field.
    accept: Option<HeaderValue>,
    protocols: Vec<String>,
    offers: Vec<Parameters>,
}

impl Handshake {
    /// Reads the head of a request. `connect` is the value of its `:protocol`, if it has one (RFC
    /// 8441, 4).
    ///
    /// # Errors
    /// When the request is not for a WebSocket, or is invalid.
    pub fn read(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        connect: Option<&str>,
    ) -> Result<Handshake, HandshakeError> {
        let over_http2 = version >= Version::HTTP_2;
        if over_http2 {
            if *method != Method::CONNECT || connect != Some("websocket") {
                return Err(HandshakeError::NotWebSocket);
            }
        } else {
            let requests_upgrade = fields::contains(headers, &header::CONNECTION, "upgrade")
                && fields::contains(headers, &header::UPGRADE, "websocket");
            if !requests_upgrade || version < Version::HTTP_11 {
                return Err(HandshakeError::NotWebSocket);
            }
            if *method != Method::GET {
                return Err(HandshakeError::Method);
            }
        }
        let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
        if versions.next().is_none_or(|version| version != "13") || versions.next().is_some() {
            return Err(HandshakeError::Version);
        }
        let accept = if over_http2 { None } else { Some(accept_value(headers)?) };
        let protocols = fields::tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL);
        let protocols = protocols.map_err(|_| HandshakeError::Field("Sec-WebSocket-Protocol"))?;
        let extensions = fields::items(headers, &header::SEC_WEBSOCKET_EXTENSIONS);
        let extensions =
            extensions.map_err(|_| HandshakeError::Field("Sec-WebSocket-Extensions"))?;
        Ok(Handshake {
            accept,
            protocols: protocols.into_iter().map(str::to_owned).collect(),
            offers: extensions.iter().filter_map(Parameters::parse).collect(),
        })
    }

    /// The subprotocols that the client offers, in its order of preference.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// Negotiates the compression: accepts the first offer that the configuration allows.
    #[must_use]
    pub fn compression(&self, config: &WebSocketConfig) -> Option<Negotiated> {
        let config = config.compression.as_ref()?;
        self.offers.iter().find_map(|offer| offer.accept(config))
    }

    /// The response that accepts the request: 101, or 200 over HTTP/2.
    #[must_use]
    pub fn response(
        &self,
        protocol: Option<&HeaderValue>,
        compression: Option<Negotiated>,
    ) -> Response<()> {
        let mut response = Response::new(());
        let headers = response.headers_mut();
        if let Some(accept) = &self.accept {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.clone());
        }
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol.clone());
        }
        if let Some(negotiated) = compression
            && let Ok(value) = HeaderValue::try_from(deflate::response(negotiated))
        {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, value);
        }
        if self.accept.is_some() {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        response
    }
}

/// A request cannot become a WebSocket.
///
/// ```
/// use http::{HeaderMap, Method, StatusCode, Version};
/// use trine_websocket::handshake::{Handshake, HandshakeError};
///
/// let plain = Handshake::read(&Method::GET, Version::HTTP_11, &HeaderMap::new(), None);
/// let error = plain.unwrap_err();
/// assert_eq!(error, HandshakeError::NotWebSocket);
/// assert_eq!(error.status(), StatusCode::UPGRADE_REQUIRED);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The request is an ordinary one.
    #[error(
        "expected a request for a WebSocket, with `Connection: upgrade` and `Upgrade: websocket`"
    )]
    NotWebSocket,
    /// RFC 6455, 4.1.
    #[error("expected the method GET for a WebSocket")]
    Method,
    /// RFC 6455, 4.4.
    #[error("expected `Sec-WebSocket-Version: 13`, once")]
    Version,
    /// RFC 6455, 4.1.
    #[error("expected one `Sec-WebSocket-Key` of 16 bytes in base64")]
    Key,
    /// A list does not match its grammar.
    #[error("`{0}` is malformed")]
    Field(&'static str),
}

impl HandshakeError {
    /// The status of the response.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            HandshakeError::NotWebSocket | HandshakeError::Version => StatusCode::UPGRADE_REQUIRED,
            HandshakeError::Method => StatusCode::METHOD_NOT_ALLOWED,
            HandshakeError::Key | HandshakeError::Field(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The header field of the response that states the server's expectation.
    #[must_use]
    pub fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            HandshakeError::NotWebSocket => {
                Some((header::UPGRADE, HeaderValue::from_static("websocket")))
            }
            HandshakeError::Version => {
                Some((header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")))
            }
            HandshakeError::Method => Some((header::ALLOW, HeaderValue::from_static("GET"))),
            HandshakeError::Key | HandshakeError::Field(_) => None,
        }
    }
}

/// The client side of the handshake over HTTP/1.1. [`Handshake`] has an example.
#[derive(Debug, Clone)]
pub struct ClientHandshake {
    key: String,
    protocols: Vec<String>,
}

impl ClientHandshake {
    /// A handshake with a new key, which offers these subprotocols.
    #[must_use]
    pub fn new(protocols: Vec<String>) -> ClientHandshake {
        let key = [mask::random(), mask::random()].concat();
        ClientHandshake { key: STANDARD.encode(key), protocols }
    }

    /// The value of `Sec-WebSocket-Key`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sets the header fields of the request.
    pub fn put(&self, config: &WebSocketConfig, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let offer = config.compression.as_ref().map(deflate::offer);
        let protocols = (!self.protocols.is_empty()).then(|| self.protocols.join(", "));
        for (name, value) in [
            (header::SEC_WEBSOCKET_KEY, Some(self.key.clone())),
            (header::SEC_WEBSOCKET_PROTOCOL, protocols),
            (header::SEC_WEBSOCKET_EXTENSIONS, offer),
        ] {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
    }

    /// Checks the response. Returns the subprotocol and the compression that the server chose.
    ///
    /// # Errors
    /// With a description of the first violation.
    pub fn finish<B>(
        &self,
        config: &WebSocketConfig,
        response: &Response<B>,
    ) -> Result<(Option<String>, Option<Negotiated>), String> {
        let headers = response.headers();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("expected a response with status 101, got {}", response.status()));
        }
        if !fields::contains(headers, &header::CONNECTION, "upgrade")
            || !fields::contains(headers, &header::UPGRADE, "websocket")
        {
            return Err("expected a response with `Connection: upgrade` and `Upgrade: websocket`"
                .to_owned());
        }
        if headers.get(header::SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes)
            != Some(proof(self.key.as_bytes()).as_bytes())
        {
            return Err("`Sec-WebSocket-Accept` does not match the key".to_owned());
        }
        let protocol = fields::tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL);
        let protocol = match protocol.as_deref() {
            Ok([]) => None,
            Ok([one]) if self.protocols.iter().any(|offered| offered == one) => {
                Some((*one).to_owned())
            }
            _ => return Err("`Sec-WebSocket-Protocol` is not one of those offered".to_owned()),
        };
        let extensions = fields::items(headers, &header::SEC_WEBSOCKET_EXTENSIONS);
        let confirm =
            |item: &Item<'_>| Parameters::parse(item)?.confirm(config.compression.as_ref()?);
        let compression = match extensions.as_deref() {
            Ok([]) => None,
            Ok([one]) => {
                Some(confirm(one).ok_or("`Sec-WebSocket-Extensions` does not match the offer")?)
            }
            _ => return Err("`Sec-WebSocket-Extensions` is malformed".to_owned()),
        };
        Ok((protocol, compression))
    }
}

fn accept_value(headers: &HeaderMap) -> Result<HeaderValue, HandshakeError> {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(HandshakeError::Key) };
    match STANDARD.decode(key.as_bytes()) {
        Ok(nonce) if nonce.len() == 16 => {}
        _ => return Err(HandshakeError::Key),
    }
    HeaderValue::try_from(proof(key.as_bytes())).map_err(|_| HandshakeError::Key)
}

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, 4.2.2).
#[must_use]
pub fn proof(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}
