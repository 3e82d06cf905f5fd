//! A stream that carries another protocol, behind a CONNECT that was accepted (RFC 9113, 8.5; RFC
//! 8441).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use h2::{RecvStream, SendStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trine_core::Body;

use super::body::Inflow;
use crate::config::limits::Limits;
use crate::server::shutdown::Drain;
use crate::transport::io::Io;
use crate::upgrade::{self, Offer, Upgraded};

/// The connection's end of a CONNECT that the service may still accept.
pub(super) struct Offered {
    offer: Offer,
    inflow: Inflow,
    /// What came before the service has answered: as much as is taken of a body, so that tunnels
    /// that wait do not use up the window of the connection.
    early: BytesMut,
    drain: Arc<Drain>,
}

impl Offered {
    /// Puts an [`OnUpgrade`](crate::upgrade::OnUpgrade) into the request; what comes behind it is
    /// no body.
    pub(super) fn of(request: Request<RecvStream>, drain: Arc<Drain>) -> (Request<Body>, Offered) {
        let (head, recv) = request.into_parts();
        let mut request = Request::from_parts(head, Body::empty());
        let offer = upgrade::offer(&mut request, false);
        (request, Offered { offer, inflow: Inflow::new(recv), early: BytesMut::new(), drain })
    }

    /// Whether the service has dropped its `OnUpgrade`: it answers as if this were an ordinary
    /// request.
    pub(super) fn is_declined(&self) -> bool {
        self.offer.is_declined()
    }

    /// Takes what comes before the service has answered, up to the limit.
    pub(super) fn take_early(&mut self, cx: &mut Context<'_>, limits: &Limits) {
        let most = limits.http2.early_bytes;
        while self.early.len() < most {
            // The end and errors come again when somebody asks.
            let Poll::Ready(Some(Ok(data))) = self.inflow.poll_data(cx) else { break };
            self.early.extend_from_slice(&data);
        }
        self.inflow.owe(self.early.len().saturating_sub(most));
    }

    pub(super) fn accept(self, send: SendStream<Bytes>) {
        let tunnel = Tunnel { send, inflow: self.inflow, read: self.early.freeze() };
        self.offer.take(Upgraded::of_stream(tunnel, self.drain));
    }
}

struct Tunnel {
    send: SendStream<Bytes>,
    inflow: Inflow,
    /// What h2 gave and was not read yet.
    read: Bytes,
}

/// What one write takes at most: the window of the client bounds it too.
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
            match ready!(self.inflow.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(read) => self.read = read.map_err(failed)?,
            }
        }
        let len = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read[..len]);
        self.read.advance(len);
        let unread = self.read.len();
        self.inflow.owe(unread);
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
        let mut room = self.send.capacity();
        while room == 0 {
            match ready!(self.send.poll_capacity(cx)) {
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Some(more) => room = more.map_err(failed)?,
            }
        }
        let len = room.min(buf.len());
        self.send.send_data(Bytes::copy_from_slice(&buf[..len]), false).map_err(failed)?;
        Poll::Ready(Ok(len))
    }

    /// The connection's task sends what it has.
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

/// Dropped, it ends as a socket does: in order, not as broken.
impl Drop for Tunnel {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.send.send_data(Bytes::new(), true);
    }
}
