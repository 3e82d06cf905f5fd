//! Every failure between a request and its response, and the one table of the statuses that the
//! client sees.

use http::{HeaderValue, StatusCode, header};
use trine_core::{BodyError, BoxError, Problem};

/// The reason why a request got no response from an upstream. [`Error::source`](std::error::Error)
/// is for the log. The client sees only the [`Fault`].
///
/// It is the source of the [`Problem`] in the response, where a catcher or a layer can find it.
///
/// ```
/// use http::{Method, Request};
/// use tower::ServiceExt as _;
/// use trine_core::{Body, Problem};
/// use trine_proxy::{Fault, Proxy, ProxyError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), trine_proxy::UpstreamError> {
/// let mut request = Request::new(Body::empty());
/// *request.method_mut() = Method::CONNECT;
/// let Ok(mut response) = Proxy::to("http://127.0.0.1:9000")?.oneshot(request).await;
///
/// let problem = Problem::take(&mut response).unwrap();
/// let error = problem.source_error().unwrap().downcast_ref::<ProxyError>().unwrap();
/// assert_eq!(error.fault(), Fault::Method);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ProxyError {
    fault: Fault,
    upstream: Option<String>,
    source: Option<BoxError>,
}

/// The fault, and the side that caused it.
///
/// | fault | status |
/// |---|---|
/// | of the client: [`Method`](Fault::Method) | 501 |
/// | [`Framing`](Fault::Framing), [`Path`](Fault::Path), [`Host`](Fault::Host), [`Body`](Fault::Body) that ends early | 400 |
/// | [`Body`](Fault::Body) that stalls, or that is too large | 408, 413 |
/// | of the upstream: [`Connect`](Fault::Connect), [`Tls`](Fault::Tls), [`Closed`](Fault::Closed), [`Malformed`](Fault::Malformed) | 502 |
/// | [`NoUpstream`](Fault::NoUpstream), [`QueueFull`](Fault::QueueFull), [`QueueTimeout`](Fault::QueueTimeout) | 503, with `Retry-After` |
/// | [`ConnectTimeout`](Fault::ConnectTimeout) and the other timeouts | 504 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The method is CONNECT: a reverse proxy opens no tunnels.
    Method,
    /// Two parties could disagree about the end of the request (RFC 9112, 6.3).
    Framing,
    /// The path has a segment `.` or `..`, perhaps with parameters (`..;a=b`): an upstream could
    /// resolve it to another path.
    Path,
    /// The request has no host, two hosts, or a host with `;`, `=` or other characters that a
    /// reader could misinterpret.
    Host,
    /// The request body failed. The source describes the failure and determines the status.
    Body,
    /// No connection could be opened: it was refused, or the host is unreachable or unknown.
    Connect,
    /// The TLS handshake failed: the certificate is not trusted, or there is no common protocol.
    Tls,
    /// The connection ended before the response was complete.
    Closed,
    /// The response is not HTTP, exceeds the limits, or has an ambiguous length (RFC 9112, 6.3).
    Malformed,
    /// No upstream is healthy: their health checks fail, or they are ejected.
    NoUpstream,
    /// [`ProxyConfig::max_queued`](crate::ProxyConfig::max_queued) requests are in the queue
    /// already.
    QueueFull,
    /// After [`ProxyConfig::queue_timeout`](crate::ProxyConfig::queue_timeout).
    QueueTimeout,
    /// After [`ProxyConfig::connect_timeout`](crate::ProxyConfig::connect_timeout).
    ConnectTimeout,
    /// After [`ProxyConfig::tls_timeout`](crate::ProxyConfig::tls_timeout).
    TlsTimeout,
    /// After [`ProxyConfig::send_timeout`](crate::ProxyConfig::send_timeout).
    SendTimeout,
    /// After [`ProxyConfig::response_timeout`](crate::ProxyConfig::response_timeout).
    ResponseTimeout,
    /// After [`ProxyConfig::read_timeout`](crate::ProxyConfig::read_timeout), in a response body.
    ReadTimeout,
    /// After [`ProxyConfig::total_timeout`](crate::ProxyConfig::total_timeout).
    TotalTimeout,
}

impl Fault {
    /// The status and the detail that the client sees.
    #[rustfmt::skip]
    fn wire(self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Fault::Method => (S::NOT_IMPLEMENTED, "CONNECT is not supported: this is a reverse proxy"),
            Fault::Framing => (S::BAD_REQUEST, "the request has more than one length (RFC 9112, 6.3)"),
            Fault::Path => (S::BAD_REQUEST, "the path has a segment `.` or `..`, which is not forwarded"),
            Fault::Host => (S::BAD_REQUEST, "the request has no host that can be forwarded"),
            Fault::Body => (S::BAD_REQUEST, "the request body ended early or is malformed"),
            Fault::Connect => (S::BAD_GATEWAY, "the upstream cannot be reached"),
            Fault::Tls => (S::BAD_GATEWAY, "no TLS connection to the upstream could be established"),
            Fault::Closed => (S::BAD_GATEWAY, "the upstream closed the connection before it answered"),
            Fault::Malformed => (S::BAD_GATEWAY, "the response of the upstream is malformed"),
            Fault::NoUpstream => (S::SERVICE_UNAVAILABLE, "no upstream is healthy"),
            Fault::QueueFull => (S::SERVICE_UNAVAILABLE, "too many requests are waiting for the upstream"),
            Fault::QueueTimeout => (S::SERVICE_UNAVAILABLE, "the upstream stayed busy for too long"),
            Fault::ConnectTimeout => (S::GATEWAY_TIMEOUT, "the upstream did not accept the connection in time"),
            Fault::TlsTimeout => (S::GATEWAY_TIMEOUT, "the upstream did not complete the handshake in time"),
            Fault::SendTimeout => (S::GATEWAY_TIMEOUT, "the upstream did not accept the request in time"),
            Fault::ResponseTimeout => (S::GATEWAY_TIMEOUT, "the upstream did not answer in time"),
            Fault::ReadTimeout => (S::GATEWAY_TIMEOUT, "the upstream stopped in the middle of its response"),
            Fault::TotalTimeout => (S::GATEWAY_TIMEOUT, "the request took too long"),
        }
    }

    /// Whether the upstream is to blame, so that the fault counts against its health.
    pub(crate) fn is_upstreams(self) -> bool {
        matches!(
            self,
            Fault::Connect
                | Fault::Tls
                | Fault::Closed
                | Fault::Malformed
                | Fault::ConnectTimeout
                | Fault::TlsTimeout
                | Fault::SendTimeout
                | Fault::ResponseTimeout
                | Fault::ReadTimeout
        )
    }
}

impl ProxyError {
    pub(crate) fn new(fault: Fault) -> ProxyError {
        ProxyError { fault, upstream: None, source: None }
    }

    pub(crate) fn with_source(fault: Fault, source: impl Into<BoxError>) -> ProxyError {
        ProxyError { fault, upstream: None, source: Some(source.into()) }
    }

    pub(crate) fn at(mut self, upstream: &str) -> ProxyError {
        self.upstream.get_or_insert_with(|| upstream.to_owned());
        self
    }

    /// The fault, and the side that caused it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The URL of the upstream, as it was configured. `None` if no upstream was chosen.
    #[must_use]
    pub fn upstream(&self) -> Option<&str> {
        self.upstream.as_deref()
    }

    fn body(&self) -> Option<&BodyError> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self.source.as_deref()?);
        while let Some(error) = next {
            if let Some(body) = error.downcast_ref() {
                return Some(body);
            }
            next = error.source();
        }
        None
    }

    /// Logs one line, with the details that the client does not see.
    pub(crate) fn log(&self) {
        let (status, _) = self.wire();
        let (status, fault) = (status.as_u16(), self.fault);
        let upstream = self.upstream.as_deref().unwrap_or("none");
        let source = self.source.as_deref().map(|source| chain(source)).unwrap_or_default();
        if status >= 500 && self.fault != Fault::Method {
            tracing::warn!(status, ?fault, upstream, cause = source, "a request was not forwarded");
        } else {
            tracing::debug!(status, ?fault, upstream, cause = source, "a request was refused");
        }
    }

    fn wire(&self) -> (StatusCode, &'static str) {
        let (status, detail) = self.fault.wire();
        match (self.fault, self.body()) {
            (Fault::Body, Some(BodyError::TooLarge { .. })) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "the request body is larger than this server accepts",
            ),
            (Fault::Body, Some(BodyError::TimedOut)) => {
                (StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time")
            }
            _ => (status, detail),
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        // The fault at the end of a `BodyError` repeats it.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = error.source();
    }
    text
}

impl From<ProxyError> for Problem {
    fn from(error: ProxyError) -> Problem {
        let (status, detail) = error.wire();
        let problem = Problem::new(status).detail(detail).source(error);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            problem.header(header::RETRY_AFTER, HeaderValue::from_static("1"))
        } else {
            problem
        }
    }
}

impl std::fmt::Display for ProxyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.upstream {
            Some(upstream) => write!(f, "{upstream}: {}", self.wire().1),
            None => f.write_str(self.wire().1),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|error| error as _)
    }
}
