//! THE loop of a connection: its handshake, its streams, its end.
//!
//! All requests of a connection are driven inside its one task, each woken by itself: nothing is
//! spawned, so that services need not be `Send`, and what a connection holds ends with it.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::time::{sleep, timeout};
use trine_core::{ConnInfo, TlsInfo, TlsVersion};

use super::code::{Code, Fault};
use super::control;
use super::endpoint::Arrival;
use super::exchange::{Outcome, exchange};
use super::frame::FrameLimits;
use super::quic::{Reader, Writer};
use super::uni::UniStreams;
use crate::config::limits::{Cancel, Limits};
use crate::seam::MakeConnection;
use crate::server::shutdown::ConnectionGuard;

/// Serves one connection to its end. `make` is the worker's, shared by its connections.
pub(crate) async fn connection<M: MakeConnection>(
    arrival: Arrival,
    make: impl Deref<Target = M>,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) {
    let drain = guard.drain();
    let mut serving = pin!(serve(arrival, &*make, &limits, &guard));
    poll_fn(|cx| {
        guard.watch(cx);
        // What is dropped here, quinn closes.
        if drain.is_aborted() { Poll::Ready(()) } else { serving.as_mut().poll(cx) }
    })
    .await;
}

async fn serve<M: MakeConnection>(
    arrival: Arrival,
    make: &M,
    limits: &Limits,
    guard: &ConnectionGuard,
) {
    let Arrival { incoming, settings, handshake, local } = arrival;
    let shaking = async { incoming.accept_with(settings)?.await };
    let connection = match timeout(limits.handshake_timeout, shaking).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return tracing::debug!(%error, "a QUIC handshake failed"),
        Err(_) => return tracing::debug!("a QUIC handshake was not done in time"),
    };
    drop(handshake);
    let info = info(&connection, local);
    // A client that has no room for our control stream would hold its place for ever.
    let (code, why) = match timeout(limits.handshake_timeout, greet(&connection, limits)).await {
        Ok(Ok(mut ours)) => requests(&connection, &mut ours, &info, make, limits, guard).await,
        Ok(Err(_)) => GONE,
        Err(_) => (Code::GeneralProtocol, "the client takes no control stream (RFC 9114, 6.2)"),
    };
    tracing::debug!(?code, why, "a QUIC connection ends");
    connection.close(code.into(), why.as_bytes());
}

const GONE: (Code, &str) = (Code::NoError, "the client is gone");

/// Serves requests until the connection is to end, and says why. `ours` is our control stream.
async fn requests<M: MakeConnection>(
    connection: &Connection,
    ours: &mut Writer,
    info: &ConnInfo,
    make: &M,
    limits: &Limits,
    guard: &ConnectionGuard,
) -> (Code, &'static str) {
    let mut theirs = UniStreams::new();
    let mut running = FuturesUnordered::new();
    let mut cancelled: u32 = 0;
    // The first stream that is not served any more, once we said so.
    let mut next = 0;
    let mut last = None;
    let mut draining = pin!(guard.drain().draining());
    let mut idle = pin!(sleep(limits.keep_alive_timeout));
    loop {
        let accepted = tokio::select! {
            biased;
            Some(outcome) = running.next() => {
                match outcome {
                    Outcome::Told => cancelled = cancelled.saturating_sub(1),
                    Outcome::Cancelled => cancelled = cancelled.saturating_add(1),
                    Outcome::Broken(code, why) => return (code, why),
                }
                if cancelled > limits.http3.max_cancelled {
                    return (Code::ExcessiveLoad, "too many requests were taken back or broke the rules");
                }
                idle.set(sleep(limits.keep_alive_timeout));
                None
            }
            accepted = connection.accept_bi() => Some(accepted),
            accepted = connection.accept_uni() => match accepted {
                Ok(stream) => {
                    theirs.accept(stream);
                    None
                }
                Err(_) => Some(Err(quinn::ConnectionError::LocallyClosed)),
            },
            Fault::Stream(code, why) | Fault::Connection(code, why) = poll_fn(|cx| theirs.poll(cx)) => {
                return (code, why);
            }
            () = &mut draining, if last.is_none() => {
                last = Some(next);
                ours.push(control::goaway(next).freeze());
                None
            }
            () = poll_fn(|cx| poll_fails(ours, cx)) => {
                return (Code::ClosedCriticalStream, "the client does not take our control stream");
            }
            () = &mut idle, if running.is_empty() => return (Code::NoError, "there were no requests for a while"),
        };
        match accepted {
            Some(Ok((send, receive))) if last.is_some() => reject(send, receive),
            Some(Ok((send, receive))) => {
                next = u64::from(receive.id()) + 4;
                theirs.earn();
                let (reader, writer) =
                    (Reader::new(receive, frame_limits(limits)), Writer::new(send));
                running.push(exchange(reader, writer, make, (connection, info), limits));
            }
            Some(Err(_)) => {
                if limits.cancel == Cancel::Never {
                    while running.next().await.is_some() {}
                }
                return GONE;
            }
            None => {}
        }
        if last.is_some() && running.is_empty() {
            return (Code::NoError, "the server shuts down");
        }
    }
}

async fn greet(connection: &Connection, limits: &Limits) -> Result<Writer, quinn::WriteError> {
    let mut ours = connection.open_uni().await?;
    ours.write_all(&control::greeting(limits.head.bytes)).await?;
    Ok(Writer::new(ours))
}

/// Sends what waits, as far as the client takes it. Ready only where it takes nothing any more.
fn poll_fails(writer: &mut Writer, cx: &mut Context<'_>) -> Poll<()> {
    while !writer.is_empty() {
        if ready!(writer.poll_send(cx)).is_err() {
            return Poll::Ready(());
        }
    }
    Poll::Pending
}

/// A request that came after we said that none would be served: its client may send it elsewhere
/// (RFC 9114, 5.2).
fn reject(mut send: SendStream, mut receive: RecvStream) {
    let _ = receive.stop(Code::RequestRejected.into());
    let _ = send.reset(Code::RequestRejected.into());
}

fn frame_limits(limits: &Limits) -> FrameLimits {
    FrameLimits {
        head: limits.head.bytes,
        trailers: limits.body.trailers,
        nothing: limits.body.extensions,
    }
}

fn info(connection: &Connection, local: Option<std::net::SocketAddr>) -> ConnInfo {
    // A socket that listens on every address knows which one it was.
    let local = local.map(|local| match connection.local_ip() {
        Some(ip) => std::net::SocketAddr::new(ip, local.port()),
        None => local,
    });
    let mut tls = TlsInfo::new(TlsVersion::Tls13, "unknown");
    if let Some(data) = connection.handshake_data()
        && let Ok(data) = data.downcast::<HandshakeData>()
    {
        tls.server_name = data.server_name.map(Into::into);
        tls.protocol = data.protocol.map(Bytes::from);
    }
    if let Some(identity) = connection.peer_identity()
        && let Ok(chain) = identity.downcast::<Vec<CertificateDer<'static>>>()
    {
        tls.client_certificates = chain.iter().map(|der| Bytes::copy_from_slice(der)).collect();
    }
    ConnInfo::plain(Some(connection.remote_address()), local).with_tls(tls)
}
