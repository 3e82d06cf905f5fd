//! HTTP/2 (RFC 9113), over the `h2` crate, which implements frames, HPACK and flow control.
//!
//! ```text
//!   connection  the loop: accept streams, move the ready ones, write once
//!     request     checks the head against the rules of HTTP/1
//!     stream      one stream: waiting, called, sending, reading
//!       upload      the request body
//!       respond     the head of the response; download: its body, as flow control allows
//!       tunnel      a stream behind CONNECT
//!   wire        the bytes of the connection: writes are gathered, reads are inspected
//!     frames      counts frames; fields: finds what h2 does not report in header blocks
//!   wakers      which streams are ready; deadlines: how long the connection waits
//! ```
//!
//! All streams of a connection live in its task. For a stream, the engine spawns no task and
//! allocates nothing: the slots of streams, with their futures and wakers, are reused.

mod connection;
mod deadlines;
mod download;
mod fields;
mod frames;
mod request;
mod respond;
mod stream;
mod tunnel;
mod upload;
mod wakers;
mod wire;

#[cfg(test)]
mod tests;

use std::future::{Future as _, poll_fn};
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
pub use trine_core::upgrade::Protocol;

use self::connection::Driver;
use self::wire::Wire;
use crate::config::limits::Limits;
use crate::seam::MakeConnection;
use crate::seam::connection::Connection;
use crate::transport::io::Io;

/// Whether these bytes, which are not HTTP/1, are the beginning of an HTTP/2 connection (RFC 9113,
/// 3.3).
#[cold]
pub(crate) fn is_preface(input: &[u8]) -> bool {
    input.starts_with(&frames::PREFACE[..16])
        && input[16..].iter().zip(&frames::PREFACE[16..]).all(|(a, b)| a == b)
}

/// Serves an HTTP/2 connection to its end. `read_ahead` are the bytes that were read from it before
/// the protocol was known.
pub(crate) async fn serve<I, D, M>(
    connection: Connection<I, D>,
    service: M::Service,
    read_ahead: BytesMut,
) where
    I: Io + Send + 'static,
    D: Deref<Target = M>,
    M: MakeConnection,
{
    let Connection { io, info, make, limits, guard } = connection;
    let drain = guard.drain();
    poll_fn(|cx| {
        guard.watch(cx);
        Poll::Ready(())
    })
    .await;
    let wire = Wire::new(io, read_ahead, Arc::clone(&limits));
    let mut builder = builder(&limits);
    if make.extended_connect() {
        builder.enable_connect_protocol();
    }
    let Some(h2) = handshake(builder, wire.clone(), &limits, &drain).await else { return };
    let mut driver = Driver::new(h2, wire, service, limits, Arc::clone(&drain));
    poll_fn(|cx| {
        if drain.is_aborted() {
            return Poll::Ready(());
        }
        driver.poll(cx, &*make, &info)
    })
    .await;
    driver.finish().await;
}

/// Exchanges our settings and the preface of the client, which must arrive within `head_timeout`.
async fn handshake<I: Io>(
    builder: h2::server::Builder,
    wire: Wire<I>,
    limits: &Limits,
    drain: &crate::server::shutdown::Drain,
) -> Option<h2::server::Connection<Wire<I>, Bytes>> {
    let output = wire.clone();
    let mut handshake = pin!(tokio::time::timeout(limits.head_timeout, builder.handshake(wire)));
    let done = poll_fn(|cx| {
        if drain.is_aborted() {
            return Poll::Ready(None);
        }
        let polled = handshake.as_mut().poll(cx);
        // The client may wait for our settings before it sends its preface.
        if let Poll::Ready(Err(_)) = output.poll_send(cx) {
            return Poll::Ready(None);
        }
        polled.map(Some)
    });
    match done.await? {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the HTTP/2 handshake of a connection failed");
            None
        }
        Err(_) => {
            tracing::debug!("the HTTP/2 preface of a connection did not arrive in time");
            None
        }
    }
}

fn builder(limits: &Limits) -> h2::server::Builder {
    let http2 = &limits.http2;
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(http2.max_concurrent_streams)
        .initial_window_size(http2.stream_window)
        .initial_connection_window_size(http2.connection_window)
        .max_frame_size(http2.max_frame_bytes)
        .max_header_list_size(u32::try_from(limits.head.bytes).unwrap_or(u32::MAX))
        .header_table_size(http2.header_table_bytes)
        .max_send_buffer_size(http2.max_send_buffer)
        .max_pending_accept_reset_streams(http2.max_pending_resets)
        .max_local_error_reset_streams(Some(http2.max_error_resets))
        .max_concurrent_reset_streams(http2.max_remembered_resets)
        .reset_stream_duration(std::time::Duration::from_secs(1))
        .data_frame_budget(http2.data_frame_budget);
    builder
}
