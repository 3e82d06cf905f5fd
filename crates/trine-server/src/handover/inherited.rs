//! The new process: the listening sockets that it received at its start, and the listeners that
//! adopt them.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::Socket;

use super::error::HandoverError;
use super::{MANAGER, OWN, VARIABLE, activation, frame};
use crate::error::ServerError;
use crate::listen::address::Address;
use crate::listen::socket::{ListeningSocket, Origin};

/// The old process sends the sockets at once.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The sockets that this process has received and that no listener has adopted yet.
#[derive(Debug, Default)]
pub(super) struct InheritedSockets {
    /// The socket to the old process, if there is one.
    pub(super) old: Option<UnixStream>,
    pub(super) sockets: Vec<InheritedSocket>,
    received: bool,
}

/// A listening socket from outside.
#[derive(Debug)]
pub(super) struct InheritedSocket {
    /// The index of its listener in the old process.
    index: usize,
    origin: Origin,
    /// The address of that listener as it was configured, if known.
    requested: Option<String>,
    /// The address that it listens on.
    pub(super) address: Address,
    socket: Socket,
}

static INHERITED: Mutex<InheritedSockets> =
    Mutex::new(InheritedSockets { old: None, sockets: Vec::new(), received: false });

pub(super) fn inherited_sockets() -> MutexGuard<'static, InheritedSockets> {
    INHERITED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sockets of a listener that were open before this process started; there is at least one.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) sockets: Vec<ListeningSocket>,
    pub(crate) origin: Origin,
}

/// Takes the sockets of a listener from those that this process has received, if there are any.
/// Each socket is taken once.
pub(crate) fn adopt(requested: &Address, backlog: i32) -> Result<Option<Adopted>, ServerError> {
    let mut all = inherited_sockets();
    if !all.received {
        all.received = true;
        if let Some(old) = old_process() {
            all.receive(old).map_err(|error| {
                ServerError::Handover(HandoverError::io(
                    "the sockets of the old process were not received",
                )(error))
            })?;
        }
        let activated = activation::sockets().map_err(|error| {
            ServerError::Handover(HandoverError::io("the sockets of LISTEN_FDS cannot be used")(
                error,
            ))
        })?;
        all.sockets.extend(activated);
    }
    let taken = all.take(requested);
    drop(all);
    let Some(origin) = taken.first().map(|socket| socket.origin) else { return Ok(None) };
    let ready = |InheritedSocket { socket, .. }: InheritedSocket| {
        // The backlog may have changed in the configuration.
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        Ok(match requested {
            Address::Tcp(_) => ListeningSocket::Tcp(socket.into()),
            Address::Unix(_) => ListeningSocket::Unix(socket.into()),
        })
    };
    let sockets =
        taken.into_iter().map(ready).collect::<io::Result<_>>().map_err(ServerError::Start)?;
    Ok(Some(Adopted { sockets, origin }))
}

impl InheritedSockets {
    fn receive(&mut self, old: UnixStream) -> io::Result<()> {
        old.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
        let (_, stdin) = frame::receive(&old)?;
        // Processes that this one starts must not inherit the socket to the old process.
        rustix::stdio::dup2_stdin(stdin.ok_or(io::ErrorKind::InvalidData)?)?;
        loop {
            let (text, descriptor) = frame::receive(&old)?;
            let Some(descriptor) = descriptor else { break };
            let (index, origin, requested) = parse(&text).ok_or(io::ErrorKind::InvalidData)?;
            self.sockets.push(InheritedSocket::new(
                index,
                origin,
                Some(requested.to_owned()),
                descriptor,
            )?);
        }
        self.old = Some(old);
        Ok(())
    }

    /// Takes all sockets that were opened for this address. If several listeners have the same one
    /// (port 0 twice), it takes those of the first.
    fn take(&mut self, requested: &Address) -> Vec<InheritedSocket> {
        let text = requested.to_string();
        let fits = |socket: &InheritedSocket| {
            socket.requested.as_ref() == Some(&text)
                || socket.address == *requested
                || both_unspecified(requested, &socket.address)
        };
        let Some(index) =
            self.sockets.iter().filter(|socket| fits(socket)).map(|socket| socket.index).min()
        else {
            return Vec::new();
        };
        let (taken, left) = std::mem::take(&mut self.sockets)
            .into_iter()
            .partition(|socket| socket.index == index && fits(socket));
        self.sockets = left;
        taken
    }
}

impl InheritedSocket {
    pub(super) fn new(
        index: usize,
        origin: Origin,
        requested: Option<String>,
        descriptor: OwnedFd,
    ) -> io::Result<InheritedSocket> {
        let socket = Socket::from(descriptor);
        let address = local_address(&socket)?;
        Ok(InheritedSocket { index, origin, requested, address, socket })
    }
}

/// Whether both are all addresses of this machine, at the same port: service managers use `[::]`
/// for `0.0.0.0` too.
fn both_unspecified(one: &Address, other: &Address) -> bool {
    let (Some(one), Some(other)) = (one.tcp(), other.tcp()) else { return false };
    one.port() == other.port() && one.ip().is_unspecified() && other.ip().is_unspecified()
}

/// Parses the text of a message: the index, the origin and the configured address.
fn parse(text: &str) -> Option<(usize, Origin, &str)> {
    let mut parts = text.splitn(3, ' ');
    let index = parts.next()?.parse().ok()?;
    let origin = match parts.next()? {
        OWN => Origin::OldProcess,
        MANAGER => Origin::ServiceManager,
        _ => return None,
    };
    Some((index, origin, parts.next()?))
}

fn local_address(socket: &Socket) -> io::Result<Address> {
    let local = socket.local_addr()?;
    match (local.as_socket(), local.as_pathname()) {
        (Some(address), _) => Ok(Address::Tcp(address)),
        (None, Some(path)) => Ok(Address::Unix(path.into())),
        (None, None) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the socket is neither a TCP socket nor a Unix socket with a path",
        )),
    }
}

/// The socket to the old process, if there is one.
fn old_process() -> Option<UnixStream> {
    let named = std::env::var(VARIABLE).ok()?;
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get().to_string());
    let stdin = io::stdin();
    let is_socket = || {
        let name = rustix::net::getsockname(stdin.as_fd());
        name.is_ok_and(|name| name.address_family() == rustix::net::AddressFamily::UNIX)
    };
    if parent.as_deref() != Some(&named) || !is_socket() {
        tracing::debug!("{VARIABLE} belongs to another process and is ignored");
        return None;
    }
    stdin.as_fd().try_clone_to_owned().ok().map(UnixStream::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited(index: usize, requested: &str) -> InheritedSocket {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        InheritedSocket::new(index, Origin::OldProcess, Some(requested.to_owned()), socket.into())
            .unwrap()
    }

    #[test]
    fn a_listener_adopts_the_sockets_that_were_opened_for_it() {
        let sockets = vec![
            inherited(1, "127.0.0.1:0"),
            inherited(0, "127.0.0.1:0"),
            inherited(1, "127.0.0.1:0"),
            inherited(2, "[::1]:80"),
        ];
        let first = sockets[1].address.clone();
        let last = sockets[3].address.clone();
        let mut all = InheritedSockets { sockets, ..InheritedSockets::default() };
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let taken = all.take(&anywhere);
        assert_eq!(taken.iter().map(|socket| socket.address.clone()).collect::<Vec<_>>(), [first]);
        assert_eq!(all.take(&anywhere).len(), 2);
        assert_eq!(all.take(&anywhere).len(), 0);
        // The configuration may contain the address that the system had chosen.
        assert_eq!(all.take(&last).len(), 1);
        assert!(all.sockets.is_empty());
    }

    #[test]
    fn a_stale_variable_is_ignored() {
        // No old process has started this one.
        assert!(old_process().is_none());
    }
}
