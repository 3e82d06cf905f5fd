//! From each listener to its sockets, and from these to a share per worker.
//!
//! If the system balances between sockets of one port (`SO_REUSEPORT` on Linux), every worker gets
//! a socket of its own: connections spread evenly, and no worker wakes up for a connection of
//! another one. On other systems the workers share one socket.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::ServerError;
#[cfg(unix)]
use crate::handover::Adopted;
use crate::listen::address::Address;
use crate::listen::listener::Listener;
use crate::listen::socket::{ListeningSocket, Origin};
use crate::listen::unix;

/// A listener with its open sockets, which are all different.
#[derive(Debug)]
pub(crate) struct BoundListener {
    /// The configured address: port 0 is still 0.
    pub(crate) requested: Address,
    /// The actual address: its port is the one that the system chose for port 0.
    pub(crate) address: Address,
    pub(crate) sockets: Vec<ListeningSocket>,
    pub(crate) origin: Origin,
}

/// Opens all listeners, with up to `workers` sockets each.
pub(crate) fn bind(
    listeners: &[Listener],
    backlog: i32,
    workers: usize,
) -> Result<Vec<BoundListener>, ServerError> {
    listeners.iter().map(|listener| open(listener, backlog, workers)).collect()
}

fn open(listener: &Listener, backlog: i32, workers: usize) -> Result<BoundListener, ServerError> {
    let requested = listener.address.clone();
    let failed = |source| ServerError::Bind { address: listener.address.clone(), source };
    #[cfg(unix)]
    if let Some(Adopted { sockets, origin }) = crate::handover::adopt(&listener.address, backlog)? {
        let address = match sockets.first() {
            Some(ListeningSocket::Tcp(socket)) => {
                socket.local_addr().map(Address::Tcp).map_err(failed)?
            }
            _ => listener.address.clone(),
        };
        return Ok(BoundListener { requested, address, sockets, origin });
    }
    let (address, sockets) = match &listener.address {
        Address::Tcp(address) => {
            let (sockets, address) = bind_all(*address, backlog, workers).map_err(failed)?;
            (Address::Tcp(address), sockets.into_iter().map(ListeningSocket::Tcp).collect())
        }
        Address::Unix(path) => {
            let socket = unix::bind(path, listener.unix_mode, backlog).map_err(failed)?;
            (listener.address.clone(), vec![socket])
        }
    };
    Ok(BoundListener { requested, address, sockets, origin: Origin::Own })
}

/// Distributes the sockets among the workers, each with the index of its listener. A worker gets
/// one socket of each listener, or several if a process with more workers opened them. If there are
/// too few, workers share a socket.
pub(crate) fn distribute(
    listeners: Vec<BoundListener>,
    workers: usize,
) -> io::Result<Vec<Vec<(usize, ListeningSocket)>>> {
    let mut shares: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    for (listener, BoundListener { sockets, .. }) in listeners.into_iter().enumerate() {
        let missing = workers.saturating_sub(sockets.len());
        let cloned = sockets.iter().cycle().take(missing).map(ListeningSocket::try_clone);
        let cloned = cloned.collect::<io::Result<Vec<_>>>()?;
        for (index, socket) in sockets.into_iter().chain(cloned).enumerate() {
            shares[index % workers].push((listener, socket));
        }
    }
    Ok(shares)
}

const BALANCED: bool = cfg!(any(target_os = "linux", target_os = "android"));

fn bind_all(
    address: SocketAddr,
    backlog: i32,
    count: usize,
) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    let balanced = BALANCED && count > 1;
    if balanced && address.port() != 0 {
        // With SO_REUSEPORT, a second instance would start without an error and take half of the
        // traffic.
        drop(bind_one(address, backlog, false)?);
    }
    let first = bind_one(address, backlog, balanced)?;
    // Port 0: the system picks the port for the first socket, and the others join it.
    let address = first.local_addr()?;
    let mut all = vec![first];
    while balanced && all.len() < count {
        all.push(bind_one(address, backlog, true)?);
    }
    Ok((all, address))
}

/// The number of unsent bytes that the system holds per connection.
///
/// Without this limit it accepts megabytes at once, and reports that it accepts more only after a
/// third of them: a client that reads 20 kB/s would look as if it had not read for a minute.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 256 * 1024;

fn bind_one(address: SocketAddr, backlog: i32, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it, a restart would have to wait until the system has forgotten the connections of
    // the last run. On Windows the option means something else.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if shared {
        socket.set_reuse_port(true)?;
    }
    // Accepted sockets inherit it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_notsent_lowat(UNSENT)?;
    let _ = shared;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_local(port: u16, workers: usize) -> Result<BoundListener, ServerError> {
        open(&Listener::tcp(([127, 0, 0, 1], port).into()), 1024, workers)
    }

    #[test]
    fn all_workers_listen_on_the_port_that_the_first_one_picked() {
        let bound = bind_local(0, 3).unwrap();
        assert_eq!(bound.sockets.len(), 3);
        assert!(bound.sockets.iter().all(|socket| socket.tcp_addr() == bound.address.tcp()));
    }

    #[test]
    fn each_worker_gets_a_socket_of_each_listener() {
        let any = Listener::tcp(([127, 0, 0, 1], 0).into());
        let shares = distribute(bind(&[any.clone(), any], 1024, 3).unwrap(), 3).unwrap();
        let ports = |share: &Vec<(usize, ListeningSocket)>| -> Vec<u16> {
            share.iter().map(|(_, socket)| socket.tcp_addr().unwrap().port()).collect()
        };
        assert_eq!(shares.len(), 3);
        assert_eq!(ports(&shares[0]).len(), 2);
        assert!(shares.iter().all(|share| ports(share) == ports(&shares[0])));
    }

    #[test]
    fn a_second_instance_is_refused_with_the_reason() {
        for workers in [1, 2] {
            let first = bind_local(0, workers).unwrap();
            let address = first.address.tcp().unwrap();
            let error = bind_local(address.port(), 2).unwrap_err().to_string();
            assert!(error.contains("is in use") && error.contains(&address.to_string()), "{error}");
        }
    }
}
