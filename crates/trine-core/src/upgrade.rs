//! Switching a connection to another protocol after a response with status 101, or after a 2xx
//! response to CONNECT (RFC 9110, 7.8 and 9.3.6).
//!
//! A request that asks for an upgrade carries an [`OnUpgrade`] in its extensions. A service takes
//! it, answers 101 with the headers that the new protocol requires, and awaits the upgrade in a
//! task of its own:
//!
//! ```
//! use http::{Request, Response, StatusCode, header};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use trine_core::{Body, upgrade::OnUpgrade};
//!
//! async fn echo(mut request: Request<Body>) -> Response<Body> {
//!     let mut response = Response::new(Body::empty());
//!     let Some(upgrade) = OnUpgrade::take(&mut request) else {
//!         *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
//!         return response;
//!     };
//!     tokio::spawn(async move {
//!         let mut stream = upgrade.await.expect("the client is still there");
//!         let mut bytes = [0; 1024];
//!         while let Ok(read @ 1..) = stream.read(&mut bytes).await {
//!             stream.write_all(&bytes[..read]).await.expect("the client still reads");
//!         }
//!     });
//!     *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
//!     response.headers_mut().insert(header::CONNECTION, "upgrade".parse().unwrap());
//!     response.headers_mut().insert(header::UPGRADE, "echo".parse().unwrap());
//!     response
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // In a test, `OnUpgrade::ready` stands for the server.
//! let (server, mut client) = tokio::io::duplex(64);
//! let mut request = Request::new(Body::empty());
//! request.extensions_mut().insert(OnUpgrade::ready(server));
//! assert_eq!(echo(request).await.status(), 101);
//!
//! client.write_all(b"hello").await.unwrap();
//! let mut echoed = [0; 5];
//! client.read_exact(&mut echoed).await.unwrap();
//! assert_eq!(&echoed, b"hello");
//! # }
//! ```
//!
//! [`offer`] and [`UpgradeOffer`] are the server's side.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http::{Extensions, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, oneshot};

/// A future of the connection's byte stream, in the extensions of a request that asks for an
/// upgrade.
///
/// ```
/// use http::Request;
/// use trine_core::upgrade::{OnUpgrade, offer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut request = Request::new(());
/// let offer = offer(&mut request);
/// let upgrade = OnUpgrade::take(&mut request).unwrap();
/// drop(offer); // the response did not accept the upgrade
/// assert!(upgrade.await.is_err());
/// # }
/// ```
///
/// It completes once the server has sent a response that accepts the upgrade. Clones share one
/// connection: the first clone that is polled to completion gets it.
///
/// # Errors
/// [`NotUpgraded`] if the response does not accept the upgrade, or if the connection ends first.
#[derive(Debug, Clone)]
pub struct OnUpgrade(Arc<Mutex<oneshot::Receiver<Upgraded>>>);

impl OnUpgrade {
    /// Takes the upgrade out of a request. `None` if the request does not ask for one, or has a
    /// body, which must be read first.
    ///
    /// ```
    /// use http::Request;
    /// use trine_core::upgrade::{OnUpgrade, offer};
    ///
    /// let mut request = Request::new(());
    /// assert!(OnUpgrade::take(&mut request).is_none());
    /// let _offer = offer(&mut request);
    /// assert!(OnUpgrade::take(&mut request).is_some());
    /// ```
    pub fn take<B>(request: &mut Request<B>) -> Option<OnUpgrade> {
        OnUpgrade::take_from(request.extensions_mut())
    }

    /// Takes the upgrade out of the extensions of a request. See [`OnUpgrade::take`].
    pub fn take_from(extensions: &mut Extensions) -> Option<OnUpgrade> {
        extensions.remove()
    }

    /// An upgrade that is complete already, with any stream. It is for services that are called
    /// without a Trine server, as in a test.
    ///
    /// ```
    /// use tokio::io::AsyncWriteExt as _;
    /// use trine_core::upgrade::OnUpgrade;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (server, _client) = tokio::io::duplex(64);
    /// let mut stream = OnUpgrade::ready(server).await.unwrap();
    /// assert_eq!(stream.write(b"hello").await.unwrap(), 5);
    /// # }
    /// ```
    pub fn ready<I>(stream: I) -> OnUpgrade
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let upgraded = Upgraded::new(stream, Bytes::new(), |_, _| Poll::Ready(Ok(())), None, ());
        let _ = sender.send(upgraded);
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

/// The response did not accept the upgrade, or the connection ended before it was sent.
#[derive(Debug)]
pub struct NotUpgraded(());

impl std::fmt::Display for NotUpgraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the connection was not upgraded: the status of the response was not 101, or the \
             client closed the connection",
        )
    }
}

impl std::error::Error for NotUpgraded {}

/// The byte stream of a connection that no longer speaks HTTP.
///
/// ```
/// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
/// use trine_core::upgrade::OnUpgrade;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (server, mut client) = tokio::io::duplex(64);
/// let mut stream = OnUpgrade::ready(server).await?;
/// client.write_all(b"hello").await?;
/// let mut received = [0; 5];
/// stream.read_exact(&mut received).await?;
/// assert_eq!(&received, b"hello");
/// # Ok(())
/// # }
/// ```
///
/// The server counts it as an open connection until it is dropped, and a graceful shutdown waits
/// for it up to the server's shutdown timeout. [`Upgraded::draining`] completes when a shutdown
/// begins, so that a protocol with a closing handshake can perform it.
pub struct Upgraded {
    io: Box<dyn Stream + Send>,
    /// Bytes that the client sent after its request head.
    read_ahead: Bytes,
    drain: Option<Arc<dyn DrainSignal>>,
}

/// Reports when a graceful shutdown begins. A server implements it for [`Upgraded::draining`].
pub trait DrainSignal: Send + Sync {
    /// Whether the shutdown has begun.
    fn is_draining(&self) -> bool;

    /// Notifies all waiters when the shutdown begins, after [`DrainSignal::is_draining`] has
    /// become true.
    fn begun(&self) -> &Notify;
}

impl Upgraded {
    /// For servers: an upgraded connection over the stream `io`.
    ///
    /// ```
    /// use std::task::Poll;
    /// use tokio::io::AsyncReadExt as _;
    /// use trine_core::upgrade::Upgraded;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (io, _client) = tokio::io::duplex(64);
    /// let mut stream = Upgraded::new(io, "hello".into(), |_, _| Poll::Ready(Ok(())), None, ());
    /// let mut received = [0; 5];
    /// stream.read_exact(&mut received).await.unwrap();
    /// assert_eq!(&received, b"hello");
    /// # }
    /// ```
    ///
    /// - `read_ahead`: the bytes that were read from the stream after the request head
    /// - `poll_read_ready`: see [`Upgraded::poll_read_ready`]
    /// - `drain`: reports when a graceful shutdown begins; `None` if there is none
    /// - `guard`: dropped together with the stream, such as the permit of a connection limit
    pub fn new<I, G>(
        io: I,
        read_ahead: Bytes,
        poll_read_ready: fn(&mut I, &mut Context<'_>) -> Poll<io::Result<()>>,
        drain: Option<Arc<dyn DrainSignal>>,
        guard: G,
    ) -> Upgraded
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        G: Send + 'static,
    {
        let io = Box::new(Guarded { io, poll_read_ready, _guard: guard });
        Upgraded { io, read_ahead, drain }
    }

    /// Ready when a read would return bytes, the end of the stream or an error, so that a caller
    /// need not hold a buffer while it waits. A spurious wake-up is possible: the read is then
    /// pending.
    ///
    /// # Errors
    /// The errors of a read.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.read_ahead.is_empty() { self.io.poll_read_ready(cx) } else { Poll::Ready(Ok(())) }
    }

    /// A future that completes when the server begins to shut down. It does not borrow the stream,
    /// so it can be awaited while bytes are read and written.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + use<> {
        let drain = self.drain.clone();
        async move {
            let Some(drain) = drain else { return std::future::pending().await };
            let begun = drain.begun().notified();
            if !drain.is_draining() {
                begun.await;
            }
        }
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_ahead.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let len = self.read_ahead.len().min(buf.remaining());
        buf.put_slice(&self.read_ahead[..len]);
        self.read_ahead.advance(len);
        if self.read_ahead.is_empty() {
            // Even an empty slice keeps the allocation alive from which it was cut.
            self.read_ahead = Bytes::new();
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
        f.debug_struct("Upgraded")
            .field("read_ahead", &self.read_ahead.len())
            .finish_non_exhaustive()
    }
}

/// A byte stream that can report whether a read would make progress.
trait Stream: AsyncRead + AsyncWrite + Unpin {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A stream together with the guard that is dropped with it, in one allocation.
struct Guarded<I, G> {
    io: I,
    poll_read_ready: fn(&mut I, &mut Context<'_>) -> Poll<io::Result<()>>,
    _guard: G,
}

// The guard is never pinned.
impl<I: Unpin, G> Unpin for Guarded<I, G> {}

impl<I: AsyncRead + AsyncWrite + Unpin, G> Stream for Guarded<I, G> {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.poll_read_ready)(&mut self.io, cx)
    }
}

impl<I: AsyncRead + Unpin, G> AsyncRead for Guarded<I, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin, G> AsyncWrite for Guarded<I, G> {
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

/// For servers: puts an [`OnUpgrade`] into the extensions of a request that asks for an upgrade,
/// and returns the other end.
///
/// ```
/// use http::Request;
/// use trine_core::upgrade::{OnUpgrade, offer};
///
/// let mut request = Request::new(());
/// let offer = offer(&mut request);
/// assert!(!offer.is_declined());
///
/// // A service that takes and drops the upgrade, or ignores it, declines.
/// drop(OnUpgrade::take(&mut request));
/// assert!(offer.is_declined());
/// ```
pub fn offer<B>(request: &mut Request<B>) -> UpgradeOffer {
    let (sender, receiver) = oneshot::channel();
    request.extensions_mut().insert(OnUpgrade(Arc::new(Mutex::new(receiver))));
    UpgradeOffer(sender)
}

/// The server's end of an [`OnUpgrade`].
#[derive(Debug)]
pub struct UpgradeOffer(oneshot::Sender<Upgraded>);

impl UpgradeOffer {
    /// Whether every clone of the [`OnUpgrade`] has been dropped.
    #[must_use]
    pub fn is_declined(&self) -> bool {
        self.0.is_closed()
    }

    /// Gives the connection to the [`OnUpgrade`].
    ///
    /// # Errors
    /// Returns the connection if every clone of the [`OnUpgrade`] has been dropped.
    pub fn complete(self, upgraded: Upgraded) -> Result<(), Upgraded> {
        self.0.send(upgraded)
    }
}

/// The protocol that an extended CONNECT asks for (RFC 8441), such as `websocket`. The server puts
/// it into the extensions of the request.
///
/// ```
/// use http::Request;
/// use trine_core::upgrade::Protocol;
///
/// fn wants_websocket<B>(request: &Request<B>) -> bool {
///     let protocol = request.extensions().get::<Protocol>();
///     protocol.is_some_and(|protocol| protocol.as_str() == "websocket")
/// }
///
/// let mut request = Request::new(());
/// assert!(!wants_websocket(&request));
/// request.extensions_mut().insert(Protocol::new("websocket"));
/// assert!(wants_websocket(&request));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol(Box<str>);

impl Protocol {
    /// A protocol with this name.
    ///
    /// ```
    /// use trine_core::upgrade::Protocol;
    ///
    /// assert_eq!(Protocol::new("websocket"), Protocol::new("websocket"));
    /// ```
    #[must_use]
    pub fn new(name: &str) -> Protocol {
        Protocol(name.into())
    }

    /// The name, as the client wrote it.
    ///
    /// ```
    /// assert_eq!(trine_core::upgrade::Protocol::new("websocket").as_str(), "websocket");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
