//! How a connection begins: over HTTP/1.1 by an upgrade (RFC 6455, 4), over HTTP/2 by CONNECT (RFC
//! 8441).

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

/// A request for a WebSocket that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// What proves that we understood; `None` over HTTP/2, which needs no proof.
    accept: Option<HeaderValue>,
    protocols: Vec<String>,
    offers: Vec<Parameters>,
}

impl Handshake {
    /// Reads the head of a request. `connect` is what its `:protocol` says (RFC 8441, 4), where it
    /// has one.
    ///
    /// # Errors
    /// When it is no request for a WebSocket, or a broken one.
    pub fn read(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        connect: Option<&str>,
    ) -> Result<Handshake, Refused> {
        let over_http2 = version >= Version::HTTP_2;
        if over_http2 {
            if *method != Method::CONNECT || connect != Some("websocket") {
                return Err(Refused::NotWebSocket);
            }
        } else {
            let asks = fields::lists(headers, &header::CONNECTION, "upgrade")
                && fields::lists(headers, &header::UPGRADE, "websocket");
            if !asks || version < Version::HTTP_11 {
                return Err(Refused::NotWebSocket);
            }
            if *method != Method::GET {
                return Err(Refused::Method);
            }
        }
        let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
        if versions.next().is_none_or(|version| version != "13") || versions.next().is_some() {
            return Err(Refused::Version);
        }
        let accept = if over_http2 { None } else { Some(accept(headers)?) };
        let protocols = fields::tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL);
        let protocols = protocols.map_err(|_| Refused::Field("Sec-WebSocket-Protocol"))?;
        let extensions = fields::items(headers, &header::SEC_WEBSOCKET_EXTENSIONS);
        let extensions = extensions.map_err(|_| Refused::Field("Sec-WebSocket-Extensions"))?;
        Ok(Handshake {
            accept,
            protocols: protocols.into_iter().map(str::to_owned).collect(),
            offers: extensions.iter().filter_map(Parameters::of).collect(),
        })
    }

    /// The subprotocols that the client speaks, the one it likes most first.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// What the first acceptable offer of compression comes to.
    #[must_use]
    pub fn compression(&self, config: &WebSocketConfig) -> Option<Negotiated> {
        let config = config.compression.as_ref()?;
        self.offers.iter().find_map(|offer| offer.accept(config))
    }

    /// The answer that accepts: 101, or 200 over HTTP/2.
    #[must_use]
    pub fn answer(
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
        if let Some(agreed) = compression
            && let Ok(answer) = HeaderValue::try_from(deflate::answer(agreed))
        {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, answer);
        }
        if self.accept.is_some() {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        response
    }
}

/// Why a request does not become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// An ordinary request.
    #[error(
        "this is a WebSocket: a request for it has `Connection: upgrade` and `Upgrade: websocket`"
    )]
    NotWebSocket,
    /// RFC 6455, 4.1.
    #[error("a request for a WebSocket is a GET")]
    Method,
    /// RFC 6455, 4.4.
    #[error("`Sec-WebSocket-Version` must be there once and be 13")]
    Version,
    /// RFC 6455, 4.1.
    #[error("`Sec-WebSocket-Key` must be there once and be 16 bytes in base64")]
    Key,
    /// A list that is not what its grammar says.
    #[error("`{0}` is malformed")]
    Field(&'static str),
}

impl Refused {
    /// The status that tells the client.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Refused::NotWebSocket | Refused::Version => StatusCode::UPGRADE_REQUIRED,
            Refused::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Key | Refused::Field(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The header field that goes with the status, and tells the client what would do.
    #[must_use]
    pub fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Refused::NotWebSocket => Some((header::UPGRADE, HeaderValue::from_static("websocket"))),
            Refused::Version => {
                Some((header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")))
            }
            Refused::Method => Some((header::ALLOW, HeaderValue::from_static("GET"))),
            Refused::Key | Refused::Field(_) => None,
        }
    }
}

/// The handshake of a client over HTTP/1.1.
#[derive(Debug, Clone)]
pub struct ClientHandshake {
    key: String,
    protocols: Vec<String>,
}

impl ClientHandshake {
    /// One with a fresh key.
    #[must_use]
    pub fn new(protocols: Vec<String>) -> ClientHandshake {
        let key = [mask::random(), mask::random()].concat();
        ClientHandshake { key: STANDARD.encode(key), protocols }
    }

    /// What `Sec-WebSocket-Key` says.
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

    /// Reads the answer: the subprotocol and the compression that the server chose.
    ///
    /// # Errors
    /// With what is wrong with it, for a person.
    pub fn finish<B>(
        &self,
        config: &WebSocketConfig,
        response: &Response<B>,
    ) -> Result<(Option<String>, Option<Negotiated>), String> {
        let headers = response.headers();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("the answer is {}, not 101", response.status()));
        }
        if !fields::lists(headers, &header::CONNECTION, "upgrade")
            || !fields::lists(headers, &header::UPGRADE, "websocket")
        {
            return Err("the answer upgrades to something else".to_owned());
        }
        if headers.get(header::SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes)
            != Some(proof(self.key.as_bytes()).as_bytes())
        {
            return Err("`Sec-WebSocket-Accept` does not fit the key".to_owned());
        }
        let protocol = fields::tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL);
        let protocol = match protocol.as_deref() {
            Ok([]) => None,
            Ok([one]) if self.protocols.iter().any(|asked| asked == one) => Some((*one).to_owned()),
            _ => return Err("`Sec-WebSocket-Protocol` is not one of those asked for".to_owned()),
        };
        let extensions = fields::items(headers, &header::SEC_WEBSOCKET_EXTENSIONS);
        let agreed = |item: &Item<'_>| Parameters::of(item)?.agreed(config.compression.as_ref()?);
        let compression = match extensions.as_deref() {
            Ok([]) => None,
            Ok([one]) => {
                Some(agreed(one).ok_or("`Sec-WebSocket-Extensions` is not what was offered")?)
            }
            _ => return Err("`Sec-WebSocket-Extensions` is malformed".to_owned()),
        };
        Ok((protocol, compression))
    }
}

fn accept(headers: &HeaderMap) -> Result<HeaderValue, Refused> {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(Refused::Key) };
    match STANDARD.decode(key.as_bytes()) {
        Ok(nonce) if nonce.len() == 16 => {}
        _ => return Err(Refused::Key),
    }
    HeaderValue::try_from(proof(key.as_bytes())).map_err(|_| Refused::Key)
}

/// The `Sec-WebSocket-Accept` that fits a `Sec-WebSocket-Key` (RFC 6455, 4.2.2).
#[must_use]
pub fn proof(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}
