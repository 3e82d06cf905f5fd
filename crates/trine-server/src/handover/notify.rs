//! What the service manager is told, where there is one: the protocol of `sd_notify`.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells the service manager, if `NOTIFY_SOCKET` names one. It is told once, and its absence is no
/// error.
pub(crate) fn tell(state: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let told = address(name.as_bytes()).and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        // The manager may be busy; a server must not wait for it.
        socket.set_nonblocking(true)?;
        socket.send_to_addr(state.as_bytes(), &address)
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager could not be told `{}`", state.escape_debug());
    }
}

/// What a manager wants to know when a restart begins: since when, on its clock.
pub(crate) fn reloading() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000);
    format!("RELOADING=1\nMONOTONIC_USEC={micros}")
}

/// A path, or a name behind `@` that is in no file system.
fn address(name: &[u8]) -> std::io::Result<SocketAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = name.strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
}
