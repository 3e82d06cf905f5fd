//! Sockets of either kind, as the accept loop sees them.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use trine_core::ConnInfo;

/// A socket that listens, before it belongs to a runtime.
#[derive(Debug)]
pub(crate) enum Listening {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

#[cfg(unix)]
impl From<Listening> for std::os::fd::OwnedFd {
    fn from(socket: Listening) -> Self {
        match socket {
            Listening::Tcp(socket) => socket.into(),
            Listening::Unix(socket) => socket.into(),
        }
    }
}

impl Listening {
    /// Must be called on the runtime that accepts.
    pub(crate) fn register(self) -> io::Result<Listener> {
        match self {
            Listening::Tcp(socket) => TcpListener::from_std(socket).map(Listener::Tcp),
            #[cfg(unix)]
            Listening::Unix(socket) => UnixListener::from_std(socket).map(Listener::Unix),
        }
    }

    /// The same socket once more.
    pub(crate) fn try_clone(&self) -> io::Result<Listening> {
        match self {
            Listening::Tcp(socket) => socket.try_clone().map(Listening::Tcp),
            #[cfg(unix)]
            Listening::Unix(socket) => socket.try_clone().map(Listening::Unix),
        }
    }

    #[cfg(test)]
    pub(crate) fn tcp_addr(&self) -> Option<std::net::SocketAddr> {
        match self {
            Listening::Tcp(socket) => socket.local_addr().ok(),
            #[cfg(unix)]
            Listening::Unix(_) => None,
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection.
#[derive(Debug)]
pub(crate) enum Socket {
    /// With its peer as the system told it on accept: it can no longer be asked once the peer has
    /// reset the connection, and whoever has no address would pass for one of a Unix socket.
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "http3")]
    Quic(Box<crate::h3::IncomingConnection>),
}

impl Listener {
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        match self {
            Listener::Tcp(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, peer)| Socket::Tcp(stream, peer))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| Socket::Unix(stream))
            }
        }
    }

    /// Those that wait to be accepted, and then no more: for the time when nobody is woken for them
    /// any longer.
    pub(crate) fn into_waiting(self) -> io::Result<Waiting> {
        Ok(match self {
            Listener::Tcp(listener) => Waiting::Tcp(listener.into_std()?),
            #[cfg(unix)]
            Listener::Unix(listener) => Waiting::Unix(listener.into_std()?),
        })
    }
}

/// What [`Listener::into_waiting`] gives.
#[derive(Debug)]
pub(crate) enum Waiting {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl Iterator for Waiting {
    type Item = Socket;

    fn next(&mut self) -> Option<Socket> {
        match self {
            Waiting::Tcp(listener) => {
                let (stream, peer) = listener.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                TcpStream::from_std(stream).ok().map(|stream| Socket::Tcp(stream, peer))
            }
            #[cfg(unix)]
            Waiting::Unix(listener) => {
                let (stream, _) = listener.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                UnixStream::from_std(stream).ok().map(Socket::Unix)
            }
        }
    }
}

/// What is known of a connection before its first byte. Peers of a Unix socket have no address.
pub(crate) fn info(stream: &TcpStream, peer: SocketAddr) -> ConnInfo {
    ConnInfo::plain(Some(peer), stream.local_addr().ok())
}
