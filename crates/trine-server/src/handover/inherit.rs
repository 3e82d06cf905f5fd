//! The side of the new process: the listening sockets that it was given at its start, and who takes them.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::Socket;

use super::error::HandoverError;
use super::{VARIABLE, frame};
use crate::error::ServerError;

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
    /// That place as it was configured, if that is known.
    asked: Option<String>,
    /// Where it listens.
    pub(super) here: String,
    socket: Socket,
}

static INHERITANCE: Mutex<Inheritance> =
    Mutex::new(Inheritance { old: None, sockets: Vec::new(), looked: false });

pub(super) fn inheritance() -> MutexGuard<'static, Inheritance> {
    INHERITANCE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the sockets for a place out of what this process was given; mostly there are none. Each is taken once.
pub(crate) fn adopt(asked: &str, backlog: i32) -> Result<Vec<TcpListener>, ServerError> {
    let mut all = inheritance();
    if !all.looked {
        all.looked = true;
        if let Some(old) = old_process() {
            all.receive(old).map_err(|error| {
                ServerError::Handover(HandoverError::io("the sockets of the old process did not come")(error))
            })?;
        }
    }
    let taken = all.take(asked);
    drop(all);
    let ready = |Inherited { socket, .. }: Inherited| {
        // The configuration may have changed.
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        Ok(TcpListener::from(socket))
    };
    taken.into_iter().map(ready).collect::<io::Result<_>>().map_err(ServerError::Start)
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
            let place = text.split_once(' ').and_then(|(index, asked)| Some((index.parse().ok()?, asked)));
            let (index, asked) = place.ok_or(io::ErrorKind::InvalidData)?;
            self.sockets.push(Inherited::new(index, Some(asked.to_owned()), descriptor)?);
        }
        self.old = Some(old);
        Ok(())
    }

    /// All that were opened for the place; of several places with one name (port 0 twice), the first.
    fn take(&mut self, asked: &str) -> Vec<Inherited> {
        let fits = |socket: &Inherited| socket.asked.as_deref() == Some(asked) || socket.here == asked;
        let Some(index) = self.sockets.iter().filter(|socket| fits(socket)).map(|socket| socket.index).min()
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
    pub(super) fn new(index: usize, asked: Option<String>, descriptor: OwnedFd) -> io::Result<Inherited> {
        let socket = Socket::from(descriptor);
        let here = match socket.local_addr()?.as_socket() {
            Some(address) => address.to_string(),
            None => String::from("a socket of another kind"),
        };
        Ok(Inherited { index, asked, here, socket })
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
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        Inherited::new(index, Some(asked.to_owned()), socket.into()).unwrap()
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
        let taken = all.take("127.0.0.1:0");
        assert_eq!(taken.iter().map(|socket| socket.here.as_str()).collect::<Vec<_>>(), [first]);
        assert_eq!(all.take("127.0.0.1:0").len(), 2);
        assert_eq!(all.take("127.0.0.1:0").len(), 0);
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
