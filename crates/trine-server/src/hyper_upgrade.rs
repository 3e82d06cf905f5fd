//! Upgrades of services that know only hyper's upgrade type, which only hyper can make: axum's WebSockets.
//!
//! A connection whose head asks for an upgrade goes to hyper with its bytes replayed, and stays there. hyper serves
//! that one request and no other: the head has passed our limits and there is no body, so that what is lost of our
//! timeouts is the one for a client that does not read its answer.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use trine_core::{Body, BoxError};

use crate::io::Io;
use crate::panics::caught;
use crate::seam::HttpService;
use crate::shutdown::Place;
use crate::upgrade::Upgraded;
use crate::wire::Wire;

pub(crate) async fn serve<I, S>(wire: Wire<I>, head: Bytes, service: S, place: Place)
where
    I: Io + Send + 'static,
    S: HttpService,
{
    let drain = place.drain();
    let mut before = BytesMut::from(head);
    before.extend_from_slice(&wire.input);
    // It gives again what was already read, and counts as an open connection.
    let replay = Upgraded::new(wire.io, before.freeze(), place);
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
