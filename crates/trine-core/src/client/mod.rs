//! The client on whose behalf a request was sent, if there are proxies between it and the server:
//! their statements about the client, and the choice of those that are believed.
//!
//! # Layout
//! - this file: [`TrustedProxies`] and the [`Client`]
//! - `forwarded`: reads the header fields of the proxies; `host`: the syntax of a host
//! - `network`: a range of peer addresses

mod forwarded;
#[cfg(any(test, fuzzing, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod host;
mod network;

use std::borrow::Cow;
use std::net::IpAddr;

use http::HeaderMap;
use http::Uri;
use http::header::HOST;

use self::forwarded::Hop;
pub use self::forwarded::is_forwarded;
use self::host::valid_host;
pub use self::network::{IpRange, Network, NetworkError};
use crate::{ConnInfo, RouteCx};

/// The header fields that the trusted proxies write. Only these are read, because a proxy that
/// writes one kind passes the other kind on as the client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`, which most proxies write. The
    /// proxy must set or remove all three.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The trusted proxies: the networks they connect from, and the header fields they write.
///
/// ```
/// use http::{HeaderMap, Uri};
/// use trine_core::ConnInfo;
/// use trine_core::client::{ForwardedBy, TrustedProxies};
///
/// let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()], ForwardedBy::XForwarded);
/// let connection = ConnInfo::plain(Some(([10, 0, 0, 1], 40_000).into()), None);
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.9".parse().unwrap());
/// headers.insert("x-forwarded-proto", "https".parse().unwrap());
///
/// let client = trusted.client(&connection, &headers, &Uri::from_static("/"));
/// // The last address that is not a trusted proxy. Anyone could have written those before it.
/// assert_eq!(client.address, Some([203, 0, 113, 7].into()));
/// assert!(client.secure);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    by: ForwardedBy,
}

/// The client on whose behalf a request was sent. [`TrustedProxies::client`] makes it.
///
/// ```
/// use http::{HeaderMap, Uri};
/// use trine_core::ConnInfo;
/// use trine_core::client::TrustedProxies;
///
/// let connection = ConnInfo::plain(Some(([192, 0, 2, 1], 40_000).into()), None);
/// let mut headers = HeaderMap::new();
/// headers.insert("host", "example.com".parse().unwrap());
/// let client =
///     TrustedProxies::default().client(&connection, &headers, &Uri::from_static("/"));
/// assert_eq!(client.address, Some([192, 0, 2, 1].into()));
/// assert_eq!(client.host.as_deref(), Some("example.com"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// The address of the client. `None` if it is unknown: on a Unix socket, or if a trusted
    /// proxy hides it.
    pub address: Option<IpAddr>,
    /// Whether the client uses TLS, either to this server or to the trusted proxy that says so.
    pub secure: bool,
    /// The host that the client asked for, with its port if the client named one. Its syntax is
    /// always valid, but the client chooses it: compare it with your own hosts before you build a
    /// link or an email from it.
    pub host: Option<String>,
}

impl Client {
    /// `https` or `http`.
    ///
    /// ```
    /// use http::{HeaderMap, Uri};
    /// use trine_core::ConnInfo;
    /// use trine_core::client::TrustedProxies;
    ///
    /// let connection = ConnInfo::plain(Some(([192, 0, 2, 1], 40_000).into()), None);
    /// let (trusted, headers) = (TrustedProxies::default(), HeaderMap::new());
    /// let client = trusted.client(&connection, &headers, &Uri::from_static("/"));
    /// assert_eq!(client.scheme(), "http");
    /// ```
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl TrustedProxies {
    /// Trusts the proxies in these networks, which write the header fields `by`. Without a network,
    /// no proxy is trusted.
    ///
    /// ```
    /// # use http::HeaderMap;
    /// # use trine_core::ConnInfo;
    /// # use trine_core::client::{ForwardedBy, TrustedProxies};
    /// let trusted = TrustedProxies::new(["unix".parse().unwrap()], ForwardedBy::Forwarded);
    /// assert_eq!(trusted.believed(&ConnInfo::unix()), Some(ForwardedBy::Forwarded));
    /// ```
    pub fn new(networks: impl IntoIterator<Item = Network>, by: ForwardedBy) -> TrustedProxies {
        TrustedProxies { networks: networks.into_iter().collect(), by }
    }

    /// The client of a request with this head on this connection.
    ///
    /// ```
    /// # use http::{HeaderMap, Uri};
    /// # use trine_core::ConnInfo;
    /// # use trine_core::client::{ForwardedBy, TrustedProxies};
    /// let trusted = TrustedProxies::new(["10.0.0.1".parse().unwrap()], ForwardedBy::Forwarded);
    /// let connection = ConnInfo::plain(Some(([10, 0, 0, 1], 40_000).into()), None);
    /// let mut headers = HeaderMap::new();
    /// headers.insert("forwarded", "for=203.0.113.7;host=example.com".parse().unwrap());
    /// let client = trusted.client(&connection, &headers, &Uri::from_static("/"));
    /// assert_eq!(client.address, Some([203, 0, 113, 7].into()));
    /// assert_eq!(client.host.as_deref(), Some("example.com"));
    /// ```
    ///
    /// The header fields are ignored if the peer of the connection is not trusted, or if nothing is
    /// known about the connection ([`ConnInfo::unknown`]). Otherwise the hops are read from the
    /// last to the first: as long as a hop was added by a trusted proxy, the search continues with
    /// the hop before it. A hop without an address (`unknown`, a pseudonym, or an invalid value)
    /// ends the search with the address `None`, and so does a malformed line of `Forwarded`. The
    /// scheme and the host are those that the outermost trusted proxy states; invalid ones are
    /// ignored.
    #[must_use]
    pub fn client(&self, connection: &ConnInfo, headers: &HeaderMap, uri: &Uri) -> Client {
        let peer = connection.peer.map(|peer| peer.ip().to_canonical());
        let direct = Client { address: peer, secure: connection.secure, host: host(headers, uri) };
        let Some(hop) = self.hop(connection, headers) else { return direct };
        let host = hop.host.filter(|host| !host.is_empty() && valid_host(host.as_bytes()));
        Client {
            address: hop.address,
            secure: hop.secure.unwrap_or(direct.secure),
            host: host.map(Cow::into_owned).or(direct.host),
        }
    }

    /// Whether the client uses TLS, either to this server or to the trusted proxy that says so. It
    /// is the field `secure` of [`TrustedProxies::client`], at a lower cost.
    ///
    /// ```
    /// # use http::HeaderMap;
    /// # use trine_core::ConnInfo;
    /// # use trine_core::client::{ForwardedBy, TrustedProxies};
    /// let trusted = TrustedProxies::new(["unix".parse().unwrap()], ForwardedBy::XForwarded);
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-forwarded-for", "203.0.113.7".parse().unwrap());
    /// headers.insert("x-forwarded-proto", "https".parse().unwrap());
    /// assert!(trusted.secure(&ConnInfo::unix(), &headers));
    /// assert!(!trusted.secure(&ConnInfo::unknown(), &headers));
    /// ```
    #[must_use]
    pub fn secure(&self, connection: &ConnInfo, headers: &HeaderMap) -> bool {
        let stated = self.hop(connection, headers).and_then(|hop| hop.secure);
        stated.unwrap_or(connection.secure)
    }

    /// The hop of the client, as the outermost trusted proxy describes it.
    fn hop<'a>(&self, connection: &ConnInfo, headers: &'a HeaderMap) -> Option<Hop<'a>> {
        match self.believed(connection)? {
            ForwardedBy::XForwarded => self.outermost(forwarded::x_forwarded(headers)),
            ForwardedBy::Forwarded => self.outermost(forwarded::forwarded(headers).into_iter()),
        }
    }

    /// The header fields that are believed on this connection. `None` if its peer is not a trusted
    /// proxy.
    #[must_use]
    pub fn believed(&self, connection: &ConnInfo) -> Option<ForwardedBy> {
        Network::any_contains(&self.networks, connection).then_some(self.by)
    }

    fn outermost<'a>(&self, hops: impl DoubleEndedIterator<Item = Hop<'a>>) -> Option<Hop<'a>> {
        let mut outermost = None;
        for hop in hops.rev() {
            let trusted = hop.address.is_some_and(|address| self.trusts(address));
            outermost = Some(hop);
            if !trusted {
                break;
            }
        }
        outermost
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(Some(address)))
    }
}

/// Whether the client of a request in a Trine application uses TLS, either to this server or to a
/// proxy of the `trusted_proxies` that says so. `None` if the connection is not known, as in a test
/// or on another server.
///
/// Every feature that depends on this uses this function: the `Secure` attribute of cookies, HSTS,
/// the redirect to HTTPS, and the check of a WebSocket's origin. Your own layers call it with the
/// [`RouteCx`] that it finds in the extensions of the request.
///
/// ```
/// use std::sync::Arc;
///
/// use http::HeaderMap;
/// use trine_core::client::over_tls;
/// use trine_core::{ConnInfo, RouteCx};
///
/// let connection = ConnInfo::plain(Some(([192, 0, 2, 1], 40_000).into()), None);
/// let route = RouteCx::new(Arc::default(), Some(Arc::new(connection)));
/// assert_eq!(over_tls(&route, &HeaderMap::new()), Some(false));
/// ```
#[must_use]
pub fn over_tls(route: &RouteCx, headers: &HeaderMap) -> Option<bool> {
    let connection = route.conn()?;
    let trusted = route.app().states.get::<TrustedProxies>();
    Some(trusted.map_or(connection.secure, |trusted| trusted.secure(connection, headers)))
}

fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let asked = uri.authority().map(|authority| authority.as_str());
    let asked = asked.or_else(|| headers.get(HOST)?.to_str().ok())?;
    Some(asked.to_owned()).filter(|host| !host.is_empty() && valid_host(host.as_bytes()))
}

#[cfg(test)]
mod tests;
