//! Binding a Unix socket, which is a file with permissions.

use std::io;
use std::path::Path;

use crate::listen::socket::ListeningSocket;

/// Binds one socket, which all workers share: the system balances between TCP sockets only.
#[cfg(unix)]
pub(crate) fn bind(path: &Path, mode: u32, backlog: i32) -> io::Result<ListeningSocket> {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    use std::os::unix::net::UnixStream;

    use socket2::{Domain, SockAddr, Socket, Type};

    // If no process answers on the socket, it was left behind by a process that was killed.
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?;
            }
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // No client can connect before it listens, and by then the permissions apply.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(backlog)?;
    Ok(ListeningSocket::Unix(socket.into()))
}

#[cfg(not(unix))]
pub(crate) fn bind(_: &Path, _: u32, _: i32) -> io::Result<ListeningSocket> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}
