//! The address of the peer, in the extension where axum's extractors expect it.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::Extensions;

/// Inserts `ConnectInfo<SocketAddr>` into the extensions of a request, unless a layer has inserted
/// one.
///
/// It is the peer, as on axum's own server, and not the client that a trusted proxy reports. Code
/// that compares `X-Forwarded-For` with the peer would be deceived by the latter.
pub(crate) fn insert_connect_info(extensions: &mut Extensions, peer: Option<SocketAddr>) {
    let Some(peer) = peer else { return };
    if extensions.get::<ConnectInfo<SocketAddr>>().is_none() {
        extensions.insert(ConnectInfo(peer));
    }
}
