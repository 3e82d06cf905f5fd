//! Socket activation: the service manager opens the sockets and starts this process with them.

use std::io;

use super::inherited::InheritedSocket;

/// The sockets of `LISTEN_FDS`, if `LISTEN_PID` is this process.
#[cfg(feature = "systemd")]
pub(super) fn sockets() -> io::Result<Vec<InheritedSocket>> {
    use std::os::fd::OwnedFd;

    use crate::listen::socket::Origin;

    if !are_ours() {
        return Ok(Vec::new());
    }
    let mut given = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..given.len() {
        let socket = match given.take_tcp_listener(index) {
            Ok(socket) => socket.map(OwnedFd::from),
            // It may be a Unix socket.
            Err(_) => given.take_unix_listener(index)?.map(OwnedFd::from),
        };
        if let Some(socket) = socket {
            // Several sockets with the same address belong to one listener.
            sockets.push(InheritedSocket::new(0, Origin::ServiceManager, None, socket)?);
        }
    }
    Ok(sockets)
}

#[cfg(not(feature = "systemd"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature with every feature")]
pub(super) fn sockets() -> io::Result<Vec<InheritedSocket>> {
    if are_ours() {
        tracing::warn!(
            "LISTEN_FDS passes sockets to this process; using them needs the feature `systemd`, which is off"
        );
    }
    Ok(Vec::new())
}

/// Whether the descriptors are for this process. Otherwise their numbers may belong to other files
/// here.
fn are_ours() -> bool {
    std::env::var_os("LISTEN_FDS").is_some()
        && std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string())
}
