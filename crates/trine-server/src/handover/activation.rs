//! Socket activation: the service manager listens, and starts this process with the sockets.

use std::io;

use super::inherited::Inherited;

/// The sockets that `LISTEN_FDS` tells of, if `LISTEN_PID` says that they are for this process.
#[cfg(feature = "systemd")]
pub(super) fn sockets() -> io::Result<Vec<Inherited>> {
    use std::os::fd::OwnedFd;

    use crate::listen::Origin;

    if !are_ours() {
        return Ok(Vec::new());
    }
    let mut given = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..given.len() {
        let socket = match given.take_tcp_listener(index) {
            Ok(socket) => socket.map(OwnedFd::from),
            // It may be of the other kind.
            Err(_) => given.take_unix_listener(index)?.map(OwnedFd::from),
        };
        if let Some(socket) = socket {
            // Several sockets of one address are for one place.
            sockets.push(Inherited::new(0, Origin::Manager, None, socket)?);
        }
    }
    Ok(sockets)
}

#[cfg(not(feature = "systemd"))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape with every feature")]
pub(super) fn sockets() -> io::Result<Vec<Inherited>> {
    if are_ours() {
        tracing::warn!(
            "LISTEN_FDS gives sockets to this process; taking them needs the feature `systemd`, which is off"
        );
    }
    Ok(Vec::new())
}

/// Descriptors that were meant for another process are not ours, whatever stands at their numbers
/// here.
fn are_ours() -> bool {
    std::env::var_os("LISTEN_FDS").is_some()
        && std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string())
}
