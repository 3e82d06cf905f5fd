//! The byte stream of a connection, as the engine sees it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use trine_core::body::FileBody;

/// A byte stream that reports its readiness to be read, so that no buffer is held while it waits.
///
/// Tokio has no such trait. A TLS stream implements it from its own state.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin {
    /// Ready when a read would return bytes, the end of the stream, or an error. A false report is
    /// allowed; the read is then pending.
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether the peer has reset the stream, as far as that is known without reading.
    fn is_reset(&self) -> bool {
        false
    }

    /// Whether [`Io::poll_send_file`] is supported.
    fn sends_files(&self) -> bool {
        false
    }

    /// Sends bytes of a file without copying them, as many as the system takes at once. The caller
    /// advances the offset.
    fn poll_send_file(&mut self, _: &mut Context<'_>, _: &FileBody) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    /// Ends the stream in a way that looks broken to the peer, for a response that is incomplete
    /// and whose end is the end of the connection.
    fn abort(&mut self) {}

    /// Whether the stream holds bytes that the socket has not taken yet. A plain socket holds none.
    fn holds_back(&self) -> bool {
        false
    }

    /// Writes held back bytes to the socket, and returns their number.
    fn poll_drain(&mut self, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    /// Whether the stream sends a message of its own before its socket is closed.
    fn says_goodbye(&self) -> bool {
        false
    }

    /// Called when the bytes are no longer HTTP, which marks the end of each message itself. From
    /// then on, an end of the stream that an attacker may have forged is an error.
    fn raw(&mut self) {}
}

impl Io for TcpStream {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        TcpStream::poll_read_ready(self, cx)
    }

    fn is_reset(&self) -> bool {
        !matches!(self.take_error(), Ok(None))
    }

    fn sends_files(&self) -> bool {
        cfg!(any(target_os = "linux", target_os = "android"))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn poll_send_file(&mut self, cx: &mut Context<'_>, file: &FileBody) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            match self.try_io(Interest::WRITABLE, || send_file(self, file)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A file system without support for it, on an old kernel.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    return copy_file(cx, self, file);
                }
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn abort(&mut self) {
        // A socket that refuses the option is closed in the usual way.
        let _ = self.set_zero_linger();
    }
}

/// A stream of any kind. The engine is compiled for each type of stream, so the rare ones share
/// this type.
pub(crate) struct AnyIo(Box<dyn Io + Send>);

impl AnyIo {
    pub(crate) fn new(io: impl Io + Send + 'static) -> AnyIo {
        AnyIo(Box::new(io))
    }
}

impl Io for AnyIo {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx)
    }

    fn is_reset(&self) -> bool {
        self.0.is_reset()
    }

    fn abort(&mut self) {
        self.0.abort();
    }
}

impl AsyncRead for AnyIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for AnyIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(unix)]
impl Io for UnixStream {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        UnixStream::poll_read_ready(self, cx)
    }

    fn is_reset(&self) -> bool {
        !matches!(self.take_error(), Ok(None))
    }
}

/// Sends a bounded part of the file, so that a fast peer does not block the other connections of
/// this thread.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn send_file(socket: &TcpStream, file: &FileBody) -> io::Result<usize> {
    const MOST: u64 = 1024 * 1024;
    let count = usize::try_from(file.len.min(MOST)).unwrap_or(0);
    Ok(rustix::fs::sendfile(socket, &file.file, Some(&mut file.offset.clone()), count)?)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn copy_file(
    cx: &mut Context<'_>,
    socket: &mut TcpStream,
    file: &FileBody,
) -> Poll<io::Result<usize>> {
    use std::os::unix::fs::FileExt as _;
    let mut chunk = vec![0; usize::try_from(file.len.min(64 * 1024)).unwrap_or(0)];
    let read = file.file.read_at(&mut chunk, file.offset)?;
    Pin::new(socket).poll_write(cx, &chunk[..read])
}

#[cfg(test)]
impl Io for tokio::io::DuplexStream {
    fn poll_read_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_file_is_sent_from_its_offset_and_not_beyond_its_end() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut part = FileBody { file, offset: 4, len: 3 };
        assert_eq!(poll_fn(|cx| server.poll_send_file(cx, &part)).await.unwrap(), 3);
        assert_eq!(poll_fn(|cx| copy_file(cx, &mut server, &part)).await.unwrap(), 3);
        part.len = 100;
        assert_eq!(poll_fn(|cx| server.poll_send_file(cx, &part)).await.unwrap(), 6);
        part.offset = 10;
        assert_eq!(poll_fn(|cx| server.poll_send_file(cx, &part)).await.unwrap(), 0);
        drop(server);
        let mut read = String::new();
        client.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "456456456789");
    }
}
