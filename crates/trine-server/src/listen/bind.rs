//! From the configured places to one listener per place and worker.
//!
//! Where the system balances between sockets of one port (`SO_REUSEPORT` on Linux), every worker
//! gets a socket of its own: connections spread evenly, and no worker is woken for another's.
//! Elsewhere the workers share one socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::forwarded::network::Network;
#[cfg(unix)]
use crate::handover::Adopted;
use crate::listen::address::Address;
use crate::listen::socket::Listening;
use crate::listen::unix;
use crate::semantics::https::HttpsRedirect;
use crate::server::connection::Door;
#[cfg(feature = "tls-core")]
use crate::tls::Tls;

/// One place to listen at, and what its connections must do before their first request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The address to listen on.
    pub address: Address,
    /// The permissions of a Unix socket's file. Default: 0o660, for this user and group.
    pub unix_mode: u32,
    /// The balancers in front of this listener that begin each connection with a PROXY header
    /// (version 1 or 2 of HAProxy's protocol), which says for whom it is;
    /// [`ConnInfo`](trine_core::ConnInfo) has the address that it names. Where somebody is listed,
    /// a connection of anybody else, or without a valid header within
    /// [`ServerConfig::handshake_timeout`], ends. Default: none, and a header is no HTTP.
    pub proxy_protocol: Vec<Network>,
    /// How TLS is spoken here. Default: not at all.
    #[cfg(feature = "tls-core")]
    pub tls: Option<Tls>,
    /// Whether HTTP/3 is spoken here too, at the UDP port of the same number; it needs `tls`.
    /// Experimental. Default: false.
    #[cfg(feature = "http3")]
    pub http3: bool,
    /// Leads every request to HTTPS instead of serving it. Default: no.
    pub redirect: Option<HttpsRedirect>,
}

impl Listen {
    /// Plain HTTP at a TCP address.
    #[must_use]
    pub fn tcp(address: SocketAddr) -> Listen {
        Listen {
            address: Address::Tcp(address),
            unix_mode: 0o660,
            proxy_protocol: Vec::new(),
            #[cfg(feature = "tls-core")]
            tls: None,
            #[cfg(feature = "http3")]
            http3: false,
            redirect: None,
        }
    }

    /// Plain HTTP at a Unix socket.
    ///
    /// ```
    /// use trine_server::{Listen, ServerConfig};
    ///
    /// let socket = Listen { unix_mode: 0o666, ..Listen::unix("/run/app.sock") };
    /// let config = ServerConfig { listeners: vec![socket], ..ServerConfig::default() };
    /// ```
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Listen {
        Listen {
            address: Address::Unix(path.into()),
            ..Listen::tcp(SocketAddr::from(([0, 0, 0, 0], 0)))
        }
    }

    /// Plain HTTP at a TCP address, where every request is led to HTTPS.
    #[must_use]
    pub fn redirect_to_https(address: SocketAddr, redirect: HttpsRedirect) -> Listen {
        Listen { redirect: Some(redirect), ..Listen::tcp(address) }
    }

    /// HTTP over TLS at a TCP address.
    #[cfg(feature = "tls-core")]
    #[must_use]
    pub fn tls(address: SocketAddr, tls: Tls) -> Listen {
        Listen { tls: Some(tls), ..Listen::tcp(address) }
    }

    /// HTTP/3 beside it, at the UDP port of the same number; the answers of the other versions tell
    /// clients of it (Alt-Svc). Experimental.
    #[cfg(feature = "http3")]
    #[must_use]
    pub fn http3(mut self) -> Listen {
        self.http3 = true;
        self
    }

    /// `https` or `http`: how clients write the address.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls-core")]
        if self.tls.is_some() {
            return "https";
        }
        "http"
    }
}

/// An open place: its sockets, no two of them the same, and the door that leads in.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) address: Address,
    pub(crate) door: Arc<Door>,
    pub(crate) sockets: Vec<Listening>,
    pub(crate) origin: Origin,
}

impl Opened {
    /// The file of a Unix socket.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.address.path().map(Into::into)
    }
}

/// Who opened a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Here,
    /// The process that this one takes over from.
    #[cfg_attr(not(unix), expect(dead_code, reason = "sockets are handed over on Unix"))]
    OldProcess,
    /// The service manager, which goes on listening there when this process has ended.
    #[cfg_attr(not(unix), expect(dead_code, reason = "sockets are handed over on Unix"))]
    Manager,
}

/// What one worker gets of an open place.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) door: Arc<Door>,
    pub(crate) socket: Listening,
}

/// Opens every place. All sockets are made before the first connection is accepted.
pub(crate) fn bind(config: &ServerConfig) -> Result<Vec<Opened>, ServerError> {
    #[cfg_attr(
        not(feature = "acme"),
        expect(unused_mut, reason = "nothing is shared between plain places")
    )]
    let mut places = config.places();
    #[cfg(feature = "acme")]
    crate::tls::acme::share(&mut places).map_err(ServerError::Tls)?;
    let (limits, trusted) = (config.limits(), Arc::new(config.trusted()));
    let door = |listen: &Listen, address: &Address| {
        Door::new(listen, address, &limits, &trusted).map(Arc::new)
    };
    places.iter().map(|listen| open(listen, config, door)).collect()
}

fn open(
    listen: &Listen,
    config: &ServerConfig,
    door: impl Fn(&Listen, &Address) -> Result<Arc<Door>, ServerError>,
) -> Result<Opened, ServerError> {
    let failed = |source| ServerError::Bind { address: listen.address.clone(), source };
    #[cfg(unix)]
    if let Some(Adopted { sockets, origin }) =
        crate::handover::adopt(&listen.address, config.backlog)?
    {
        let address = match sockets.first() {
            Some(Listening::Tcp(socket)) => {
                socket.local_addr().map(Address::Tcp).map_err(failed)?
            }
            _ => listen.address.clone(),
        };
        let door = door(listen, &address)?;
        return Ok(Opened { address, door, sockets, origin });
    }
    let (address, sockets) = match &listen.address {
        Address::Tcp(address) => {
            let bound = bind_all(*address, config.backlog, config.worker_count());
            let (sockets, address) = bound.map_err(failed)?;
            (Address::Tcp(address), sockets.into_iter().map(Listening::Tcp).collect())
        }
        Address::Unix(path) => {
            let socket = unix::bind(path, listen.unix_mode, config.backlog).map_err(failed)?;
            (listen.address.clone(), vec![socket])
        }
    };
    let door = door(listen, &address)?;
    Ok(Opened { address, door, sockets, origin: Origin::Here })
}

/// Shares out the sockets of each place: a worker gets one, or several where a process with more
/// workers opened them. Where there are too few, workers share.
pub(crate) fn share_out(opened: Vec<Opened>, workers: usize) -> io::Result<Vec<Vec<Entrance>>> {
    let mut shares: Vec<Vec<Entrance>> = (0..workers).map(|_| Vec::new()).collect();
    for Opened { door, sockets, .. } in opened {
        let missing = workers.saturating_sub(sockets.len());
        let shared: Vec<_> = sockets
            .iter()
            .cycle()
            .take(missing)
            .map(Listening::try_clone)
            .collect::<io::Result<_>>()?;
        for (index, socket) in sockets.into_iter().chain(shared).enumerate() {
            shares[index % workers].push(Entrance { door: Arc::clone(&door), socket });
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
        // With SO_REUSEPORT a second instance would start silently and take half of the traffic.
        drop(bind_one(address, backlog, false)?);
    }
    let first = bind_one(address, backlog, balanced)?;
    // Port 0: the first listener picks the port, the others join it.
    let address = first.local_addr()?;
    let mut all = vec![first];
    while balanced && all.len() < count {
        all.push(bind_one(address, backlog, true)?);
    }
    Ok((all, address))
}

/// How many bytes the system holds of an answer beyond those that are on their way.
///
/// Otherwise it takes megabytes at once and says only after a third of them that it takes more: a
/// client that reads 20 kB/s all the time would look like one that has not read for a minute.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 256 * 1024;

fn bind_one(address: SocketAddr, backlog: i32, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it a restart would wait for the connections of the last run to be forgotten. On
    // Windows it means something else.
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
        let opened = bind(&config(0, 3)).unwrap().remove(0);
        assert_eq!(opened.sockets.len(), 3);
        assert!(opened.sockets.iter().all(|socket| socket.tcp_addr() == opened.address.tcp()));
    }

    #[test]
    fn each_worker_gets_a_socket_of_each_place() {
        let anywhere = Listen::tcp(config(0, 0).socket_addr());
        let two = ServerConfig { listeners: vec![anywhere.clone(), anywhere], ..config(1, 3) };
        let shares = share_out(bind(&two).unwrap(), 3).unwrap();
        let ports = |share: &Vec<Entrance>| -> Vec<u16> {
            share.iter().map(|entrance| entrance.socket.tcp_addr().unwrap().port()).collect()
        };
        assert_eq!(shares.len(), 3);
        assert_eq!(ports(&shares[0]).len(), 2);
        assert!(shares.iter().all(|share| ports(share) == ports(&shares[0])));
    }

    #[test]
    fn a_second_instance_is_refused_and_told_why() {
        for workers in [1, 2] {
            let first = bind(&config(0, workers)).unwrap();
            let address = first[0].address.tcp().unwrap();
            let error = bind(&config(address.port(), 2)).unwrap_err().to_string();
            assert!(error.contains("is in use") && error.contains(&address.to_string()), "{error}");
        }
    }
}
