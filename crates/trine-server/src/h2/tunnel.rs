//! A stream that carries another protocol behind an accepted CONNECT (RFC 9113, 8.5; RFC 8441).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use h2::{RecvStream, SendStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trine_core::Body;

use super::upload::BodyStream;
use crate::config::limits::Limits;
use crate::seam::UpgradeKind;
use crate::server::shutdown::Drain;
use crate::transport::io::Io;
use crate::upgrade::{self, Offer};

/// A CONNECT that the service may still accept.
pub(super) struct PendingTunnel {
    offer: Offer,
    stream: BodyStream,
    /// Bytes that arrived before the response. The limit is the same as for a body, so that waiting
    /// tunnels do not exhaust the window of the connection.
    early: BytesMut,
    drain: Arc<Drain>,
}

impl PendingTunnel {
    /// Puts an [`OnUpgrade`](crate::upgrade::OnUpgrade) into the request. The bytes behind its head
    /// are no body.
    pub(super) fn offer(
        request: Request<RecvStream>,
        drain: Arc<Drain>,
    ) -> (Request<Body>, PendingTunnel) {
        let (head, recv) = request.into_parts();
        let mut request = Request::from_parts(head, Body::empty());
        let offer = upgrade::offer(&mut request, UpgradeKind::Native);
        (
            request,
            PendingTunnel { offer, stream: BodyStream::new(recv), early: BytesMut::new(), drain },
        )
    }

    /// Whether the service has dropped its `OnUpgrade`, so its response is an ordinary one.
    pub(super) fn is_declined(&self) -> bool {
        self.offer.is_declined()
    }

    /// Takes bytes that arrive before the response, up to the limit.
    pub(super) fn take_early(&mut self, cx: &mut Context<'_>, limits: &Limits) {
        let most = limits.http2.early_bytes;
        while self.early.len() < most {
            // h2 reports the end and errors again at the next poll.
            let Poll::Ready(Some(Ok(data))) = self.stream.poll_data(cx) else { break };
            self.early.extend_from_slice(&data);
        }
        self.stream.release_except(self.early.len().saturating_sub(most));
    }

    pub(super) fn accept(self, send: SendStream<Bytes>) {
        let tunnel = Tunnel { send, stream: self.stream, read: self.early.freeze() };
        self.offer.complete(upgrade::upgraded(tunnel, Bytes::new(), self.drain, ()));
    }
}

/// The byte stream of the tunnel.
struct Tunnel {
    send: SendStream<Bytes>,
    stream: BodyStream,
    /// Bytes from h2 that were not read yet.
    read: Bytes,
}

/// The limit of one write. The window of the client limits it too.
const LARGEST_WRITE: usize = 64 * 1024;

fn failed(error: h2::Error) -> io::Error {
    if error.is_io() {
        error.into_io().unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
    } else {
        io::Error::new(io::ErrorKind::ConnectionReset, error)
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.read.is_empty() {
            match ready!(self.stream.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(read) => self.read = read.map_err(failed)?,
            }
        }
        let len = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read[..len]);
        self.read.advance(len);
        let unread = self.read.len();
        self.stream.release_except(unread);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.send.reserve_capacity(buf.len().min(LARGEST_WRITE));
        let mut capacity = self.send.capacity();
        while capacity == 0 {
            match ready!(self.send.poll_capacity(cx)) {
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Some(more) => capacity = more.map_err(failed)?,
            }
        }
        let len = capacity.min(buf.len());
        self.send.send_data(Bytes::copy_from_slice(&buf[..len]), false).map_err(failed)?;
        Poll::Ready(Ok(len))
    }

    /// The task of the connection does the writing.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send.send_data(Bytes::new(), true).map_err(failed))
    }
}

impl Io for Tunnel {
    fn poll_read_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.send.send_reset(h2::Reason::CANCEL);
    }
}

/// A tunnel that is dropped ends cleanly, as a socket does.
impl Drop for Tunnel {
    fn drop(&mut self) {
        // This fails if the stream has ended.
        let _ = self.send.send_data(Bytes::new(), true);
    }
}
