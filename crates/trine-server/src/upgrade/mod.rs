//! Other protocols on the same connection, after an answer of 101, or of 2xx to CONNECT (RFC 9110,
//! 7.8 and 9.3.6).
//!
//! A request that asks for it carries an [`OnUpgrade`] in its extensions. The service takes it,
//! answers 101 with the headers that the protocol wants, and awaits it in a task of its own:
//!
//! ```
//! use http::{Request, Response, StatusCode, header};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use trine_core::Body;
//! use trine_server::upgrade::OnUpgrade;
//!
//! async fn echo(mut request: Request<Body>) -> Response<Body> {
//!     let Some(upgrade) = OnUpgrade::take(&mut request) else {
//!         return Response::builder().status(StatusCode::UPGRADE_REQUIRED).body(Body::empty()).unwrap();
//!     };
//!     tokio::spawn(async move {
//!         let mut stream = upgrade.await?;
//!         let mut bytes = [0; 1024];
//!         loop {
//!             match stream.read(&mut bytes).await? {
//!                 0 => return Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()),
//!                 read => stream.write_all(&bytes[..read]).await?,
//!             }
//!         }
//!     });
//!     Response::builder()
//!         .status(StatusCode::SWITCHING_PROTOCOLS)
//!         .header(header::CONNECTION, "upgrade")
//!         .header(header::UPGRADE, "echo")
//!         .body(Body::empty())
//!         .unwrap()
//! }
//! ```

#[cfg(feature = "hyper-upgrade")]
pub(crate) mod hyper;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use trine_core::Body;

use crate::server::shutdown::{ConnectionGuard, Drain};
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::wire::Wire;

/// A future of the connection's bytes, in the extensions of a request that asks for an upgrade.
///
/// Clones share one connection: the first that is polled to its end gets it.
#[derive(Debug, Clone)]
pub struct OnUpgrade(Arc<Mutex<oneshot::Receiver<Upgraded>>>);

impl OnUpgrade {
    /// Takes it out of a request. `None` when the request asks for no upgrade, or has a body that
    /// must be read first.
    pub fn take<B>(request: &mut Request<B>) -> Option<OnUpgrade> {
        request.extensions_mut().remove()
    }
}

impl OnUpgrade {
    /// One that is ready at once, with any stream: for services that are called without a server of
    /// ours, as in tests.
    pub fn ready<I>(stream: I) -> OnUpgrade
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        Offer::Own(sender).take(Upgraded::of_stream(Foreign(stream), Arc::default()));
        OnUpgrade(Arc::new(Mutex::new(receiver)))
    }
}

impl Future for OnUpgrade {
    type Output = Result<Upgraded, NotUpgraded>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if receiver.is_terminated() {
            return Poll::Ready(Err(NotUpgraded(())));
        }
        Pin::new(&mut *receiver).poll(cx).map_err(|_| NotUpgraded(()))
    }
}

/// The answer did not accept the upgrade, or the connection ended before it was sent.
#[derive(Debug)]
pub struct NotUpgraded(());

impl std::fmt::Display for NotUpgraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the connection was not upgraded: the answer was not 101, or the client went away",
        )
    }
}

impl std::error::Error for NotUpgraded {}

/// The bytes of a connection that no longer speaks HTTP.
///
/// It counts as an open connection until it is dropped. A shutdown waits for it up to
/// [`ServerConfig::shutdown_timeout`](crate::ServerConfig::shutdown_timeout);
/// [`Upgraded::draining`] tells when one begins, so that a protocol with a farewell can say it.
pub struct Upgraded {
    io: Box<dyn Io + Send>,
    /// What the client sent behind its request.
    read: Bytes,
    drain: Arc<Drain>,
    /// `None` where the connection is open for other reasons too.
    _guard: Option<ConnectionGuard>,
}

impl Upgraded {
    pub(crate) fn new<I: Io + Send + 'static>(
        mut io: I,
        read: Bytes,
        guard: ConnectionGuard,
    ) -> Upgraded {
        io.raw();
        guard.unwatch();
        Upgraded { io: Box::new(io), read, drain: guard.drain(), _guard: Some(guard) }
    }

    /// A stream of a connection that has others.
    pub(crate) fn of_stream<I: Io + Send + 'static>(io: I, drain: Arc<Drain>) -> Upgraded {
        Upgraded { io: Box::new(io), read: Bytes::new(), drain, _guard: None }
    }

    /// Ready when a read would give bytes, the end or an error: whoever waits for this needs no
    /// buffer meanwhile. It may be wrong; then the read is pending.
    ///
    /// # Errors
    /// As a read.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() { self.io.poll_read_ready(cx) } else { Poll::Ready(Ok(())) }
    }

    /// A future that ends when the server begins to shut down. It does not borrow, so it can be
    /// awaited while bytes are read and written.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + use<> {
        Drain::draining(&self.drain)
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let len = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read[..len]);
        self.read.advance(len);
        if self.read.is_empty() {
            // An empty slice still holds the buffer that it was cut from.
            self.read = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl std::fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upgraded").field("read", &self.read.len()).finish_non_exhaustive()
    }
}

/// A stream that was not made here, and so cannot tell what it has before it is read.
struct Foreign<I>(I);

impl<I: AsyncRead + Unpin> AsyncRead for Foreign<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Foreign<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Io for Foreign<I> {
    fn poll_read_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The connection's end of an upgrade that its service may accept.
#[derive(Debug)]
pub(crate) enum Offer {
    /// Of an [`OnUpgrade`].
    Own(oneshot::Sender<Upgraded>),
    /// Of hyper's type.
    #[cfg(feature = "hyper-upgrade")]
    Foreign(Box<crate::upgrade::hyper::Forged>),
}

/// What a CONNECT is told that nobody takes.
pub(crate) const NO_TUNNEL: &str = "this resource opens no tunnel";

impl Offer {
    /// Whether nobody holds the other end any more. hyper does not tell.
    pub(crate) fn is_declined(&self) -> bool {
        match self {
            Offer::Own(sender) => sender.is_closed(),
            #[cfg(feature = "hyper-upgrade")]
            Offer::Foreign(_) => false,
        }
    }

    /// Gives the bytes to whoever holds the other end.
    pub(crate) fn take(self, upgraded: Upgraded) {
        match self {
            Offer::Own(sender) => {
                if sender.send(upgraded).is_err() {
                    tracing::error!(
                        "a service accepted an upgrade and dropped its `OnUpgrade`; the connection ends"
                    );
                }
            }
            #[cfg(feature = "hyper-upgrade")]
            Offer::Foreign(forged) => forged.complete(upgraded),
        }
    }
}

/// Puts the other end of an offer into a request: ours, or hyper's where the service knows only
/// that.
#[cfg_attr(
    not(feature = "hyper-upgrade"),
    allow(unused_variables, reason = "there is no other type")
)]
pub(crate) fn offer(request: &mut Request<Body>, foreign: bool) -> Offer {
    #[cfg(feature = "hyper-upgrade")]
    if foreign {
        return Offer::Foreign(Box::new(crate::upgrade::hyper::Forged::offer(request)));
    }
    let (sender, receiver) = oneshot::channel();
    request.extensions_mut().insert(OnUpgrade(Arc::new(Mutex::new(receiver))));
    Offer::Own(sender)
}

/// Writes the answer and gives the connection away.
pub(crate) async fn hand_over<I: Io + Send + 'static>(
    mut wire: Wire<I>,
    offer: Offer,
    guard: ConnectionGuard,
) {
    let written = poll_fn(|cx| {
        if let Poll::Ready(written) = wire.poll_flush(cx) {
            return Poll::Ready(written.is_ok());
        }
        ready!(wire.timer.poll(cx));
        Poll::Ready(false)
    });
    if written.await {
        // Copied, as it is little and may live long: buffers belong to the thread.
        let read = Bytes::copy_from_slice(&wire.input);
        buffer::give(&mut wire.input);
        offer.take(Upgraded::new(wire.io, read, guard));
    }
}
