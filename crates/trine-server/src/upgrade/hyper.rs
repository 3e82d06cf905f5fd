//! The upgrade type of hyper, for services that know no other, such as the WebSockets of axum.
//!
//! Only hyper can make one, and only for a connection that it serves itself. So hyper serves a
//! simulated connection: it reads a fixed request, and its response is discarded. The `OnUpgrade`
//! that hyper makes for it goes into the real request, which stays in our engine with all its rules
//! and limits. Once the real response has accepted the upgrade and has been sent, the service that
//! hyper calls answers 101 too. The simulated connection then ends in an upgrade, and from there on
//! it reads and writes the bytes of the real connection.
//!
//! ```text
//!   new        hyper reads REQUEST, makes an `OnUpgrade`, and waits for its service
//!   complete   the real byte stream is put in place
//!              the service answers 101, which is discarded; the `OnUpgrade` is ready
//! ```

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use trine_core::Body;

use crate::upgrade::Upgraded;

type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// The server's end of an `OnUpgrade` of hyper.
pub(crate) struct HyperOffer {
    /// It waits only for [`Shared::accepted`], so it is polled without a waker.
    connection: Connection,
    shared: Arc<Shared>,
    real: oneshot::Sender<Upgraded>,
}

/// What the offer and the service that hyper calls share.
#[derive(Default)]
struct Shared {
    on_upgrade: Mutex<Option<OnUpgrade>>,
    accepted: AtomicBool,
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: simulated\r\n\r\n";

impl HyperOffer {
    /// Puts an `OnUpgrade` that hyper makes into the extensions of the request.
    pub(crate) fn new(request: &mut Request<Body>) -> HyperOffer {
        let (real, promised) = oneshot::channel();
        let shared = Arc::<Shared>::default();
        let simulated = Simulated { unread: REQUEST, ended: 0, promised, real: None };
        let service = {
            let shared = Arc::clone(&shared);
            service_fn(move |request| answer(Arc::clone(&shared), request))
        };
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(simulated), service)
            .with_upgrades();
        let mut offer = HyperOffer { connection: Box::pin(connection), shared, real };
        let waits = poll(&mut offer.connection).is_pending();
        match offer.shared.on_upgrade.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(on_upgrade) if waits => drop(request.extensions_mut().insert(on_upgrade)),
            _ => tracing::error!("hyper did not make an `OnUpgrade`"),
        }
        offer
    }

    /// Puts the real byte stream in place, and then lets hyper end its connection, which completes
    /// the `OnUpgrade`. In the opposite order, two tasks that share the stream could both wait for
    /// it, and only one of them would be woken.
    pub(crate) fn complete(self, upgraded: Upgraded) {
        let HyperOffer { mut connection, shared, real } = self;
        // The receiver is inside `connection`.
        let sent = real.send(upgraded).is_ok();
        shared.accepted.store(true, Ordering::Relaxed);
        let ended = poll(&mut connection);
        if !sent || !matches!(ended, Poll::Ready(Ok(()))) {
            tracing::error!(?ended, "hyper did not complete an upgrade; the connection ends");
        }
    }
}

fn poll(connection: &mut Connection) -> Poll<hyper::Result<()>> {
    connection.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

impl std::fmt::Debug for HyperOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperOffer").finish_non_exhaustive()
    }
}

async fn answer(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    *shared.on_upgrade.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(hyper::upgrade::on(&mut request));
    poll_fn(
        |_| if shared.accepted.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    Ok(response)
}

/// The connection that hyper serves: simulated up to the end of the response, real from there on.
struct Simulated {
    /// The rest of [`REQUEST`].
    unread: &'static [u8],
    /// How many bytes of [`END`] ended what hyper has written so far. With all of them its response
    /// is complete, and the simulation is over.
    ended: usize,
    promised: oneshot::Receiver<Upgraded>,
    real: Option<Upgraded>,
}

// Reports an accepted upgrade whose byte stream was neither read nor written.
impl Drop for Simulated {
    fn drop(&mut self) {
        if !self.is_simulated() && self.real.is_none() {
            tracing::error!(
                "a service accepted an upgrade and did not use it; the connection ends"
            );
        }
    }
}

/// The end of a response head.
const END: &[u8; 4] = b"\r\n\r\n";

impl Simulated {
    fn is_simulated(&self) -> bool {
        self.ended < END.len()
    }

    /// Discards what hyper writes.
    fn discard(&mut self, written: &[u8]) {
        for byte in written {
            self.ended = match END.get(self.ended) {
                Some(next) if next == byte => self.ended + 1,
                Some(_) => usize::from(*byte == b'\r'),
                None => return,
            };
        }
    }

    fn poll_real(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut Upgraded>>> {
        let real = match self.real.take() {
            Some(real) => real,
            None => {
                let real = ready!(Pin::new(&mut self.promised).poll(cx));
                real.map_err(|_| io::ErrorKind::NotConnected)?
            }
        };
        Poll::Ready(Ok(Pin::new(self.real.insert(real))))
    }
}

impl AsyncRead for Simulated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.unread.split_at(self.unread.len().min(buf.remaining()));
        if !now.is_empty() {
            buf.put_slice(now);
            self.unread = later;
            return Poll::Ready(Ok(()));
        }
        if self.is_simulated() {
            Poll::Pending
        } else {
            ready!(self.poll_real(cx))?.poll_read(cx, buf)
        }
    }
}

impl AsyncWrite for Simulated {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_simulated() {
            self.discard(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(self.poll_real(cx))?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_simulated() {
            bufs.iter().for_each(|buf| self.discard(buf));
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        ready!(self.poll_real(cx))?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.real.as_ref().is_some_and(Upgraded::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.real {
            Some(real) => Pin::new(real).poll_flush(cx),
            // Nothing has been written to the real stream yet.
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_simulated() {
            Poll::Ready(Ok(()))
        } else {
            ready!(self.poll_real(cx))?.poll_shutdown(cx)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use bytes::Bytes;

    use super::*;
    use crate::upgrade::upgraded;

    fn offer() -> (HyperOffer, OnUpgrade) {
        let mut request = Request::new(Body::empty());
        let offered = HyperOffer::new(&mut request);
        (offered, hyper::upgrade::on(&mut request))
    }

    #[tokio::test]
    async fn the_upgrade_of_hyper_gives_the_real_stream() {
        let (offered, upgrade) = offer();
        let (near, mut far) = tokio::io::duplex(1024);
        offered.complete(upgraded(near, Bytes::new(), Arc::default(), ()));
        let mut upgraded = TokioIo::new(upgrade.await.unwrap());
        upgraded.write_all(b"hello").await.unwrap();
        upgraded.shutdown().await.unwrap();
        let mut read = String::new();
        far.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "hello", "without what hyper wrote before");
        far.write_all(b"back").await.unwrap();
        drop(far);
        read.clear();
        upgraded.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "back");
    }

    /// Takes the upgrade in its waker, as a thread does that runs immediately.
    struct ReadsInWaker {
        upgrade: Mutex<Option<OnUpgrade>>,
        found: AtomicBool,
    }

    impl std::task::Wake for ReadsInWaker {
        fn wake(self: Arc<ReadsInWaker>) {
            let cx = &mut Context::from_waker(Waker::noop());
            let mut upgrade = self.upgrade.lock().unwrap().take().unwrap();
            let Poll::Ready(upgraded) = Pin::new(&mut upgrade).poll(cx) else { return };
            let (mut upgraded, mut read) = (TokioIo::new(upgraded.unwrap()), [0; 1]);
            let found =
                Pin::new(&mut upgraded).poll_read(cx, &mut ReadBuf::new(&mut read)).is_ready();
            self.found.store(found && read == *b"x", Ordering::Relaxed);
        }
    }

    /// If both halves of a stream had to wait for it, only one of them would be woken.
    #[tokio::test]
    async fn the_real_stream_is_in_place_when_the_upgrade_completes() {
        let (offered, mut upgrade) = offer();
        let (near, mut far) = tokio::io::duplex(1024);
        far.write_all(b"x").await.unwrap();
        let reader =
            Arc::new(ReadsInWaker { upgrade: Mutex::new(None), found: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&reader));
        assert!(Pin::new(&mut upgrade).poll(&mut Context::from_waker(&waker)).is_pending());
        *reader.upgrade.lock().unwrap() = Some(upgrade);
        offered.complete(upgraded(near, Bytes::new(), Arc::default(), ()));
        assert!(reader.found.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_dropped_offer_fails_the_upgrade() {
        let (offered, upgrade) = offer();
        drop(offered);
        assert!(upgrade.await.is_err());
        let (offered, upgrade) = offer();
        drop(upgrade);
        let (near, mut far) = tokio::io::duplex(1024);
        offered.complete(upgraded(near, Bytes::new(), Arc::default(), ()));
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0, "the connection ends");
    }
}
