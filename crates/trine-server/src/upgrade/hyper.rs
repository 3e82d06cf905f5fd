//! hyper's upgrade type, for services that know no other: axum's WebSockets.
//!
//! Only hyper can make one, and only for a connection that it serves itself. It gets one that is
//! imagined: a request that is always the same, and nobody who reads the answer. What hyper makes
//! of it goes into the real request, which stays in our engine with all its rules and limits. When
//! the real answer has accepted the upgrade and was sent, hyper's connection is told so, ends in an
//! upgrade of its own, and the bytes of the real connection take the place of the imagined ones.
//!
//! ```text
//!   offer      hyper reads REQUEST, makes an `OnUpgrade`, and waits in its service
//!   complete   the real bytes are laid ready
//!              hyper's service answers 101, which is thrown away; the `OnUpgrade` is ready
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

/// The connection's end of a hyper upgrade.
pub(crate) struct Forged {
    /// It waits for nothing but our word, so that it is polled without a waker.
    connection: Connection,
    talk: Arc<Talk>,
    real: oneshot::Sender<Upgraded>,
}

/// What is said between us and the service that hyper calls.
#[derive(Default)]
struct Talk {
    made: Mutex<Option<OnUpgrade>>,
    accepted: AtomicBool,
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: imagined\r\n\r\n";

impl Forged {
    /// Has hyper make an `OnUpgrade` for the request.
    pub(crate) fn offer(request: &mut Request<Body>) -> Forged {
        let (real, promised) = oneshot::channel();
        let talk = Arc::<Talk>::default();
        let line = Line { unread: REQUEST, ended: 0, promised, real: None };
        let service = {
            let talk = Arc::clone(&talk);
            service_fn(move |request| answer(Arc::clone(&talk), request))
        };
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(line), service).with_upgrades();
        let mut forged = Forged { connection: Box::pin(connection), talk, real };
        let waits = poll(&mut forged.connection).is_pending();
        match forged.talk.made.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(made) if waits => drop(request.extensions_mut().insert(made)),
            _ => tracing::error!("hyper made no upgrade"),
        }
        forged
    }

    /// Gives the real bytes away and has hyper end its connection, which its `OnUpgrade` waits for.
    /// In this order: where two tasks share the stream, both would wait for the bytes, and only one
    /// of them would be woken.
    pub(crate) fn complete(self, upgraded: Upgraded) {
        let Forged { mut connection, talk, real } = self;
        // The other end lies in the connection.
        let sent = real.send(upgraded).is_ok();
        talk.accepted.store(true, Ordering::Relaxed);
        let ended = poll(&mut connection);
        if !sent || !matches!(ended, Poll::Ready(Ok(()))) {
            tracing::error!(?ended, "hyper did not complete an upgrade; the connection ends");
        }
    }
}

fn poll(connection: &mut Connection) -> Poll<hyper::Result<()>> {
    connection.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

impl std::fmt::Debug for Forged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forged").finish_non_exhaustive()
    }
}

async fn answer(
    talk: Arc<Talk>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    *talk.made.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(hyper::upgrade::on(&mut request));
    poll_fn(
        |_| if talk.accepted.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    Ok(response)
}

/// What hyper takes for a connection.
struct Line {
    /// What is left of [`REQUEST`].
    unread: &'static [u8],
    /// How many bytes of [`END`] were seen at the end of what hyper wrote. With all of them its
    /// answer is over, and with it what is imagined.
    ended: usize,
    promised: oneshot::Receiver<Upgraded>,
    real: Option<Upgraded>,
}

/// Nobody read or wrote the real bytes.
impl Drop for Line {
    fn drop(&mut self) {
        if !self.is_imagined() && self.real.is_none() {
            tracing::error!(
                "a service accepted an upgrade and did not use it; the connection ends"
            );
        }
    }
}

/// The end of a head.
const END: &[u8; 4] = b"\r\n\r\n";

impl Line {
    fn is_imagined(&self) -> bool {
        self.ended < END.len()
    }

    /// Throws away what hyper writes.
    fn imagine(&mut self, written: &[u8]) {
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

impl AsyncRead for Line {
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
        if self.is_imagined() {
            Poll::Pending
        } else {
            ready!(self.poll_real(cx))?.poll_read(cx, buf)
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_imagined() {
            self.imagine(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(self.poll_real(cx))?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_imagined() {
            bufs.iter().for_each(|buf| self.imagine(buf));
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
            // There is nothing yet that was written to it.
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_imagined() {
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

    use super::*;

    fn offer() -> (Forged, OnUpgrade) {
        let mut request = Request::new(Body::empty());
        let forged = Forged::offer(&mut request);
        (forged, hyper::upgrade::on(&mut request))
    }

    #[tokio::test]
    async fn what_hyper_made_leads_to_the_real_bytes() {
        let (forged, upgrade) = offer();
        let (near, mut far) = tokio::io::duplex(1024);
        forged.complete(Upgraded::of_stream(near, Arc::default()));
        let mut upgraded = TokioIo::new(upgrade.await.unwrap());
        upgraded.write_all(b"hello").await.unwrap();
        upgraded.shutdown().await.unwrap();
        let mut read = String::new();
        far.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "hello", "and nothing of what hyper wrote before");
        far.write_all(b"back").await.unwrap();
        drop(far);
        read.clear();
        upgraded.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "back");
    }

    /// What a thread does that takes the upgrade as soon as it is told.
    struct Hasty {
        upgrade: Mutex<Option<OnUpgrade>>,
        found: AtomicBool,
    }

    impl std::task::Wake for Hasty {
        fn wake(self: Arc<Hasty>) {
            let cx = &mut Context::from_waker(Waker::noop());
            let mut upgrade = self.upgrade.lock().unwrap().take().unwrap();
            let Poll::Ready(upgraded) = Pin::new(&mut upgrade).poll(cx) else { return };
            let (mut upgraded, mut read) = (TokioIo::new(upgraded.unwrap()), [0; 1]);
            let found =
                Pin::new(&mut upgraded).poll_read(cx, &mut ReadBuf::new(&mut read)).is_ready();
            self.found.store(found && read == *b"x", Ordering::Relaxed);
        }
    }

    /// Two halves of a stream that both had to wait for the bytes would not both be woken.
    #[tokio::test]
    async fn the_real_bytes_are_there_when_hyper_says_so() {
        let (forged, mut upgrade) = offer();
        let (near, mut far) = tokio::io::duplex(1024);
        far.write_all(b"x").await.unwrap();
        let hasty = Arc::new(Hasty { upgrade: Mutex::new(None), found: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&hasty));
        assert!(Pin::new(&mut upgrade).poll(&mut Context::from_waker(&waker)).is_pending());
        *hasty.upgrade.lock().unwrap() = Some(upgrade);
        forged.complete(Upgraded::of_stream(near, Arc::default()));
        assert!(hasty.found.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn an_offer_that_ends_is_an_upgrade_that_fails() {
        let (forged, upgrade) = offer();
        drop(forged);
        assert!(upgrade.await.is_err());
        let (forged, upgrade) = offer();
        drop(upgrade);
        let (near, mut far) = tokio::io::duplex(1024);
        forged.complete(Upgraded::of_stream(near, Arc::default()));
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0, "the connection ends");
    }
}
