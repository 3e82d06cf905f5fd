//! Listening sockets of either kind, and the connections that they accept.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use trine_core::ConnInfo;

/// The process that opened a listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This process.
    Own,
    /// The process that this one takes over from.
    #[cfg_attr(not(unix), expect(dead_code, reason = "sockets are handed over on Unix"))]
    OldProcess,
    /// The service manager, which continues to listen after the end of this process.
    #[cfg_attr(not(unix), expect(dead_code, reason = "sockets are handed over on Unix"))]
    ServiceManager,
}

/// A listening socket before it is registered with a runtime.
#[derive(Debug)]
pub(crate) enum ListeningSocket {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

#[cfg(unix)]
impl From<ListeningSocket> for std::os::fd::OwnedFd {
    fn from(socket: ListeningSocket) -> Self {
        match socket {
            ListeningSocket::Tcp(socket) => socket.into(),
            ListeningSocket::Unix(socket) => socket.into(),
        }
    }
}

impl ListeningSocket {
    /// Registers the socket with the current runtime, which must be the one that accepts.
    pub(crate) fn register(self) -> io::Result<AsyncListener> {
        match self {
            ListeningSocket::Tcp(socket) => TcpListener::from_std(socket).map(AsyncListener::Tcp),
            #[cfg(unix)]
            ListeningSocket::Unix(socket) => {
                UnixListener::from_std(socket).map(AsyncListener::Unix)
            }
        }
    }

    /// Another descriptor of the same socket.
    pub(crate) fn try_clone(&self) -> io::Result<ListeningSocket> {
        match self {
            ListeningSocket::Tcp(socket) => socket.try_clone().map(ListeningSocket::Tcp),
            #[cfg(unix)]
            ListeningSocket::Unix(socket) => socket.try_clone().map(ListeningSocket::Unix),
        }
    }

    #[cfg(test)]
    pub(crate) fn tcp_addr(&self) -> Option<std::net::SocketAddr> {
        match self {
            ListeningSocket::Tcp(socket) => socket.local_addr().ok(),
            #[cfg(unix)]
            ListeningSocket::Unix(_) => None,
        }
    }
}

/// A listening socket that is registered with a runtime.
#[derive(Debug)]
pub(crate) enum AsyncListener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection that was accepted, or that a QUIC client wants to open.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// With the peer address from the accept: after the peer has reset the connection, the system
    /// no longer knows it, and a connection without an address would be taken for one of a Unix
    /// socket.
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "http3")]
    Quic(Box<crate::h3::IncomingConnection>),
}

impl AsyncListener {
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            AsyncListener::Tcp(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, peer)| Accepted::Tcp(stream, peer))
            }
            #[cfg(unix)]
            AsyncListener::Unix(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| Accepted::Unix(stream))
            }
        }
    }

    /// The connections that wait to be accepted, without waiting for more: for the end of a worker,
    /// whose tasks are no longer woken.
    pub(crate) fn into_backlog(self) -> io::Result<Backlog> {
        Ok(match self {
            AsyncListener::Tcp(listener) => Backlog::Tcp(listener.into_std()?),
            #[cfg(unix)]
            AsyncListener::Unix(listener) => Backlog::Unix(listener.into_std()?),
        })
    }
}

/// The connections that the system has already completed: see [`AsyncListener::into_backlog`].
#[derive(Debug)]
pub(crate) enum Backlog {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl Iterator for Backlog {
    type Item = Accepted;

    fn next(&mut self) -> Option<Accepted> {
        match self {
            Backlog::Tcp(listener) => {
                let (stream, peer) = listener.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                TcpStream::from_std(stream).ok().map(|stream| Accepted::Tcp(stream, peer))
            }
            #[cfg(unix)]
            Backlog::Unix(listener) => {
                let (stream, _) = listener.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                UnixStream::from_std(stream).ok().map(Accepted::Unix)
            }
        }
    }
}

/// What is known about a TCP connection before its first byte.
pub(crate) fn info(stream: &TcpStream, peer: SocketAddr) -> ConnInfo {
    ConnInfo::plain(Some(peer), stream.local_addr().ok())
}
