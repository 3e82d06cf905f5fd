//! From an address to one listener per worker.
//!
//! Where the system balances between sockets of one port (`SO_REUSEPORT` on Linux), every worker gets a socket of its
//! own: connections spread evenly, and no worker is woken for another's. Elsewhere the workers share one socket.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::ServerConfig;
use crate::error::ServerError;

/// Binds one listener per worker. All are made before the first connection is accepted.
pub(crate) fn bind(config: &ServerConfig) -> Result<(Vec<TcpListener>, SocketAddr), ServerError> {
    let address = config.socket_addr();
    bind_all(address, config.backlog, config.worker_count())
        .map_err(|source| ServerError::Bind { address, source })
}

const BALANCED: bool = cfg!(any(target_os = "linux", target_os = "android"));

fn bind_all(address: SocketAddr, backlog: i32, count: usize) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    let balanced = BALANCED && count > 1;
    if balanced && address.port() != 0 {
        // With SO_REUSEPORT a second instance would start silently and take half of the traffic.
        drop(bind_one(address, backlog, false)?);
    }
    let first = bind_one(address, backlog, balanced)?;
    // Port 0: the first listener picks the port, the others join it.
    let address = first.local_addr()?;
    let mut all = vec![first];
    while all.len() < count {
        all.push(if balanced { bind_one(address, backlog, true)? } else { all[0].try_clone()? });
    }
    Ok((all, address))
}

/// How many bytes the system holds of an answer beyond those that are on their way.
///
/// Otherwise it takes megabytes at once and says only after a third of them that it takes more: a client that reads
/// 20 kB/s all the time would look like one that has not read for a minute.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 256 * 1024;

fn bind_one(address: SocketAddr, backlog: i32, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it a restart would wait for the connections of the last run to be forgotten. On Windows it means
    // something else.
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

    fn config(port: u16, workers: usize) -> ServerConfig {
        ServerConfig { port, workers, ..ServerConfig::default() }
    }

    #[test]
    fn all_workers_listen_on_the_port_that_the_first_one_picked() {
        let (all, address) = bind(&config(0, 3)).unwrap();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|listener| listener.local_addr().unwrap() == address));
    }

    #[test]
    fn a_second_instance_is_refused_and_told_why() {
        for workers in [1, 2] {
            let (_first, address) = bind(&config(0, workers)).unwrap();
            let error = bind(&config(address.port(), 2)).unwrap_err().to_string();
            assert!(error.contains("is in use") && error.contains(&address.to_string()), "{error}");
        }
    }
}
