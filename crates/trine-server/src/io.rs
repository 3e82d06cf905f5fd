//! The socket as the engine sees it: bytes, and readiness before bytes.

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A byte stream that can say that it has something to read before a buffer is held for it.
///
/// Tokio has no such trait, and TLS has no such method: a TLS stream answers from its own state.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin {
    /// Ready when a read would give bytes, the end or an error. It may be wrong; then the read is pending.
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether the peer has reset the stream, as far as that can be told without reading from it.
    fn is_reset(&self) -> bool {
        false
    }

    /// Makes the end of the stream look broken to the peer: for answers that only the end of the connection ends.
    fn abort(&mut self) {}

    /// Whether it took bytes that the socket has not taken yet. A plain socket never does.
    fn holds_back(&self) -> bool {
        false
    }

    /// Gives the socket some of what is held back, and tells how much it took.
    fn poll_drain(&mut self, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    /// Whether the peer should be told of an end that a plain socket tells by closing.
    fn says_goodbye(&self) -> bool {
        false
    }

    /// From here on the bytes are not HTTP, which says itself where a message ends: an end that somebody may have
    /// forged is an error.
    fn raw(&mut self) {}
}

impl Io for TcpStream {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        TcpStream::poll_read_ready(self, cx)
    }

    fn is_reset(&self) -> bool {
        !matches!(self.take_error(), Ok(None))
    }

    fn abort(&mut self) {
        // A socket that refuses the option is closed in order, which is the best that is left.
        let _ = self.set_zero_linger();
    }
}

#[cfg(test)]
impl Io for tokio::io::DuplexStream {
    fn poll_read_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
