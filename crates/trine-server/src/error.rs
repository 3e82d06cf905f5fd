//! Errors: of the server itself, of requests that the server refuses, and of layers.

use std::io;

use http::StatusCode;
use trine_core::BoxError;
use trine_core::problem::body_status;

use crate::listen::address::Address;

/// Why the server did not start, or why it stopped.
///
/// ```
/// use trine_server::{Server, ServerConfig, ServerError};
///
/// let first = Server::new(ServerConfig { port: 0, ..ServerConfig::default() }).bind()?;
/// let port = first.local_addr().port();
/// let second = Server::new(ServerConfig { port, ..ServerConfig::default() }).bind();
/// assert!(matches!(second, Err(ServerError::Bind { .. })));
/// # Ok::<_, ServerError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// A field of [`ServerConfig`](crate::ServerConfig) has an invalid value. The text names the
    /// field.
    Config(String),
    /// An address is not available. Most often another program, or another instance, listens on it.
    Bind {
        /// The address of the configuration.
        address: Address,
        /// The error of the system.
        source: io::Error,
    },
    /// The thread or the runtime of a worker could not be created, or its sockets could not be
    /// registered.
    Start(io::Error),
    /// [`MakeWorker::worker`](crate::MakeWorker::worker) failed.
    Worker {
        /// The index of the worker, counted from 0.
        index: usize,
        /// The error that it returned.
        source: BoxError,
    },
    /// The thread of a worker panicked outside of a request.
    Panicked {
        /// The index of the worker, counted from 0.
        index: usize,
    },
    /// The TLS settings of a listener are invalid.
    #[cfg(feature = "tls-core")]
    Tls(crate::tls::TlsError),
    /// This process was started to take over from another one, which did not hand over.
    #[cfg(unix)]
    Handover(crate::HandoverError),
    /// The signal handlers could not be installed.
    Signals(io::Error),
}

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServerError::Config(what) => {
                write!(f, "the server's configuration cannot work: {what}")
            }
            ServerError::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{address} is in use: another program or another instance listens there; stop it or choose another port"
                )
            }
            ServerError::Bind { address, source } => {
                write!(f, "cannot listen on {address}: {source}")
            }
            ServerError::Start(source) => write!(f, "a worker could not be started: {source}"),
            ServerError::Worker { index, source } => {
                write!(f, "worker {index} could not be set up: {source}")
            }
            ServerError::Panicked { index } => {
                write!(f, "worker {index} panicked outside of a request")
            }
            #[cfg(feature = "tls-core")]
            ServerError::Tls(error) => write!(f, "TLS cannot be set up: {error}"),
            #[cfg(unix)]
            ServerError::Handover(error) => write!(f, "this process cannot take over: {error}"),
            ServerError::Signals(source) => write!(f, "cannot listen for signals: {source}"),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServerError::Bind { source, .. }
            | ServerError::Start(source)
            | ServerError::Signals(source) => Some(source),
            ServerError::Worker { source, .. } => Some(&**source),
            #[cfg(feature = "tls-core")]
            ServerError::Tls(error) => Some(error),
            #[cfg(unix)]
            ServerError::Handover(error) => Some(error),
            ServerError::Config(_) | ServerError::Panicked { .. } => None,
        }
    }
}

/// Why the server itself answers a request, before any service sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestError {
    RequestLine,
    EmptyLines,
    Method,
    MethodTooLong,
    Target,
    TargetForm,
    SchemeDiffers,
    TargetTooLong,
    Version,
    HeaderName,
    HeaderValue,
    LineEnd,
    HeadTooLarge,
    TooManyHeaders,
    HostMissing,
    HostRepeated,
    HostInvalid,
    #[cfg_attr(
        not(feature = "http2"),
        expect(dead_code, reason = "only HTTP/2 names the host twice")
    )]
    HostDiffers,
    #[cfg(feature = "http2")]
    Field,
    LengthInvalid,
    LengthRepeated,
    LengthAndEncoding,
    EncodingUnknown,
    EncodingOrder,
    EncodingOnOldVersion,
    ConnectWithBody,
    #[cfg(feature = "http3")]
    ConnectOverQuic,
    Expectation,
    HeadTimeout,
}

impl RequestError {
    /// The status and the text that the client receives.
    #[rustfmt::skip]
    #[cold]
    pub(crate) const fn wire(self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::RequestLine => (S::BAD_REQUEST, "the request line must be `METHOD SP target SP HTTP/1.1` (RFC 9112, 3)"),
            Self::Method => (S::BAD_REQUEST, "the method is not a token (RFC 9110, 9.1)"),
            Self::EmptyLines => (S::BAD_REQUEST, "more than 8 empty lines stand before the request line (RFC 9112, 2.2)"),
            Self::MethodTooLong => (S::NOT_IMPLEMENTED, "the method is longer than this server accepts (RFC 9112, 3)"),
            Self::Target => (S::BAD_REQUEST, "the request target is not a valid URI reference (RFC 9112, 3.2)"),
            Self::TargetForm => (S::BAD_REQUEST, "this method does not allow this form of request target (RFC 9112, 3.2)"),
            Self::SchemeDiffers => (S::MISDIRECTED_REQUEST, "the scheme of the target differs from that of this connection, and the sender is not a trusted proxy (RFC 9110, 7.4)"),
            Self::TargetTooLong => (S::URI_TOO_LONG, "the request target is longer than this server accepts"),
            Self::Version => (S::HTTP_VERSION_NOT_SUPPORTED, "this connection speaks HTTP/1.1 and HTTP/1.0"),
            Self::HeaderName => (S::BAD_REQUEST, "a header line must begin with a name (a token) that is directly followed by a colon (RFC 9112, 5.1)"),
            Self::HeaderValue => (S::BAD_REQUEST, "a header value holds a control character or a folded line (RFC 9112, 5.2)"),
            #[cfg(feature = "http2")]
            Self::Field => (S::BAD_REQUEST, "a field name is not a token, or a value begins or ends with a space (RFC 9113, 8.2.1)"),
            Self::LineEnd => (S::BAD_REQUEST, "every line of the head must end with CR LF (RFC 9112, 2.2)"),
            Self::HeadTooLarge => (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request head is larger than this server accepts"),
            Self::TooManyHeaders => (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request has more header fields than this server accepts"),
            Self::HostMissing => (S::BAD_REQUEST, "an HTTP/1.1 request needs a Host header (RFC 9112, 3.2)"),
            Self::HostRepeated => (S::BAD_REQUEST, "the Host header appears more than once (RFC 9112, 3.2)"),
            Self::HostInvalid => (S::BAD_REQUEST, "the Host header must be `host[:port]`, and the host must not be empty (RFC 9110, 7.2 and 4.2.1)"),
            Self::HostDiffers => (S::BAD_REQUEST, "Host and `:authority` name two different hosts (RFC 9113, 8.3.1)"),
            Self::LengthInvalid => (S::BAD_REQUEST, "Content-Length is not a decimal number of bytes (RFC 9110, 8.6)"),
            Self::LengthRepeated => (S::BAD_REQUEST, "Content-Length appears more than once (RFC 9112, 6.3)"),
            Self::LengthAndEncoding => (S::BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other (RFC 9112, 6.1)"),
            Self::EncodingUnknown => (S::NOT_IMPLEMENTED, "the only transfer coding that this server knows is `chunked` (RFC 9112, 6.1)"),
            Self::EncodingOrder => (S::BAD_REQUEST, "`chunked` must be the last transfer coding and appear once (RFC 9112, 6.3)"),
            Self::EncodingOnOldVersion => (S::BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding (RFC 9112, 6.1)"),
            Self::ConnectWithBody => (S::BAD_REQUEST, "a CONNECT request has no body (RFC 9110, 9.3.6)"),
            #[cfg(feature = "http3")]
            Self::ConnectOverQuic => (S::NOT_IMPLEMENTED, "this server makes no tunnels over HTTP/3 (RFC 9114, 4.4)"),
            Self::Expectation => (S::EXPECTATION_FAILED, "the only expectation that this server knows is `100-continue` (RFC 9110, 10.1.1)"),
            Self::HeadTimeout => (S::REQUEST_TIMEOUT, "the request head did not arrive in time"),
        }
    }
}

/// The status of the response to an error of a service or layer.
///
/// ```
/// let error: trine_core::BoxError = Box::new(tower::load_shed::error::Overloaded::new());
/// assert_eq!(trine_server::error_status(&error), 503);
/// ```
///
/// | error, anywhere in the chain of sources | status |
/// |---|---|
/// | [`BodyError::TooLarge`](trine_core::BodyError::TooLarge) of a request, the `LengthLimitError` of http-body-util | 413 |
/// | [`BodyError::TimedOut`](trine_core::BodyError::TimedOut) | 408 |
/// | `BodyError::Incomplete`, `BodyError::Malformed`, `BodyError::Refused`: a body that a layer cannot decode | 400 |
/// | tower's `Overloaded`, `Closed` | 503 |
/// | tower's `Elapsed` | 504 |
/// | any other | 500 |
#[must_use]
pub fn error_status(error: &BoxError) -> StatusCode {
    if let Some(status) = body_status(&**error) {
        return status;
    }
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&**error);
    while let Some(error) = next {
        if error.is::<tower::load_shed::error::Overloaded>() {
            return StatusCode::SERVICE_UNAVAILABLE;
        } else if error.is::<tower::timeout::error::Elapsed>() {
            return StatusCode::GATEWAY_TIMEOUT;
        }
        next = error.source();
    }
    StatusCode::INTERNAL_SERVER_ERROR
}

#[cfg(test)]
mod tests {
    use trine_core::BodyError;

    use super::*;

    #[test]
    fn the_status_of_layer_errors_considers_sources() {
        let status = |error: BoxError| error_status(&error).as_u16();
        assert_eq!(status(Box::new(tower::load_shed::error::Overloaded::new())), 503);
        assert_eq!(status(Box::new(tower::timeout::error::Elapsed::new())), 504);
        assert_eq!(status(Box::new(BodyError::TooLarge { limit: 1, of_request: true })), 413);
        assert_eq!(status(Box::new(BodyError::Other(Box::new(BodyError::TimedOut)))), 408);
        assert_eq!(status(Box::new(BodyError::Incomplete)), 400);
        assert_eq!(status("anything else".into()), 500);
    }
}
