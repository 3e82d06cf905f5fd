//! The TLS handshake of a connection, within limits of time and number.

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

use super::error::TlsError;
use super::settings::Tls;
use super::stream::TlsStream;
use super::{build, info, plain};
use crate::config::limits::Limits;
use crate::server::shutdown::ConnectionGuard;
use crate::transport::buffer;
use crate::transport::io::Io;

/// Performs the handshakes of a listener.
#[derive(Debug)]
pub(crate) struct TlsAcceptor {
    settings: Tls,
    http2: bool,
    /// The configuration of new handshakes.
    current: RwLock<Arc<rustls::ServerConfig>>,
    /// The limit of concurrent handshakes.
    permits: Semaphore,
}

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct TlsConnection<I> {
    pub(crate) stream: TlsStream<I>,
    pub(crate) info: TlsInfo,
}

/// Why a handshake failed.
enum Failure {
    /// The client speaks plain HTTP.
    PlainHttp,
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl TlsAcceptor {
    pub(crate) fn new(settings: &Tls, limits: &Limits) -> Result<TlsAcceptor, TlsError> {
        let http2 = cfg!(feature = "http2") && limits.http2.enabled;
        let current = RwLock::new(build::build(settings, http2)?);
        let permits = Semaphore::new(limits.max_handshakes);
        Ok(TlsAcceptor { settings: settings.clone(), http2, current, permits })
    }

    /// Builds the configuration again from the files. Returns `false` if there are no files.
    pub(super) fn reload(&self) -> Result<bool, TlsError> {
        if self.files().next().is_none() {
            return Ok(false);
        }
        let new = build::build(&self.settings, self.http2)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(true)
    }

    /// The certificates that the server orders.
    #[cfg(feature = "acme")]
    pub(super) fn managed(&self) -> impl Iterator<Item = &super::acme::managed::Managed> {
        self.settings.managed()
    }

    #[cfg(feature = "acme")]
    pub(super) fn provider(&self) -> Result<Arc<rustls::crypto::CryptoProvider>, TlsError> {
        super::provider::choose(self.settings.provider.as_ref())
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.settings.files()
    }

    /// Performs the handshake of a connection. Returns `None` if it failed; the reason is logged,
    /// and sent to the client where the protocol has a way to do so.
    pub(crate) async fn accept<I: Io>(
        &self,
        io: I,
        limits: &Limits,
        guard: &ConnectionGuard,
    ) -> Option<TlsConnection<I>> {
        let drain = guard.drain();
        let mut working = pin!(self.try_accept(io, limits, guard));
        poll_fn(|cx| {
            guard.watch(cx);
            if drain.is_aborted() { Poll::Ready(None) } else { working.as_mut().poll(cx) }
        })
        .await
    }

    async fn try_accept<I: Io>(
        &self,
        io: I,
        limits: &Limits,
        guard: &ConnectionGuard,
    ) -> Option<TlsConnection<I>> {
        let end = later(Instant::now(), limits.handshake_timeout);
        let tls = match ServerConnection::new(self.current()) {
            Ok(tls) => tls,
            Err(error) => {
                tracing::error!(%error, "a TLS connection could not be set up");
                return None;
            }
        };
        let mut stream = TlsStream::new(io, tls);
        match timeout_at(end, self.handshake(&mut stream, guard)).await {
            Ok(Ok(())) => {
                let info = info::info(stream.tls());
                #[cfg(feature = "acme")]
                if info.protocol.as_deref() == Some(super::acme::challenge::ALPN) {
                    // The authority has seen the challenge certificate, and sends no request (RFC
                    // 8737, 3).
                    if let Ok(Ok(())) = timeout(limits.discard_timeout, stream.shutdown()).await {
                        close_with_alert(&mut stream, limits).await;
                    }
                    return None;
                }
                return Some(TlsConnection { stream, info });
            }
            Ok(Err(Failure::PlainHttp)) => {
                tracing::debug!("a client speaks plain HTTP to a TLS port");
                // A client that is too slow to read it gets no other response.
                let _ = timeout(limits.discard_timeout, plain::respond(stream.into_socket())).await;
            }
            Ok(Err(Failure::Io(error))) => {
                tracing::debug!(%error, "a TLS handshake failed");
                close_with_alert(&mut stream, limits).await;
            }
            Err(_) => tracing::debug!("a TLS handshake was not finished within its timeout"),
        }
        None
    }

    async fn handshake<I: Io>(
        &self,
        stream: &mut TlsStream<I>,
        guard: &ConnectionGuard,
    ) -> Result<(), Failure> {
        // A connection that sends nothing holds no buffer, and no permit of a handshake.
        let first = guard.wait_with_grace(poll_fn(|cx| poll_first(cx, stream.socket()))).await;
        let first = first.unwrap_or_else(|| Ok(Box::default()))?;
        if first.is_empty() {
            return Err(Failure::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        if plain::is_http(&first) {
            return Err(Failure::PlainHttp);
        }
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        stream.feed(&first)?;
        drop(first);
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The first bytes of a connection; empty at its end. They are copied out of the large buffer,
/// since the handshake may have to wait for a permit.
fn poll_first<I: Io>(cx: &mut Context<'_>, socket: &mut I) -> Poll<io::Result<Box<[u8]>>> {
    ready!(socket.poll_read_ready(cx))?;
    let mut buffer = buffer::take();
    let read = pin!(socket.read_buf(&mut buffer)).poll(cx);
    let first = read.map_ok(|_| buffer[..].into());
    buffer::give(&mut buffer);
    first
}

/// Sends the reason of the failure (an alert, RFC 8446, 6.2) and waits until the client closes the
/// connection: a socket that is closed with unread bytes is reset, and the client would lose the
/// alert.
async fn close_with_alert<I: Io>(stream: &mut TlsStream<I>, limits: &Limits) {
    let closing = async {
        poll_fn(|cx| stream.poll_send(cx)).await?;
        let socket = stream.socket();
        tokio::io::AsyncWriteExt::shutdown(socket).await?;
        let mut discarded = [0; 1024];
        while socket.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(limits.discard_timeout, closing).await;
}
