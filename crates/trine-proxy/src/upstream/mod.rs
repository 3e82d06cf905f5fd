//! One server behind the proxy: where it is, and what is known of it.

pub(crate) mod balance;
pub(crate) mod health;
pub(crate) mod health_check;
pub(crate) mod permit;

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use tokio::sync::{Mutex, Notify};

use crate::connection::pool::Pool;
use crate::upstream::health::Health;

/// Where an upstream is: `http://host[:port][/base]`, `https://…` (feature `tls`), or `h2c://…` for
/// HTTP/2 in clear text, which must be known beforehand.
///
/// A path is put before that of every request.
///
/// ```
/// use trine_proxy::Upstream;
///
/// let upstream: Upstream = "http://127.0.0.1:9000/base".parse().unwrap();
/// let error = "127.0.0.1:9000".parse::<Upstream>().unwrap_err();
/// assert!(error.to_string().contains("http://"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub(crate) protocol: Protocol,
    pub(crate) authority: Authority,
    pub(crate) base: String,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// HTTP/2 by prior knowledge.
    H2c,
    /// What ALPN says.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "never made"))]
    Tls,
}

impl Upstream {
    /// The host to look up and its port.
    pub(crate) fn address(&self) -> (&str, u16) {
        let host = self.authority.host();
        // An IPv6 address is in brackets in a URI and nowhere else.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (
            host,
            self.authority.port_u16().unwrap_or(if self.protocol == Protocol::Tls {
                443
            } else {
                80
            }),
        )
    }

    pub(crate) fn scheme(&self) -> Scheme {
        if self.protocol == Protocol::Tls { Scheme::HTTPS } else { Scheme::HTTP }
    }

    pub(crate) fn host_value(&self) -> HeaderValue {
        HeaderValue::from_str(self.authority.as_str())
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Upstream, UpstreamError> {
        let wrong = |why| UpstreamError { text: text.to_owned(), why };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(NO_SCHEME))?;
        let protocol = match scheme {
            "http" => Protocol::Http1,
            "h2c" => Protocol::H2c,
            "https" if cfg!(feature = "tls") => Protocol::Tls,
            "https" => return Err(wrong("`https` needs the feature `tls` of trine-proxy")),
            _ => return Err(wrong(NO_SCHEME)),
        };
        // `http` knows how to read a URI of these two schemes alone.
        let uri = Uri::from_str(&format!("http://{rest}")).map_err(|_| wrong("it is not a URL"))?;
        if uri.query().is_some() {
            return Err(wrong("an upstream has no query; that of the request is passed on"));
        }
        let authority = uri.authority().cloned().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("an upstream has no user name; set `Authorization` in a layer"));
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

/// What is wrong with the URL of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamError {
    text: String,
    why: &'static str,
}

impl UpstreamError {
    pub(crate) const NONE: UpstreamError =
        UpstreamError { text: String::new(), why: "there must be at least one upstream" };
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not the URL of an upstream: {}, as in `http://127.0.0.1:9000`",
            self.text, self.why
        )
    }
}

impl std::error::Error for UpstreamError {}

/// An upstream at work: its connections, its health, its requests.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) upstream: Upstream,
    pub(crate) name: String,
    pub(crate) health: Health,
    pub(crate) pool: Pool,
    /// Requests that hold a place.
    pub(crate) pending: AtomicUsize,
    /// Requests that wait for one.
    pub(crate) queued: AtomicUsize,
    /// Held by the first of them, who alone looks for a place.
    pub(crate) first: Mutex<()>,
    pub(crate) freed: Notify,
}

impl Node {
    pub(crate) fn new(upstream: Upstream) -> Node {
        Node {
            name: upstream.to_string(),
            upstream,
            health: Health::default(),
            pool: Pool::default(),
            pending: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            first: Mutex::new(()),
            freed: Notify::new(),
        }
    }

    pub(crate) fn load(&self) -> usize {
        self.pending.load(Ordering::Relaxed) + self.queued.load(Ordering::Relaxed)
    }
}

/// The path of the upstream before that of the request, byte for byte.
pub(crate) fn join(base: &str, target: &PathAndQuery) -> Option<PathAndQuery> {
    if base.is_empty() {
        return Some(target.clone());
    }
    if target.path() == "*" {
        return Some(target.clone());
    }
    PathAndQuery::try_from(format!("{base}{target}")).ok()
}
