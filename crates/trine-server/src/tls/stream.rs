//! The decrypted bytes of a TLS connection as a stream.

use std::io::{self, BufRead as _, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::io::Io;

/// A stream of decrypted bytes over a TLS connection, from the first record of the handshake on.
///
/// Written bytes are encrypted at once, and written to the socket as far as it accepts them. The
/// rest is *held back*: [`Io::holds_back`] reports it, so that the minimum rate of a response is
/// measured at the socket and not at this buffer.
#[derive(Debug)]
pub(crate) struct TlsStream<I> {
    io: I,
    // It is large, and a future that moves it would contain it twice.
    tls: Box<ServerConnection>,
    /// Whether the client may close the connection without `close_notify`. See [`Io::raw`].
    lenient: bool,
    /// Whether our `close_notify` was sent.
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

    /// Ready once the handshake is complete and our last messages of it are sent.
    pub(crate) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.is_handshaking() {
            ready!(self.poll_send(cx))?;
            if self.tls.is_handshaking() && ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, ENDED)));
            }
        }
        // Session tickets. The client need not read them before its first request.
        self.poll_send(cx).map_ok(drop)
    }

    /// Processes bytes that were read from the socket before.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes)?;
            self.process()?;
        }
        Ok(())
    }

    /// Reads from the socket once. Returns 0 at its end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(blocking(self.tls.read_tls(&mut Socket { io: &mut self.io, cx })))?;
        self.process()?;
        Poll::Ready(Ok(read))
    }

    fn process(&mut self) -> io::Result<()> {
        self.tls
            .process_new_packets()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(())
    }

    /// Writes all bytes that are held back, and returns their number.
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

    /// Encrypts bytes and writes as many as the socket accepts. No bytes are accepted while earlier
    /// ones are held back.
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
        // rustls does not want to read while it has decrypted bytes.
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
                // The connection ends, whether or not the alert can be sent.
                let _ = this.poll_send(cx);
                return Poll::Ready(Err(error));
            }
            // For example the response to a key update. There is at most one at a time, and it is
            // sent with the next write at the latest.
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
        // Without `close_notify`, the client cannot know that the data is complete (RFC 8446, 6.1).
        if !std::mem::replace(&mut this.closed, true) {
            this.tls.send_close_notify();
        }
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

/// The socket as rustls needs it: non-blocking, with `WouldBlock` instead of `Poll::Pending`.
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
