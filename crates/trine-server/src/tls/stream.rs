//! The bytes inside of TLS as a stream of the engine's.

use std::io::{self, BufRead as _, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::io::Io;

/// A stream of plain bytes over one of protected ones, from the first record of the handshake on.
///
/// What is written is encrypted at once and written to the socket as far as that takes it. The rest
/// is *held back*: [`Io::holds_back`] says so, so that the engine waits for the client's reading
/// and not for its own buffer.
#[derive(Debug)]
pub(crate) struct TlsStream<I> {
    io: I,
    // It is large, and a future that moves it on would hold it twice.
    tls: Box<ServerConnection>,
    /// The client's end without its word (`close_notify`) is an end like one with it. See
    /// [`Io::raw`].
    lenient: bool,
    /// Our word was said.
    closed: bool,
}

impl<I: Io> TlsStream<I> {
    pub(crate) fn new(io: I, tls: ServerConnection) -> TlsStream<I> {
        TlsStream { io, tls: Box::new(tls), lenient: true, closed: false }
    }

    pub(crate) fn tls(&self) -> &ServerConnection {
        &self.tls
    }

    pub(crate) fn socket(&mut self) -> &mut I {
        &mut self.io
    }

    pub(crate) fn into_socket(self) -> I {
        self.io
    }

    /// Ready once both sides have proved what they must, and what we had to say about it is on its
    /// way.
    pub(crate) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.is_handshaking() {
            ready!(self.poll_send(cx))?;
            if self.tls.is_handshaking() && ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, ENDED)));
            }
        }
        // Session tickets. They need not be read before the first request is.
        self.poll_send(cx).map_ok(drop)
    }

    /// Takes bytes that were read from the socket before.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes)?;
            self.understand()?;
        }
        Ok(())
    }

    /// Reads records once; 0 at the end of the socket.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(blocking(self.tls.read_tls(&mut Socket { io: &mut self.io, cx })))?;
        self.understand()?;
        Poll::Ready(Ok(read))
    }

    fn understand(&mut self) -> io::Result<()> {
        self.tls
            .process_new_packets()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(())
    }

    /// Writes what is held back to its end. Tells how much that was.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut sent = 0;
        while self.tls.wants_write() {
            match ready!(self.poll_send_some(cx))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                some => sent += some,
            }
        }
        Poll::Ready(Ok(sent))
    }

    fn poll_send_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        blocking(self.tls.write_tls(&mut Socket { io: &mut self.io, cx }))
    }

    /// Encrypts, then writes what fits. Nothing is taken while earlier bytes are held back.
    fn poll_protect(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let taken = write(&mut self.tls.writer())?;
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }
}

const ENDED: &str = "the connection ended during the handshake";

impl<I: Io> Io for TlsStream<I> {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // It wants nothing more while it has something to give.
        if self.tls.wants_read() { self.io.poll_read_ready(cx) } else { Poll::Ready(Ok(())) }
    }

    fn is_reset(&self) -> bool {
        self.io.is_reset()
    }

    fn abort(&mut self) {
        self.io.abort();
    }

    fn holds_back(&self) -> bool {
        self.tls.wants_write()
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.poll_send_some(cx)
    }

    fn says_goodbye(&self) -> bool {
        true
    }

    fn raw(&mut self) {
        self.lenient = false;
    }
}

impl<I: Io> AsyncRead for TlsStream<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let mut reader = this.tls.reader();
            match reader.fill_buf() {
                Ok(bytes) => {
                    let len = bytes.len().min(buf.remaining());
                    buf.put_slice(&bytes[..len]);
                    reader.consume(len);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && this.lenient => {
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if let Err(error) = ready!(this.poll_receive(cx)) {
                // The connection ends, whether the socket takes the reason or not.
                let _ = this.poll_send(cx);
                return Poll::Ready(Err(error));
            }
            // The answer to a new key, say. It is at most one at a time, and leaves with what is
            // written next at the latest.
            if let Poll::Ready(Err(error)) = this.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
        }
    }
}

impl<I: Io> AsyncWrite for TlsStream<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_protect(cx, |tls| tls.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_protect(cx, |tls| tls.write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Only with our word does the client know that nothing was cut off (RFC 8446, 6.1).
        if !std::mem::replace(&mut this.closed, true) {
            this.tls.send_close_notify();
        }
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

/// The socket in the eyes of rustls, which knows no polling.
struct Socket<'a, 'b, I> {
    io: &'a mut I,
    cx: &'a mut Context<'b>,
}

impl<I: Io> Read for Socket<'_, '_, I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        nonblocking(Pin::new(&mut *self.io).poll_read(self.cx, &mut buf))?;
        Ok(buf.filled().len())
    }
}

impl<I: Io> Write for Socket<'_, '_, I> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        nonblocking(Pin::new(&mut *self.io).poll_write(self.cx, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        nonblocking(Pin::new(&mut *self.io).poll_write_vectored(self.cx, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn nonblocking<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn blocking<T>(done: io::Result<T>) -> Poll<io::Result<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}
