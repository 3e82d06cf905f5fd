//! Upgrades of services that know only hyper's upgrade type, which only hyper can make: axum's WebSockets.
//!
//! A connection whose head asks for an upgrade goes to hyper with its bytes replayed, and stays there. hyper serves
//! that one request and no other: the head has passed our limits and there is no body, so that what is lost of our
//! timeouts is the one for a client that does not read its answer.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trine_core::{Body, BoxError};

use crate::io::Io;
use crate::panics::caught;
use crate::seam::HttpService;
use crate::shutdown::Place;
use crate::wire::Wire;

pub(crate) async fn serve<I, S>(wire: Wire<I>, head: Bytes, service: S, place: Place)
where
    I: Io + Send + 'static,
    S: HttpService,
{
    let drain = place.drain();
    let mut before = BytesMut::from(head);
    before.extend_from_slice(&wire.input);
    let replay = Replay { before: before.freeze(), io: wire.io, _place: place };
    // hyper calls by shared reference, one request at a time: the lock is never contended.
    let service = Arc::new(Mutex::new(service));
    let serving = http1::Builder::new()
        .half_close(true)
        .serve_connection(
            TokioIo::new(replay),
            service_fn(move |request| answer(Arc::clone(&service), request)),
        )
        .with_upgrades();
    let mut serving = pin!(serving);
    let ended = poll_fn(|cx| {
        if drain.is_aborted() {
            return Poll::Ready(Ok(()));
        }
        caught(|| serving.as_mut().poll(cx)).unwrap_or(Poll::Ready(Ok(())))
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection that was handed to hyper failed");
    }
}

async fn answer<S: HttpService>(
    service: Arc<Mutex<S>>,
    request: Request<Incoming>,
) -> Result<Response<S::ResponseBody>, BoxError> {
    let connect = request.method() == Method::CONNECT;
    poll_fn(|cx| service.lock().unwrap_or_else(PoisonError::into_inner).poll_ready(cx))
        .await
        .map_err(Into::into)?;
    let answer = service.lock().unwrap_or_else(PoisonError::into_inner).call(request.map(Body::new));
    let mut answer = answer.await.map_err(Into::into)?;
    if !(answer.status() == StatusCode::SWITCHING_PROTOCOLS || connect && answer.status().is_success()) {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// A connection that gives again what was already read of it.
struct Replay<I> {
    before: Bytes,
    io: I,
    _place: Place,
}

impl<I: Io> AsyncRead for Replay<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let len = self.before.len().min(buf.remaining());
        buf.put_slice(&self.before[..len]);
        self.before.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<I: Io> AsyncWrite for Replay<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
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
