//! The URL of an upstream.

use std::fmt;
use std::str::FromStr;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

/// The URL of an upstream: `http://host[:port][/base]`, `https://…` (feature `tls`), or `h2c://…`
/// for HTTP/2 without TLS, which both sides must agree on beforehand.
///
/// The base path is put before the path of every request.
///
/// ```
/// use trine_proxy::Upstream;
///
/// let upstream: Upstream = "http://127.0.0.1:9000/base".parse().unwrap();
/// assert_eq!(upstream.to_string(), "http://127.0.0.1:9000/base");
/// let error = "127.0.0.1:9000".parse::<Upstream>().unwrap_err();
/// assert!(error.to_string().contains("http://"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub(crate) protocol: UpstreamProtocol,
    pub(crate) authority: Authority,
    pub(crate) base: String,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpstreamProtocol {
    Http1,
    /// HTTP/2 with prior knowledge.
    H2c,
    /// TLS with the protocol that ALPN selects.
    #[cfg_attr(not(feature = "tls-core"), allow(dead_code, reason = "never made"))]
    Tls,
}

impl Upstream {
    /// The host to resolve, and the port.
    pub(crate) fn address(&self) -> (&str, u16) {
        let host = self.authority.host();
        // An IPv6 address has brackets in a URI only.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let default_port = if self.protocol == UpstreamProtocol::Tls { 443 } else { 80 };
        (host, self.authority.port_u16().unwrap_or(default_port))
    }

    pub(crate) fn scheme(&self) -> Scheme {
        if self.protocol == UpstreamProtocol::Tls { Scheme::HTTPS } else { Scheme::HTTP }
    }

    pub(crate) fn host_value(&self) -> HeaderValue {
        HeaderValue::from_str(self.authority.as_str())
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The base path followed by the target of a request, byte for byte.
    pub(crate) fn join(&self, target: &PathAndQuery) -> Option<PathAndQuery> {
        if self.base.is_empty() || target.path() == "*" {
            return Some(target.clone());
        }
        PathAndQuery::try_from(format!("{}{target}", self.base)).ok()
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Upstream, UpstreamError> {
        let wrong = |reason| UpstreamError { text: text.to_owned(), reason };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(NO_SCHEME))?;
        let protocol = match scheme {
            "http" => UpstreamProtocol::Http1,
            "h2c" => UpstreamProtocol::H2c,
            "https" if cfg!(feature = "tls-core") => UpstreamProtocol::Tls,
            "https" => return Err(wrong("`https` needs the feature `tls` of trine-proxy")),
            _ => return Err(wrong(NO_SCHEME)),
        };
        // The crate `http` parses only URIs of the schemes `http` and `https`.
        let uri = Uri::from_str(&format!("http://{rest}")).map_err(|_| wrong("it is not a URL"))?;
        if uri.query().is_some() {
            return Err(wrong("it has a query, but the query of each request is passed on"));
        }
        let authority = uri.authority().cloned().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it has a user name; set `Authorization` in a layer instead"));
        }
        if authority.host().is_empty() {
            return Err(wrong("it names no host"));
        }
        let base = uri.path().trim_end_matches('/').to_owned();
        Ok(Upstream { protocol, authority, base, text: text.to_owned() })
    }
}

impl TryFrom<&str> for Upstream {
    type Error = UpstreamError;

    fn try_from(text: &str) -> Result<Upstream, UpstreamError> {
        text.parse()
    }
}

impl TryFrom<String> for Upstream {
    type Error = UpstreamError;

    fn try_from(text: String) -> Result<Upstream, UpstreamError> {
        text.parse()
    }
}

impl TryFrom<&String> for Upstream {
    type Error = UpstreamError;

    fn try_from(text: &String) -> Result<Upstream, UpstreamError> {
        text.parse()
    }
}

impl From<std::convert::Infallible> for UpstreamError {
    fn from(never: std::convert::Infallible) -> UpstreamError {
        match never {}
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const NO_SCHEME: &str = "it must begin with `http://`, `https://` or `h2c://`";

/// The reason why a text is not the URL of an [`Upstream`], or why a proxy has no upstream.
///
/// ```
/// use trine_proxy::Proxy;
///
/// let error = Proxy::to("http://127.0.0.1:9000/?debug=1").unwrap_err();
/// assert!(error.to_string().contains("it has a query"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamError {
    text: String,
    reason: &'static str,
}

impl UpstreamError {
    pub(crate) const NONE: UpstreamError =
        UpstreamError { text: String::new(), reason: "there must be at least one upstream" };
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UpstreamError { text, reason } = self;
        write!(f, "`{text}` is not the URL of an upstream: {reason}, as in `http://127.0.0.1:9000`")
    }
}

impl std::error::Error for UpstreamError {}
