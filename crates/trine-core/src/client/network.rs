//! A range of peer addresses.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::ConnInfo;

/// A range of IP addresses, or the peers of a Unix socket.
///
/// Its text is a network such as `10.0.0.0/8`, a single IP address, or `unix`.
///
/// ```
/// use trine_core::client::Network;
///
/// let balancers: Network = "10.0.0.0/8".parse().unwrap();
/// assert!(balancers.contains(Some([10, 1, 2, 3].into())));
/// // The same address mapped to IPv6, as a dual-stack socket reports it.
/// assert!(balancers.contains(Some("::ffff:10.1.2.3".parse().unwrap())));
/// assert!("unix".parse::<Network>().unwrap().contains(None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// A range of addresses.
    Ip(IpRange),
    /// The peers of a Unix socket, which have no address. The mode of the socket file decides who
    /// can connect.
    Unix,
}

/// A range of IP addresses, written as a network in CIDR notation or as a single address.
///
/// ```
/// use trine_core::client::{IpRange, Network};
///
/// let range: IpRange = "192.0.2.0/24".parse().unwrap();
/// assert!(range.contains([192, 0, 2, 7].into()));
/// assert_eq!(Network::Ip(range), "192.0.2.0/24".parse().unwrap());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange(IpNet);

impl IpRange {
    /// Whether the address is in the range. An IPv4 address that is mapped to IPv6 counts as IPv4.
    ///
    /// ```
    /// use trine_core::client::IpRange;
    ///
    /// let range: IpRange = "192.0.2.0/24".parse().unwrap();
    /// assert!(range.contains("::ffff:192.0.2.7".parse().unwrap()));
    /// assert!(!range.contains([192, 0, 3, 7].into()));
    /// ```
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl Network {
    /// Whether the peer is in the network. `None` is a peer without an address, on a Unix socket.
    ///
    /// ```
    /// use trine_core::client::Network;
    ///
    /// let network: Network = "10.0.0.0/8".parse().unwrap();
    /// assert!(network.contains(Some([10, 1, 2, 3].into())));
    /// assert!(!network.contains(None) && Network::Unix.contains(None));
    /// ```
    #[must_use]
    pub fn contains(&self, peer: Option<IpAddr>) -> bool {
        match (self, peer) {
            (Network::Ip(range), Some(address)) => range.contains(address),
            (Network::Unix, None) => true,
            (Network::Ip(_), None) | (Network::Unix, Some(_)) => false,
        }
    }

    /// Whether the peer of the connection is in one of the networks. A connection about which
    /// nothing is known ([`ConnInfo::unknown`]) is in none, not even in [`Network::Unix`].
    ///
    /// ```
    /// use trine_core::ConnInfo;
    /// use trine_core::client::Network;
    ///
    /// assert!(Network::any_contains(&[Network::Unix], &ConnInfo::unix()));
    /// assert!(!Network::any_contains(&[Network::Unix], &ConnInfo::unknown()));
    /// ```
    #[must_use]
    pub fn any_contains(networks: &[Network], connection: &ConnInfo) -> bool {
        match connection.peer {
            Some(peer) => networks.iter().any(|network| network.contains(Some(peer.ip()))),
            None => connection.unix && networks.contains(&Network::Unix),
        }
    }
}

impl FromStr for IpRange {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<IpRange, NetworkError> {
        let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let range = text.parse::<IpNet>().ok().or_else(single);
        let range = range.ok_or_else(|| NetworkError(text.to_owned()))?;
        Ok(IpRange(range.trunc()))
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        if text == "unix" { Ok(Network::Unix) } else { text.parse().map(Network::Ip) }
    }
}

/// The text is not a valid [`Network`] or [`IpRange`].
///
/// ```
/// use trine_core::client::Network;
///
/// let error = "10.0.0.0/33".parse::<Network>().unwrap_err();
/// assert!(error.to_string().ends_with("got `10.0.0.0/33`"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkError(String);

impl Display for NetworkError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = &self.0;
        write!(f, "expected a network such as `10.0.0.0/8`, an IP address, or `unix`, got `{text}`")
    }
}

impl std::error::Error for NetworkError {}

impl Display for IpRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Network::Ip(range) => range.fmt(f),
            Network::Unix => f.write_str("unix"),
        }
    }
}
