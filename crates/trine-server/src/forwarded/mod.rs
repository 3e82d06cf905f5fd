//! For whom a request is, where proxies stand between: what they say, and who of them is believed.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod network;
mod said;

use std::borrow::Cow;
use std::net::IpAddr;

use http::HeaderMap;
use http::Uri;
use http::header::HOST;
use trine_core::{ConnInfo, RouteCx};

use self::said::Hop;
use crate::forwarded::network::Network;
use crate::h1::codec::host::valid_host;

/// Which header fields the trusted proxies write. Only these are read: a proxy that writes one kind
/// passes the other on as a client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedBy {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`, as most do. The proxy has to
    /// set or remove all three.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose word counts.
///
/// ```
/// use http::{HeaderMap, Uri};
/// use trine_core::ConnInfo;
/// use trine_server::{ForwardedBy, TrustedProxies};
///
/// let ours = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()], ForwardedBy::XForwarded);
/// let connection = ConnInfo::plain(Some(([10, 0, 0, 1], 40_000).into()), None);
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.9".parse().unwrap());
/// headers.insert("x-forwarded-proto", "https".parse().unwrap());
///
/// let client = ours.client(&connection, &headers, &Uri::from_static("/"));
/// // The last that no proxy of ours is; what stands before it, anybody may have written.
/// assert_eq!(client.address, Some([203, 0, 113, 7].into()));
/// assert!(client.secure);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    by: ForwardedBy,
}

/// For whom a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// The address of the client. `None` where it is not known: on a Unix socket, or where a
    /// trusted proxy hides it.
    pub address: Option<IpAddr>,
    /// Whether the client speaks TLS: to us, or to the proxy that says so.
    pub secure: bool,
    /// The host that the client asked for, with its port if it named one. It is always of valid
    /// syntax, and still chosen by whoever sent the request: compare it with the hosts that are
    /// yours before a link or a mail is made of it.
    pub host: Option<String>,
}

impl Client {
    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl TrustedProxies {
    /// These networks, and where they say it. Without a network, nobody is believed.
    pub fn new(networks: impl IntoIterator<Item = Network>, by: ForwardedBy) -> TrustedProxies {
        TrustedProxies { networks: networks.into_iter().collect(), by }
    }

    /// For whom the request with this head came on this connection.
    ///
    /// From a peer that is not trusted, the header fields count for nothing, and so on a connection
    /// of which nothing is known ([`ConnInfo::unknown`]). From one that is, its hops are walked
    /// from the last on: as long as a hop was made by a proxy of ours, the one before it counts. A
    /// hop that names no address (`unknown`, a pseudonym, nonsense) ends the walk with `None`; so
    /// does a line of `Forwarded` that breaks its grammar. Scheme and host are those that the
    /// outermost trusted proxy states; those that are no scheme or host are passed over.
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

    /// Whether the client speaks TLS: to us, or to the trusted proxy that says so. It is the answer
    /// that [`TrustedProxies::client`] has among others, for less.
    #[must_use]
    pub fn secure(&self, connection: &ConnInfo, headers: &HeaderMap) -> bool {
        let said = self.hop(connection, headers).and_then(|hop| hop.secure);
        said.unwrap_or(connection.secure)
    }

    /// The hop of the client, as the outermost trusted proxy tells it.
    fn hop<'a>(&self, connection: &ConnInfo, headers: &'a HeaderMap) -> Option<Hop<'a>> {
        match self.believed(connection)? {
            ForwardedBy::XForwarded => self.outermost(said::x_forwarded(headers)),
            ForwardedBy::Forwarded => self.outermost(said::forwarded(headers).into_iter()),
        }
    }

    /// Which header fields count that come on this connection. `None` where its peer is no proxy
    /// that is trusted.
    #[must_use]
    pub fn believed(&self, connection: &ConnInfo) -> Option<ForwardedBy> {
        is_one_of(&self.networks, connection).then_some(self.by)
    }

    fn outermost<'a>(&self, hops: impl DoubleEndedIterator<Item = Hop<'a>>) -> Option<Hop<'a>> {
        let mut outermost = None;
        for hop in hops.rev() {
            let ours = hop.address.is_some_and(|address| self.trusts(address));
            outermost = Some(hop);
            if !ours {
                break;
            }
        }
        outermost
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(Some(address)))
    }
}

/// Whether the peer of a connection is one of these.
pub(crate) fn is_one_of(networks: &[Network], connection: &ConnInfo) -> bool {
    match connection.peer {
        Some(peer) => networks.iter().any(|network| network.contains(Some(peer.ip()))),
        // Of a connection of which nothing is known, it is not known that it came by a Unix socket.
        None => connection.unix && networks.contains(&Network::Unix),
    }
}

/// Whether a line of `Forwarded` keeps to its grammar (RFC 7239, 4).
///
/// A proxy asks before it appends to a line that others began: its own words would fall into a
/// quote that is left open.
///
/// ```
/// assert!(trine_server::is_forwarded(b"for=192.0.2.43;proto=https, for=\"[2001:db8::1]\""));
/// assert!(!trine_server::is_forwarded(b"for=192.0.2.43;host=\"half"));
/// ```
#[must_use]
pub fn is_forwarded(line: &[u8]) -> bool {
    said::is_forwarded(line)
}

/// Whether the client of a request in a Trine application speaks TLS: to us, or to a proxy of
/// `trusted_proxies` that says so. `None` where no connection is known, as in a test or on a
/// foreign server.
///
/// It is the one answer to this question: for the `Secure` of cookies,
/// [`Hsts`](crate::semantics::https::Hsts),
/// [`HttpsRedirect`](crate::semantics::https::HttpsRedirect), the check of the origin of
/// WebSockets, and layers of yours, which find the match in the extensions of the request.
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
