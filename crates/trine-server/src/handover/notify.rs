//! Notifications to the service manager, if there is one: the protocol of `sd_notify`.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends a notification if `NOTIFY_SOCKET` names a service manager. A failure is only logged.
pub(super) fn notify(state: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let sent = address(name.as_bytes()).and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        // The server must not wait for a manager that is busy.
        socket.set_nonblocking(true)?;
        socket.send_to_addr(state.as_bytes(), &address)
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "the service manager could not be notified of `{}`", state.escape_debug());
    }
}

/// The notification that a restart begins, with the time on the monotonic clock.
pub(super) fn reloading() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000);
    format!("RELOADING=1\nMONOTONIC_USEC={micros}")
}

/// A path, or with `@` a name in the abstract namespace.
fn address(name: &[u8]) -> std::io::Result<SocketAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = name.strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
}
