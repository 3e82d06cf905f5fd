//! The address of the peer, where axum's extractors look for it.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::Extensions;

/// Leaves `ConnectInfo<SocketAddr>` in the request, unless a layer left one.
///
/// It is the peer, as on axum's own server, and not the client that a trusted proxy tells of: code
/// that weighs `X-Forwarded-For` against the peer would be deceived.
pub(crate) fn leave(extensions: &mut Extensions, peer: Option<SocketAddr>) {
    let Some(peer) = peer else { return };
    if extensions.get::<ConnectInfo<SocketAddr>>().is_none() {
        extensions.insert(ConnectInfo(peer));
    }
}
