//! HTTP/2 (RFC 9113), over the `h2` crate: it knows frames, HPACK and windows, this drives it.
//!
//! ```text
//!   driver      THE loop of a connection: streams in, ready ones on, one write out
//!     request     the head, held to the rules of HTTP/1
//!     stream      one stream's way: waiting, called, sending, reading
//!       body        the request's body, on demand
//!       answer      the head of the answer; download: its body, as the windows allow
//!       tunnel      a stream behind CONNECT
//!   pipe        the bytes, gathered on the way out; frames: what is counted on the way in; fields: what h2 overlooks there
//!   wake        who wants to go on; times, clock: until when somebody waits
//! ```
//!
//! All streams of a connection live in its task. A stream costs no spawn, and nothing of ours is
//! allocated for it: the places of streams, with their futures and wakers, go from one to the next.

mod answer;
mod body;
mod clock;
mod download;
mod driver;
mod fields;
mod frames;
mod pipe;
mod request;
mod stream;
mod times;
mod tunnel;
mod wake;

#[cfg(test)]
mod tests;

use std::future::{Future as _, poll_fn};
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use trine_core::ConnInfo;

use crate::config::limits::Limits;
use crate::seam::MakeConnection;
use crate::server::shutdown::ConnectionGuard;
use crate::transport::io::Io;
use driver::Driver;
use pipe::Pipe;

/// The protocol that an extended CONNECT asks for (RFC 8441), in the extensions of its request:
/// `websocket`, say.
///
/// ```
/// use http::Request;
/// use trine_server::Protocol;
///
/// fn wants_websocket<B>(request: &Request<B>) -> bool {
///     request.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
/// }
/// assert!(!wants_websocket(&Request::new(())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol(Box<str>);

impl Protocol {
    fn new(name: &str) -> Protocol {
        Protocol(name.into())
    }

    /// Its name, as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether bytes that are no HTTP/1 begin a connection of HTTP/2, as far as they go (RFC 9113,
/// 3.3).
#[cold]
pub(crate) fn is_preface(input: &[u8]) -> bool {
    input.starts_with(&frames::PREFACE[..16])
        && input[16..].iter().zip(&frames::PREFACE[16..]).all(|(a, b)| a == b)
}

/// Serves a connection that speaks HTTP/2 to its end. `read_ahead` was read of it before that was
/// known.
pub(crate) async fn serve<I, M>(
    io: I,
    read_ahead: BytesMut,
    info: ConnInfo,
    make: impl Deref<Target = M>,
    service: M::Service,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    let drain = guard.drain();
    poll_fn(|cx| {
        guard.watch(cx);
        Poll::Ready(())
    })
    .await;
    let pipe = Pipe::new(io, read_ahead, Arc::clone(&limits));
    let mut builder = builder(&limits);
    if make.extended_connect() {
        builder.enable_connect_protocol();
    }
    let Some(h2) = shake_hands(builder, pipe.clone(), &limits, &drain).await else { return };
    let mut driver = Driver::new(h2, pipe, service, Arc::clone(&limits), Arc::clone(&drain));
    poll_fn(|cx| {
        if drain.is_aborted() {
            return Poll::Ready(());
        }
        driver.poll(cx, &*make, &info)
    })
    .await;
    driver.finish().await;
}

/// Our settings and the client's preface, which has the time of a head.
async fn shake_hands<I: Io>(
    builder: h2::server::Builder,
    pipe: Pipe<I>,
    limits: &Limits,
    drain: &crate::server::shutdown::Drain,
) -> Option<h2::server::Connection<Pipe<I>, Bytes>> {
    let ends = pipe.clone();
    let mut shaking = pin!(tokio::time::timeout(limits.head_timeout, builder.handshake(pipe)));
    let shaken = poll_fn(|cx| {
        if drain.is_aborted() {
            return Poll::Ready(None);
        }
        let shaken = shaking.as_mut().poll(cx);
        // The client may wait for our settings before it sends its preface.
        if let Poll::Ready(Err(_)) = ends.poll_send(cx) {
            return Poll::Ready(None);
        }
        shaken.map(Some)
    });
    match shaken.await? {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection did not begin as HTTP/2 does");
            None
        }
        Err(_) => {
            tracing::debug!("the preface of a connection did not arrive in time");
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
