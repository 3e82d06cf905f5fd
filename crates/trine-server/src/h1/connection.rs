//! The loop of an HTTP/1 connection: read a head, call the service, send the response, repeat.
//!
//! A connection is one task. It has no `Send` bounds, so that it fits both kinds of runtime, and
//! nothing is boxed between the socket and the service. One request is served at a time. Pipelined
//! requests wait in the buffer, and their responses share a write. While the service or its
//! response is pending, [`drive`](super::drive::drive) keeps the rest of the connection moving: the
//! request body, unwritten bytes, the timer, and the check for a client that is gone.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::{Request, Response, StatusCode};
use trine_core::{Body, ConnInfo};

#[cfg(feature = "http2")]
use crate::error::RequestError;
use crate::h1::call::call;
use crate::h1::codec::framing::ResponseTerms;
use crate::h1::codec::head::Head;
use crate::h1::end::ConnectionEnd;
use crate::h1::linger;
use crate::h1::request::read_head;
use crate::h1::respond::{Sent, incomplete, refuse, send};
use crate::h1::upload::Upload;
use crate::h1::wire::{Stage, Wire};
use crate::seam::MakeConnection;
use crate::seam::connection::Connection;
use crate::seam::failure::FAILED;
use crate::seam::panics::{Panicked, poll_caught};
use crate::semantics;
use crate::semantics::date;
use crate::transport::io::Io;
use crate::upgrade::{self, Offer};

/// Serves a connection to its end.
pub(crate) async fn serve<I, D, M>(connection: Connection<I, D>)
where
    I: Io + Send + 'static,
    D: Deref<Target = M>,
    M: MakeConnection,
{
    let Connection { io, info, make, limits, guard } = connection;
    let mut service = make.connection(&info);
    let drain = guard.drain();
    let mut wire = Wire::new(io, limits, Arc::clone(&drain));
    poll_fn(|cx| {
        guard.watch(cx);
        Poll::Ready(())
    })
    .await;
    let served = {
        let mut serving = pin!(serve_requests(&mut wire, &info, &*make, &mut service));
        poll_fn(|cx| {
            if drain.is_aborted() {
                return Poll::Ready(Ok(ConnectionEnd::Quiet));
            }
            date::refresh();
            // The only panic guard of the connection. Each further one would cost every request.
            poll_caught(serving.as_mut(), cx)
        })
        .await
    };
    let end = served.unwrap_or_else(|Panicked| after_panic(&mut wire));
    match end {
        ConnectionEnd::Quiet => {}
        ConnectionEnd::Close { linger } => linger::close(&mut wire, linger).await,
        ConnectionEnd::Reset => linger::reset(&mut wire).await,
        #[cfg(feature = "http2")]
        ConnectionEnd::Refused { error: RequestError::Version, .. } if begins_http2(&wire) => {
            // Boxed, so that connections of HTTP/1 stay small.
            let Wire { io, input, limits, .. } = wire;
            let connection = Connection { io, info, make, limits, guard };
            Box::pin(crate::h2::serve(connection, service, input)).await;
        }
        ConnectionEnd::Refused { error, head } => {
            let (status, detail) = error.wire();
            tracing::debug!(?error, status = status.as_u16(), detail, "a request was refused");
            let mut terms = ResponseTerms { head, ..ResponseTerms::LAST };
            refuse(&mut wire, status, detail, &mut terms);
            linger::close(&mut wire, true).await;
        }
        ConnectionEnd::Upgraded(offer) => upgrade::hand_over(wire, offer, guard).await,
    }
}

/// Whether the connection speaks HTTP/2. Only its first bytes can say so (RFC 9113, 3.4). Behind a
/// request, the same bytes are an error.
#[cfg(feature = "http2")]
#[cold]
fn begins_http2<I>(wire: &Wire<I>) -> bool {
    wire.limits.http2.enabled
        && matches!(wire.stage, Stage::Fresh)
        && crate::h2::is_preface(&wire.input)
}

/// Called when the service or its response body panicked. The stage of the response decides what
/// can still be sent.
#[cold]
fn after_panic<I>(wire: &mut Wire<I>) -> ConnectionEnd {
    match std::mem::take(&mut wire.stage) {
        Stage::Fresh | Stage::Between => ConnectionEnd::Quiet,
        Stage::Called(mut terms) => {
            terms.keep_alive = false;
            refuse(wire, StatusCode::INTERNAL_SERVER_ERROR, FAILED, &mut terms);
            ConnectionEnd::Close { linger: true }
        }
        Stage::Streaming(payload) => incomplete(payload),
    }
}

async fn serve_requests<I, M>(
    wire: &mut Wire<I>,
    info: &ConnInfo,
    make: &M,
    service: &mut M::Service,
) -> ConnectionEnd
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

/// Serves one request. Returns `Ok` if another may follow.
async fn exchange<I, M>(
    wire: &mut Wire<I>,
    info: &ConnInfo,
    make: &M,
    service: &mut M::Service,
) -> Result<(), ConnectionEnd>
where
    I: Io,
    M: MakeConnection,
{
    // Request and response are large. They stay in these slots and are not moved from stage to
    // stage.
    let mut head = None;
    read_head(wire, &mut head).await?;
    let Some(Head { framing, request }) = &mut head else { return Err(ConnectionEnd::Quiet) };
    let mut terms = framing.terms;
    let offer = if terms.upgrade { Some(offer_upgrade(request, make)) } else { None };
    let client_keeps_alive = terms.keep_alive;
    if let Some(scheme) = request.uri().scheme() {
        semantics::scheme(scheme, info, &wire.limits)
            .map_err(|error| ConnectionEnd::Refused { error, head: terms.head })?;
    }
    wire.stage = Stage::Called(terms);
    let mut upload = Upload::attach(request, framing, wire);

    let mut response = None;
    let sent = match call(wire, &mut upload, service, &mut head, &mut response).await? {
        Ok(()) if terms.upgrade || terms.connect => {
            match refused_upgrade(&response, terms, offer.as_ref()) {
                None => send(wire, &mut upload, &mut response, &mut terms).await?,
                Some((status, detail)) => {
                    refuse(wire, status, detail, &mut terms);
                    Sent::Http
                }
            }
        }
        Ok(()) => send(wire, &mut upload, &mut response, &mut terms).await?,
        Err(failure) => {
            // A failed layer may still wait for a permit, which an idle connection must not hold.
            *service = make.connection(info);
            upload.before_response(wire, false).await;
            terms.keep_alive &= upload.leaves_reusable(wire);
            refuse(wire, failure.status, failure.detail(), &mut terms);
            Sent::Http
        }
    };
    wire.stage = Stage::Between;
    if let (Sent::Upgraded, Some(offer)) = (sent, offer) {
        return Err(ConnectionEnd::Upgraded(offer));
    }
    if !upload.is_done() {
        upload.finish(wire).await?;
    }
    // A client that announced its last request sends nothing more. Any other client may be sending.
    if terms.keep_alive {
        Ok(())
    } else {
        Err(ConnectionEnd::Close { linger: client_keeps_alive || !wire.input.is_empty() })
    }
}

/// Offers the connection to the service, as the kind of upgrade that the service takes.
#[cold]
fn offer_upgrade(request: &mut Request<Body>, make: &impl MakeConnection) -> Offer {
    let (parts, body) = std::mem::take(request).into_parts();
    let kind = make.upgrade_kind(&parts);
    *request = Request::from_parts(parts, body);
    upgrade::offer(request, kind)
}

/// The refusal that replaces a response which accepts an upgrade, if nothing would take the
/// connection: the service has dropped its upgrade, or it was offered none, as for a CONNECT of
/// HTTP/1.0.
#[cold]
fn refused_upgrade<B>(
    response: &Option<Response<B>>,
    terms: ResponseTerms,
    offer: Option<&Offer>,
) -> Option<(StatusCode, &'static str)> {
    let accepts = response.as_ref().is_some_and(|response| terms.upgrades_at(response.status()));
    if !accepts || offer.is_some_and(|offer| !offer.is_declined()) {
        return None;
    }
    if terms.connect {
        // Any 2xx opens a tunnel, even if the service did not mean to (RFC 9110, 9.3.6).
        return Some((StatusCode::NOT_IMPLEMENTED, upgrade::NO_TUNNEL));
    }
    tracing::error!(
        "a service responded with 101 and dropped its `OnUpgrade`; a 500 was sent instead"
    );
    Some((StatusCode::INTERNAL_SERVER_ERROR, FAILED))
}

#[cfg(test)]
mod tests;
