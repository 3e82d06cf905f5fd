//! THE loop of a connection: read a head, call the service, send the answer, repeat.
//!
//! It is one task without `Send` bounds, so that it serves both kinds of runtime, and nothing in it
//! is boxed between the socket and the service. One request is served at a time; those that were
//! pipelined wait in the buffer, and their answers share a write. While the service or its answer
//! is pending, [`drive`](super::drive::drive) keeps moving everything else that the connection carries: the body of the
//! request, what was not yet written, the timer, a peer that goes away.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::{Request, Response, StatusCode};
use trine_core::{Body, ConnInfo};

use crate::config::limits::Limits;
use crate::error::RequestError;
use crate::h1::call::call;
use crate::h1::codec::framing::Terms;
use crate::h1::codec::head::Head;
use crate::h1::end::End;
use crate::h1::linger;
use crate::h1::request::read_head;
use crate::h1::respond::{Sent, broken, refuse, send};
use crate::h1::upload::Upload;
use crate::h1::wire::{Stage, Wire};
use crate::seam::MakeConnection;
use crate::seam::failure::FAILED;
use crate::seam::panics::{Panicked, poll_caught};
use crate::semantics;
use crate::semantics::date;
use crate::server::shutdown::ConnectionGuard;
use crate::transport::io::Io;
use crate::upgrade::{self, Offer};

/// Serves one connection to its end. `make` is the worker's, shared by its connections.
pub(crate) async fn conn<I, M>(
    io: I,
    info: ConnInfo,
    make: impl Deref<Target = M>,
    limits: Arc<Limits>,
    guard: ConnectionGuard,
) where
    I: Io + Send + 'static,
    M: MakeConnection,
{
    let mut service = make.connection(&info);
    let drain = guard.drain();
    let mut wire = Wire::new(io, limits, Arc::clone(&drain));
    poll_fn(|cx| {
        guard.watch(cx);
        Poll::Ready(())
    })
    .await;
    let served = {
        let mut serving = pin!(serve(&mut wire, &info, &*make, &mut service));
        poll_fn(|cx| {
            if drain.is_aborted() {
                return Poll::Ready(Ok(End::Quiet));
            }
            date::refresh();
            // The one net for whatever the service and its answers do: each further one costs every
            // request.
            poll_caught(serving.as_mut(), cx)
        })
        .await
    };
    let end = served.unwrap_or_else(|Panicked| after_panic(&mut wire));
    match end {
        End::Quiet => {}
        End::Close { linger } => linger::close(&mut wire, linger).await,
        End::Reset => linger::reset(&mut wire).await,
        #[cfg(feature = "http2")]
        End::Refused { error: RequestError::Version, .. } if begins_http2(&wire) => {
            // Boxed, so that connections of HTTP/1 stay small.
            let Wire { io, input, limits, .. } = wire;
            Box::pin(crate::h2::serve(io, input, info, make, service, limits, guard)).await;
        }
        End::Refused { error, head } => {
            let (status, detail) = error.wire();
            tracing::debug!(?error, status = status.as_u16(), detail, "a request was refused");
            let mut terms =
                Terms { old: false, head, connect: false, upgrade: false, keep_alive: false };
            refuse(&mut wire, status, detail, &mut terms);
            linger::close(&mut wire, true).await;
        }
        End::Switched(offer) => upgrade::hand_over(wire, offer, guard).await,
    }
}

/// Only the first bytes of a connection say so (RFC 9113, 3.4): behind a request, the same bytes
/// are an error.
#[cfg(feature = "http2")]
#[cold]
fn begins_http2<I>(wire: &Wire<I>) -> bool {
    wire.limits.http2.enabled
        && matches!(wire.stage, Stage::Fresh)
        && crate::h2::is_preface(&wire.input)
}

/// What can still be said depends on how far the answer was.
#[cold]
fn after_panic<I>(wire: &mut Wire<I>) -> End {
    match std::mem::take(&mut wire.stage) {
        Stage::Fresh | Stage::Between => End::Quiet,
        Stage::Called(mut terms) => {
            terms.keep_alive = false;
            refuse(wire, StatusCode::INTERNAL_SERVER_ERROR, FAILED, &mut terms);
            End::Close { linger: true }
        }
        Stage::Streaming(payload) => broken(payload),
    }
}

async fn serve<I, M>(wire: &mut Wire<I>, info: &ConnInfo, make: &M, service: &mut M::Service) -> End
where
    I: Io,
    M: MakeConnection,
{
    loop {
        match exchange(wire, info, make, service).await {
            Ok(()) => {}
            Err(end) => return end,
        }
    }
}

/// One request and its answer. `Ok` when another may follow.
async fn exchange<I, M>(
    wire: &mut Wire<I>,
    info: &ConnInfo,
    make: &M,
    service: &mut M::Service,
) -> Result<(), End>
where
    I: Io,
    M: MakeConnection,
{
    // Request and response are large: they lie in these slots and are not handed from stage to
    // stage.
    let mut head = None;
    read_head(wire, &mut head).await?;
    let Some(Head { framing, request }) = &mut head else { return Err(End::Quiet) };
    let mut terms = framing.terms;
    let mut offer = None;
    if terms.upgrade {
        offer = Some(offered(request, make));
    }
    let client_goes_on = terms.keep_alive;
    if let Some(scheme) = request.uri().scheme() {
        semantics::scheme(scheme, info, &wire.limits)
            .map_err(|error| End::Refused { error, head: terms.head })?;
    }
    wire.stage = Stage::Called(terms);
    let mut upload = Upload::attach(request, framing, wire);

    let mut answer = None;
    let sent = match call(wire, &mut upload, service, &mut head, &mut answer).await? {
        Ok(()) if terms.upgrade || terms.connect => {
            match empty_promise(&answer, terms, offer.as_ref()) {
                None => send(wire, &mut upload, &mut answer, &mut terms).await?,
                Some((status, detail)) => {
                    refuse(wire, status, detail, &mut terms);
                    Sent::Http
                }
            }
        }
        Ok(()) => send(wire, &mut upload, &mut answer, &mut terms).await?,
        Err(failure) => {
            // A layer may be left half-ready, waiting for a permit that an idle connection must not
            // hold.
            *service = make.connection(info);
            upload.settle(wire, false).await;
            terms.keep_alive &= upload.leaves_reusable(wire);
            refuse(wire, failure.status, failure.detail(), &mut terms);
            Sent::Http
        }
    };
    wire.stage = Stage::Between;
    if let (Sent::Switched, Some(offer)) = (sent, offer) {
        return Err(End::Switched(offer));
    }
    if !upload.is_done() {
        upload.finish(wire).await?;
    }
    // A client that said that this is its last request sends nothing more; one that did not may be
    // sending.
    if terms.keep_alive {
        Ok(())
    } else {
        Err(End::Close { linger: client_goes_on || !wire.input.is_empty() })
    }
}

/// Offers the connection to the service, in each type that it may know.
#[cold]
fn offered(request: &mut Request<Body>, make: &impl MakeConnection) -> Offer {
    let (parts, body) = std::mem::take(request).into_parts();
    let foreign = make.foreign_upgrade(&parts);
    *request = Request::from_parts(parts, body);
    upgrade::offer(request, foreign)
}

/// What is told instead of an answer that accepts an upgrade which its service has dropped, or
/// which it was not offered as a CONNECT of HTTP/1.0 is not: the client would speak to nobody.
#[cold]
fn empty_promise<B>(
    answer: &Option<Response<B>>,
    terms: Terms,
    offer: Option<&Offer>,
) -> Option<(StatusCode, &'static str)> {
    let accepts = answer.as_ref().is_some_and(|answer| terms.switches_at(answer.status()));
    if !accepts || offer.is_some_and(|offer| !offer.is_declined()) {
        return None;
    }
    if terms.connect {
        // Any 2xx opens a tunnel, whatever it was meant for (RFC 9110, 9.3.6).
        return Some((StatusCode::NOT_IMPLEMENTED, upgrade::NO_TUNNEL));
    }
    tracing::error!("a service answered 101 and dropped its `OnUpgrade`; 500 was sent instead");
    Some((StatusCode::INTERNAL_SERVER_ERROR, FAILED))
}

#[cfg(test)]
mod tests;
