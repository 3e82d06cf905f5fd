//! The side of the new process: the listening sockets that it was given at its start, and who takes
//! them.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::Socket;

use super::error::HandoverError;
use super::{LENT, OWN, VARIABLE, activation, frame};
use crate::error::ServerError;
use crate::listen::Origin;
use crate::listen::address::Address;
use crate::listen::socket::Listening;

/// The old process sends at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// What this process was given, and is not yet taken.
#[derive(Debug, Default)]
pub(super) struct Inheritance {
    /// The socket to the old process, if there is one.
    pub(super) old: Option<UnixStream>,
    pub(super) sockets: Vec<Inherited>,
    looked: bool,
}

/// A listening socket from outside.
#[derive(Debug)]
pub(super) struct Inherited {
    /// Which of the old one's places.
    index: usize,
    origin: Origin,
    /// That place as it was configured, if that is known.
    asked: Option<String>,
    /// Where it listens.
    pub(super) here: Address,
    socket: Socket,
}

static INHERITANCE: Mutex<Inheritance> =
    Mutex::new(Inheritance { old: None, sockets: Vec::new(), looked: false });

pub(super) fn inheritance() -> MutexGuard<'static, Inheritance> {
    INHERITANCE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sockets of a place that were open before this process began; there is one at least.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) sockets: Vec<Listening>,
    pub(crate) origin: Origin,
}

/// Takes the sockets for a place out of what this process was given; mostly there are none. Each is
/// taken once.
pub(crate) fn adopt(asked: &Address, backlog: i32) -> Result<Option<Adopted>, ServerError> {
    let mut all = inheritance();
    if !all.looked {
        all.looked = true;
        if let Some(old) = old_process() {
            all.receive(old).map_err(|error| {
                ServerError::Handover(HandoverError::io(
                    "the sockets of the old process did not come",
                )(error))
            })?;
        }
        let given = activation::sockets().map_err(|error| {
            ServerError::Handover(HandoverError::io("the sockets of LISTEN_FDS cannot be used")(
                error,
            ))
        })?;
        all.sockets.extend(given);
    }
    let taken = all.take(asked);
    drop(all);
    let Some(origin) = taken.first().map(|socket| socket.origin) else { return Ok(None) };
    let ready = |Inherited { socket, .. }: Inherited| {
        // The configuration may have changed.
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        Ok(match asked {
            Address::Tcp(_) => Listening::Tcp(socket.into()),
            Address::Unix(_) => Listening::Unix(socket.into()),
        })
    };
    let sockets =
        taken.into_iter().map(ready).collect::<io::Result<_>>().map_err(ServerError::Start)?;
    Ok(Some(Adopted { sockets, origin }))
}

impl Inheritance {
    fn receive(&mut self, old: UnixStream) -> io::Result<()> {
        old.set_read_timeout(Some(PATIENCE))?;
        let (_, stdin) = frame::receive(&old)?;
        // Whatever this process starts must not hold the way to the old one.
        rustix::stdio::dup2_stdin(stdin.ok_or(io::ErrorKind::InvalidData)?)?;
        loop {
            let (text, descriptor) = frame::receive(&old)?;
            let Some(descriptor) = descriptor else { break };
            let (index, origin, asked) = place(&text).ok_or(io::ErrorKind::InvalidData)?;
            self.sockets.push(Inherited::new(index, origin, Some(asked.to_owned()), descriptor)?);
        }
        self.old = Some(old);
        Ok(())
    }

    /// All that were opened for the place; of several places with one name (port 0 twice), the
    /// first.
    fn take(&mut self, asked: &Address) -> Vec<Inherited> {
        let text = asked.to_string();
        let fits = |socket: &Inherited| {
            socket.asked.as_ref() == Some(&text)
                || socket.here == *asked
                || everywhere(asked, &socket.here)
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

impl Inherited {
    pub(super) fn new(
        index: usize,
        origin: Origin,
        asked: Option<String>,
        descriptor: OwnedFd,
    ) -> io::Result<Inherited> {
        let socket = Socket::from(descriptor);
        let here = address(&socket)?;
        Ok(Inherited { index, origin, asked, here, socket })
    }
}

/// Both are every address of this machine, at one port: managers say `[::]` where `0.0.0.0` is
/// meant too.
fn everywhere(asked: &Address, here: &Address) -> bool {
    let (Some(asked), Some(here)) = (asked.tcp(), here.tcp()) else { return false };
    asked.port() == here.port() && asked.ip().is_unspecified() && here.ip().is_unspecified()
}

/// Which place a message tells of.
fn place(text: &str) -> Option<(usize, Origin, &str)> {
    let mut parts = text.splitn(3, ' ');
    let index = parts.next()?.parse().ok()?;
    let origin = match parts.next()? {
        OWN => Origin::OldProcess,
        LENT => Origin::Manager,
        _ => return None,
    };
    Some((index, origin, parts.next()?))
}

fn address(socket: &Socket) -> io::Result<Address> {
    let local = socket.local_addr()?;
    match (local.as_socket(), local.as_pathname()) {
        (Some(address), _) => Ok(Address::Tcp(address)),
        (None, Some(path)) => Ok(Address::Unix(path.into())),
        (None, None) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a socket that is neither of TCP nor a file",
        )),
    }
}

/// The socket to an old process, where there is one.
fn old_process() -> Option<UnixStream> {
    let named = std::env::var(VARIABLE).ok()?;
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get().to_string());
    let stdin = io::stdin();
    let is_socket = || {
        let name = rustix::net::getsockname(stdin.as_fd());
        name.is_ok_and(|name| name.address_family() == rustix::net::AddressFamily::UNIX)
    };
    if parent.as_deref() != Some(&named) || !is_socket() {
        tracing::debug!("{VARIABLE} is of another process, and means nothing here");
        return None;
    }
    stdin.as_fd().try_clone_to_owned().ok().map(UnixStream::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited(index: usize, asked: &str) -> Inherited {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Inherited::new(index, Origin::OldProcess, Some(asked.to_owned()), socket.into()).unwrap()
    }

    #[test]
    fn a_place_takes_what_was_opened_for_it() {
        let sockets = vec![
            inherited(1, "127.0.0.1:0"),
            inherited(0, "127.0.0.1:0"),
            inherited(1, "127.0.0.1:0"),
            inherited(2, "[::1]:80"),
        ];
        let first = sockets[1].here.clone();
        let last = sockets[3].here.clone();
        let mut all = Inheritance { sockets, ..Inheritance::default() };
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let taken = all.take(&anywhere);
        assert_eq!(taken.iter().map(|socket| socket.here.clone()).collect::<Vec<_>>(), [first]);
        assert_eq!(all.take(&anywhere).len(), 2);
        assert_eq!(all.take(&anywhere).len(), 0);
        // The address that the system had chosen can be written into the configuration.
        assert_eq!(all.take(&last).len(), 1);
        assert!(all.sockets.is_empty());
    }

    #[test]
    fn a_stale_variable_means_nothing() {
        // This process was not started by an old one.
        assert!(old_process().is_none());
    }
}
