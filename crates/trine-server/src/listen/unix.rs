//! Unix sockets: files, with permissions, that somebody has to remove.

use std::io;
use std::path::Path;

use crate::listen::socket::Listening;

/// Binds one socket, which all workers are to share: the system balances between TCP sockets only.
#[cfg(unix)]
pub(crate) fn bind(path: &Path, mode: u32, backlog: i32) -> io::Result<Listening> {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    use std::os::unix::net::UnixStream;

    use socket2::{Domain, SockAddr, Socket, Type};

    // Only a socket that nobody answers on is left over from a run that was killed.
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?
            }
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before it listens, and then the permissions hold.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(backlog)?;
    Ok(Listening::Unix(socket.into()))
}

#[cfg(not(unix))]
pub(crate) fn bind(_: &Path, _: u32, _: i32) -> io::Result<Listening> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

/// Removes the files of sockets at the end of a server, unless another process has taken over.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) ours: Vec<std::path::PathBuf>,
    /// They become ours when the old process hands over, and stay where it goes on.
    pub(crate) inherited: Vec<std::path::PathBuf>,
    #[cfg(unix)]
    pub(crate) estate: std::sync::Arc<crate::handover::Estate>,
}

impl Files {
    pub(crate) fn take_over(&mut self) {
        self.ours.append(&mut self.inherited);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        #[cfg(unix)]
        if self.estate.is_handed_over() {
            return;
        }
        for path in &self.ours {
            // Somebody may have been faster; a file that stays is replaced by the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}
