//! From an accepted connection to a protected one, within limits of time and number.

use std::future::{Future as _, poll_fn};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::io::AsyncReadExt as _;
#[cfg(feature = "acme")]
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use trine_core::TlsInfo;
use trine_core::later::later;

use super::stream::TlsStream;
use super::{Tls, TlsError, build, info, plain};
use crate::config::limits::Limits;
use crate::server::shutdown::ConnectionGuard;
use crate::transport::buffer;
use crate::transport::io::Io;

/// Where the connections of a listener become protected ones.
#[derive(Debug)]
pub(crate) struct Gate {
    settings: Tls,
    http2: bool,
    /// What new handshakes use.
    current: RwLock<Arc<rustls::ServerConfig>>,
    places: Semaphore,
}

/// A connection behind the gate.
#[derive(Debug)]
pub(crate) struct Secured<I> {
    pub(crate) stream: TlsStream<I>,
    pub(crate) info: TlsInfo,
}

/// Why there is no protected connection.
enum Failure {
    /// It spoke plain HTTP.
    Plain,
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl Gate {
    pub(crate) fn new(settings: &Tls, limits: &Limits) -> Result<Gate, TlsError> {
        let http2 = cfg!(feature = "http2") && limits.http2.enabled;
        let current = RwLock::new(build::build(settings, http2)?);
        let places = Semaphore::new(limits.max_handshakes);
        Ok(Gate { settings: settings.clone(), http2, current, places })
    }

    /// Makes everything anew from the files. `false` where there are none.
    pub(super) fn reload(&self) -> Result<bool, TlsError> {
        if self.files().next().is_none() {
            return Ok(false);
        }
        let new = build::build(&self.settings, self.http2)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(true)
    }

    /// The certificates that the server gets by itself.
    #[cfg(feature = "acme")]
    pub(super) fn managed(&self) -> impl Iterator<Item = &super::acme::Managed> {
        self.settings.managed()
    }

    #[cfg(feature = "acme")]
    pub(super) fn provider(&self) -> Result<Arc<rustls::crypto::CryptoProvider>, TlsError> {
        super::provider::choose(self.settings.provider.as_ref())
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.settings.files()
    }

    /// Brings a connection through its handshake. `None` where it ended, which was logged and,
    /// where that makes sense, told to the client.
    pub(crate) async fn secure<I: Io>(
        &self,
        io: I,
        limits: &Limits,
        guard: &ConnectionGuard,
    ) -> Option<Secured<I>> {
        let drain = guard.drain();
        let mut working = pin!(self.work(io, limits, guard));
        poll_fn(|cx| {
            guard.watch(cx);
            if drain.is_aborted() { Poll::Ready(None) } else { working.as_mut().poll(cx) }
        })
        .await
    }

    async fn work<I: Io>(
        &self,
        io: I,
        limits: &Limits,
        guard: &ConnectionGuard,
    ) -> Option<Secured<I>> {
        let end = later(Instant::now(), limits.handshake_timeout);
        let tls = match ServerConnection::new(self.current()) {
            Ok(tls) => tls,
            Err(error) => {
                tracing::error!(%error, "a TLS connection could not be set up");
                return None;
            }
        };
        let mut stream = TlsStream::new(io, tls);
        match timeout_at(end, self.shake(&mut stream, guard)).await {
            Ok(Ok(())) => {
                let info = info::info(stream.tls());
                #[cfg(feature = "acme")]
                if info.protocol.as_deref() == Some(super::acme::PROTOCOL) {
                    // The authority has seen what it wanted; nothing is spoken here (RFC 8737, 3).
                    if let Ok(Ok(())) = timeout(limits.discard_timeout, stream.shutdown()).await {
                        farewell(&mut stream, limits).await;
                    }
                    return None;
                }
                return Some(Secured { stream, info });
            }
            Ok(Err(Failure::Plain)) => {
                tracing::debug!("a client spoke plain HTTP to a port of TLS");
                // A client that takes longer to read it has had its answer.
                let _ = timeout(limits.discard_timeout, plain::answer(stream.into_socket())).await;
            }
            Ok(Err(Failure::Io(error))) => {
                tracing::debug!(%error, "a TLS handshake failed");
                farewell(&mut stream, limits).await;
            }
            Err(_) => tracing::debug!("a TLS handshake was not done in time"),
        }
        None
    }

    async fn shake<I: Io>(
        &self,
        stream: &mut TlsStream<I>,
        guard: &ConnectionGuard,
    ) -> Result<(), Failure> {
        // A silent connection holds no buffer, and takes no place from those that speak.
        let first = guard.wait_with_grace(poll_fn(|cx| poll_first(cx, stream.socket()))).await;
        let first = first.unwrap_or_else(|| Ok(Box::default()))?;
        if first.is_empty() {
            return Err(Failure::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        if plain::is_http(&first) {
            return Err(Failure::Plain);
        }
        // It is never closed.
        let _guard = self.places.acquire().await;
        stream.feed(&first)?;
        drop(first);
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The first bytes of a connection; none at its end. The copy is as small as they are: it may have
/// to wait.
fn poll_first<I: Io>(cx: &mut Context<'_>, socket: &mut I) -> Poll<io::Result<Box<[u8]>>> {
    ready!(socket.poll_read_ready(cx))?;
    let mut buffer = buffer::take();
    let read = pin!(socket.read_buf(&mut buffer)).poll(cx);
    let first = read.map_ok(|_| buffer[..].into());
    buffer::give(&mut buffer);
    first
}

/// Says what was wrong (an alert, RFC 8446, 6.2) and waits for the client's end: a socket that is
/// closed with unread bytes is reset, and the client would see that instead of the reason.
async fn farewell<I: Io>(stream: &mut TlsStream<I>, limits: &Limits) {
    let saying = async {
        poll_fn(|cx| stream.poll_send(cx)).await?;
        let socket = stream.socket();
        tokio::io::AsyncWriteExt::shutdown(socket).await?;
        let mut nothing = [0; 1024];
        while socket.read(&mut nothing).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(limits.discard_timeout, saying).await;
}
