//! Who is meant by a range of addresses.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// A range of IP addresses, or whoever connects by a Unix socket.
///
/// ```
/// use trine_server::Network;
///
/// let balancers: Network = "10.0.0.0/8".parse().unwrap();
/// assert!(balancers.contains(Some([10, 1, 2, 3].into())));
/// // The same address in the clothes of IPv6, as a socket for both kinds reports it.
/// assert!(balancers.contains(Some("::ffff:10.1.2.3".parse().unwrap())));
/// assert!("unix".parse::<Network>().unwrap().contains(None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// A range of addresses.
    Ip(IpRange),
    /// Peers of a Unix socket, which have no address: the mode of its file says who they are.
    Unix,
}

/// See [`Network::Ip`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange(IpNet);

impl Network {
    /// Whether this peer is in it; `None` is a peer without an address.
    #[must_use]
    pub fn contains(&self, peer: Option<IpAddr>) -> bool {
        match (self, peer) {
            (Network::Ip(IpRange(range)), Some(address)) => range.contains(&address.to_canonical()),
            (Network::Unix, None) => true,
            (Network::Ip(_), None) | (Network::Unix, Some(_)) => false,
        }
    }

    /// Whether a connection comes from one of these.
    pub(crate) fn any(networks: &[Network], peer: Option<SocketAddr>) -> bool {
        networks.iter().any(|network| network.contains(peer.map(|peer| peer.ip())))
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        if text == "unix" {
            return Ok(Network::Unix);
        }
        let range =
            text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        range.map(|range| Network::Ip(IpRange(range.trunc()))).ok_or_else(|| {
            format!(
                "expected a network such as `10.0.0.0/8`, an IP address, or `unix`, got `{text}`"
            )
        })
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Network::Ip(IpRange(range)) => range.fmt(f),
            Network::Unix => f.write_str("unix"),
        }
    }
}
