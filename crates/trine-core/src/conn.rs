//! What is known of a connection before its first byte.

use std::net::SocketAddr;

/// The connection that a request came on.
///
/// As an extractor it is found wherever `trine-server` runs the application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The address of the peer, where the transport has one.
    pub peer: Option<SocketAddr>,
    /// The address that accepted it, where the transport has one.
    pub local: Option<SocketAddr>,
    /// Whether the bytes are protected by TLS.
    pub secure: bool,
}

impl ConnInfo {
    /// A plain connection between two addresses.
    #[must_use]
    pub fn plain(peer: Option<SocketAddr>, local: Option<SocketAddr>) -> ConnInfo {
        ConnInfo { peer, local, secure: false }
    }
}
