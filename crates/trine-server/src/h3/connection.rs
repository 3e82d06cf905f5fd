//! The loop of an HTTP/3 connection: its handshake, its streams, its end.
//!
//! All requests of a connection run in its task, and each is woken on its own. Nothing is spawned,
//! so services need not be `Send`, and everything ends with the connection.

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

use super::codec::control;
use super::codec::error::{Code, Fault};
use super::codec::frame::FrameLimits;
use super::endpoint::IncomingConnection;
use super::exchange::{self, Outcome};
use super::stream::{Reader, Writer};
use super::uni_streams::UniStreams;
use crate::config::limits::{Cancel, Limits};
use crate::seam::MakeConnection;
use crate::server::shutdown::ConnectionGuard;

/// Serves a connection to its end. `make` belongs to the worker and is shared by its connections.
pub(crate) async fn serve<M: MakeConnection>(
    incoming: IncomingConnection,
    make: impl Deref<Target = M>,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) {
    let drain = guard.drain();
    let mut serving = pin!(serve_connection(incoming, &*make, &limits, &guard));
    poll_fn(|cx| {
        guard.watch(cx);
        // quinn closes a connection that is dropped.
        if drain.is_aborted() { Poll::Ready(()) } else { serving.as_mut().poll(cx) }
    })
    .await;
}

async fn serve_connection<M: MakeConnection>(
    incoming: IncomingConnection,
    make: &M,
    limits: &Limits,
    guard: &ConnectionGuard,
) {
    let IncomingConnection { incoming, settings, handshake: handshake_permit, local } = incoming;
    let handshake = async { incoming.accept_with(settings)?.await };
    let connection = match timeout(limits.handshake_timeout, handshake).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return tracing::debug!(%error, "a QUIC handshake failed"),
        Err(_) => return tracing::debug!("a QUIC handshake did not end in time"),
    };
    drop(handshake_permit);
    let info = info(&connection, local);
    // Without a timeout, a client that does not accept our control stream would stay connected for
    // ever.
    let (code, why) = match timeout(limits.handshake_timeout, open_control(&connection, limits))
        .await
    {
        Ok(Ok(mut control)) => {
            requests(&connection, &mut control, &info, make, limits, guard).await
        }
        Ok(Err(_)) => GONE,
        Err(_) => {
            (Code::GeneralProtocol, "the client does not accept a control stream (RFC 9114, 6.2)")
        }
    };
    tracing::debug!(?code, why, "a QUIC connection ends");
    connection.close(code.into(), why.as_bytes());
}

const GONE: (Code, &str) = (Code::NoError, "the client is gone");

/// Serves requests until the connection has to end, and returns the reason. `ours` is our control
/// stream.
async fn requests<M: MakeConnection>(
    connection: &Connection,
    ours: &mut Writer,
    info: &ConnInfo,
    make: &M,
    limits: &Limits,
    guard: &ConnectionGuard,
) -> (Code, &'static str) {
    let mut uni_streams = UniStreams::new();
    let mut running = FuturesUnordered::new();
    let mut cancelled: u32 = 0;
    // The stream id after the last accepted one. `goaway` is that id at the time of our GOAWAY.
    let mut next = 0;
    let mut goaway = None;
    let mut draining = pin!(guard.drain().draining());
    let mut idle = pin!(sleep(limits.keep_alive_timeout));
    loop {
        let accepted = tokio::select! {
            biased;
            Some(outcome) = running.next() => {
                match outcome {
                    Outcome::Finished => cancelled = cancelled.saturating_sub(1),
                    Outcome::Cancelled => cancelled = cancelled.saturating_add(1),
                    Outcome::Broken(code, why) => return (code, why),
                }
                if cancelled > limits.http3.max_cancelled {
                    let why = "too many requests were cancelled or broke the rules";
                    return (Code::ExcessiveLoad, why);
                }
                idle.set(sleep(limits.keep_alive_timeout));
                None
            }
            accepted = connection.accept_bi() => Some(accepted),
            accepted = connection.accept_uni() => match accepted {
                Ok(stream) => {
                    uni_streams.accept(stream);
                    None
                }
                Err(_) => Some(Err(quinn::ConnectionError::LocallyClosed)),
            },
            fault = poll_fn(|cx| uni_streams.poll(cx)) => {
                let (Fault::Stream(code, why) | Fault::Connection(code, why)) = fault;
                return (code, why);
            }
            () = &mut draining, if goaway.is_none() => {
                goaway = Some(next);
                ours.push(control::goaway(next).freeze());
                None
            }
            () = poll_fn(|cx| poll_fails(ours, cx)) => {
                return (Code::ClosedCriticalStream, "the client does not read our control stream");
            }
            () = &mut idle, if running.is_empty() => {
                return (Code::NoError, "there were no requests for a while");
            }
        };
        match accepted {
            Some(Ok((send, receive))) if goaway.is_some() => reject(send, receive),
            Some(Ok((send, receive))) => {
                next = u64::from(receive.id()) + 4;
                uni_streams.request_began();
                let (reader, writer) =
                    (Reader::new(receive, frame_limits(limits)), Writer::new(send));
                running.push(exchange::serve(reader, writer, make, (connection, info), limits));
            }
            Some(Err(_)) => {
                if limits.cancel == Cancel::Never {
                    while running.next().await.is_some() {}
                }
                return GONE;
            }
            None => {}
        }
        if goaway.is_some() && running.is_empty() {
            return (Code::NoError, "the server shuts down");
        }
    }
}

/// Opens our control stream.
async fn open_control(
    connection: &Connection,
    limits: &Limits,
) -> Result<Writer, quinn::WriteError> {
    let mut stream = connection.open_uni().await?;
    stream.write_all(&control::greeting(limits.head.bytes)).await?;
    Ok(Writer::new(stream))
}

/// Sends what waits, as far as the client takes it. Ready only if the client takes no more bytes.
fn poll_fails(writer: &mut Writer, cx: &mut Context<'_>) -> Poll<()> {
    while !writer.is_empty() {
        if ready!(writer.poll_send(cx)).is_err() {
            return Poll::Ready(());
        }
    }
    Poll::Pending
}

/// Rejects a request that came after our GOAWAY. The client may send it to another server (RFC
/// 9114, 5.2).
fn reject(mut send: SendStream, mut receive: RecvStream) {
    let _ = receive.stop(Code::RequestRejected.into());
    let _ = send.reset(Code::RequestRejected.into());
}

fn frame_limits(limits: &Limits) -> FrameLimits {
    FrameLimits {
        head: limits.head.bytes,
        trailers: limits.body.trailers,
        ignored: limits.body.extensions,
    }
}

fn info(connection: &Connection, local: Option<std::net::SocketAddr>) -> ConnInfo {
    // If the socket listens on every address, this is the address that the client used.
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
