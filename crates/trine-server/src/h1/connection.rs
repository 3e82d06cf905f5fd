//! THE loop of a connection: read a head, call the service, send the answer, repeat.
//!
//! It is one task without `Send` bounds, so that it serves both kinds of runtime, and nothing in it
//! is boxed between the socket and the service. One request is served at a time; those that were
//! pipelined wait in the buffer, and their answers share a write. While the service or its answer
//! is pending, [`drive`] keeps moving everything else that the connection carries: the body of the
//! request, what was not yet written, the timer, a peer that goes away.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response, StatusCode};
use trine_core::{Body, ConnInfo, recycle};

use crate::config::limits::{HeadLimits, Limits};
use crate::error::RequestError;
use crate::h1::codec::framing::Terms;
use crate::h1::codec::head::{self, Head};
use crate::h1::linger;
use crate::h1::respond::{Sent, broken, refuse, send};
use crate::h1::upload::Upload;
use crate::seam::MakeConnection;
use crate::seam::call::{self, call};
use crate::seam::panics::{Panicked, caught};
use crate::semantics;
use crate::semantics::date;
use crate::server::shutdown::{ConnectionGuard, FIRST_REQUEST_GRACE};
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::timer::Side;
use crate::transport::wire::{Gone, Stage, Wire};
use crate::upgrade::{self, Offer};

/// How a request begins whose answer has no body, even where it is refused before it is understood.
const HEAD: &[u8] = b"HEAD ";

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// There is nobody to tell, or nothing to say.
    Quiet,
    /// What is gathered is written, then our side is closed. With `linger` the peer may still be
    /// sending.
    Close { linger: bool },
    /// The answer cannot be completed, and only a reset says so.
    Reset,
    /// The request is answered by the engine itself; without a body if it was a HEAD.
    Refused { error: RequestError, head: bool },
    /// The bytes are no longer HTTP; whoever took the offer gets them.
    Switched(Offer),
}

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
            date::look();
            // The one net for whatever the service and its answers do: each further one costs every
            // request.
            caught(|| serving.as_mut().poll(cx))
                .map_or_else(|panic| Poll::Ready(Err(panic)), |end| end.map(Ok))
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
            refuse(wire, StatusCode::INTERNAL_SERVER_ERROR, call::FAILED, &mut terms);
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
    Some((StatusCode::INTERNAL_SERVER_ERROR, call::FAILED))
}

/// Waits for the next head, and writes what is gathered before it waits.
async fn read_head<I: Io>(wire: &mut Wire<I>, head: &mut Option<Head>) -> Result<(), End> {
    let limits = wire.limits.head;
    let gathered = wire.limits.max_gathered_bytes;
    let mut before = Before::default();
    let (mut begun, mut last_chance) = (false, false);
    let mut turn = pin!(tokio::task::yield_now());
    debug_assert!(wire.timer.is_clear(Side::Read), "a deadline of the last request is still set");
    poll_fn(|cx| {
        loop {
            // Answers that fill their buffer must leave before another is made.
            let blocked = wire.out.is_full(gathered);
            if !blocked && take_head(wire, &limits, &mut before, head)? {
                // Its time is over too: who waits now waits for a body, or is the service.
                wire.timer.clear(Side::Read);
                return Poll::Ready(Ok(()));
            }
            let idle = wire.input.is_empty();
            match wire.poll_flush(cx) {
                Poll::Ready(Ok(())) if blocked => continue,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(End::Quiet)),
                Poll::Pending => return expire(cx, wire, idle).map(Err),
            }
            // A head that was cut off is nobody's request.
            if wire.eof {
                let goodbye = wire.io.says_goodbye();
                return Poll::Ready(Err(if goodbye {
                    End::Close { linger: false }
                } else {
                    End::Quiet
                }));
            }
            match wire.poll_fill(cx, buffer::SIZE) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(End::Quiet)),
                Poll::Pending => {}
            }
            if idle {
                wire.rest();
                wire.timer.start(Side::Read, wire.limits.keep_alive_timeout);
                if wire.drain.ends_idle() && !last_chance {
                    // A request may have arrived that the runtime has not seen yet: look once more
                    // after its turn.
                    ready!(turn.as_mut().poll(cx));
                    if !matches!(wire.stage, Stage::Fresh) {
                        return Poll::Ready(Err(End::Close { linger: false }));
                    }
                    // Who has just connected is about to ask, and does not take the end for a
                    // reason to ask again.
                    last_chance = true;
                    wire.timer.set(Side::Read, FIRST_REQUEST_GRACE);
                }
            } else if !begun {
                begun = true;
                wire.timer.set(Side::Read, wire.limits.head_timeout);
            }
            return expire(cx, wire, idle).map(Err);
        }
    })
    .await
}

/// What was found before a head was whole.
#[derive(Default)]
struct Before {
    /// Bytes that are no whole head.
    parsed: usize,
    /// Empty lines that were thrown away.
    empty_lines: usize,
}

fn take_head<I>(
    wire: &mut Wire<I>,
    limits: &HeadLimits,
    before: &mut Before,
    head: &mut Option<Head>,
) -> Result<bool, End> {
    let parsed = std::mem::replace(&mut before.parsed, wire.input.len());
    let worth =
        parsed == 0 || before.parsed >= limits.bytes || head::is_worth_parsing(&wire.input, parsed);
    if before.parsed == parsed || !worth {
        return Ok(false);
    }
    head::skip_empty_lines(&mut wire.input, &mut before.empty_lines)
        .map_err(|error| End::Refused { error, head: false })?;
    let is_head = wire.input.starts_with(HEAD);
    let whole = head::parse(&mut wire.input, limits, recycle::lend_headers, head)
        .map_err(|error| End::Refused { error, head: is_head })?;
    before.parsed = wire.input.len();
    Ok(whole)
}

fn expire<I>(cx: &mut Context<'_>, wire: &mut Wire<I>, idle: bool) -> Poll<End> {
    match ready!(wire.timer.poll(cx)) {
        Side::Read if idle => Poll::Ready(End::Close { linger: false }),
        Side::Read => Poll::Ready(End::Refused {
            error: RequestError::HeadTimeout,
            head: wire.input.starts_with(HEAD),
        }),
        Side::Write => Poll::Ready(stalled()),
    }
}

#[cold]
fn stalled() -> End {
    tracing::debug!("a client did not read its answer in time; its connection ends");
    End::Quiet
}

/// Runs `main`; while it is pending, moves everything else that the connection carries.
///
/// An echo lives from this: its answer waits for the body of its own request.
pub(crate) async fn drive<I: Io, T>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    mut main: impl FnMut(&mut Context<'_>, &mut Wire<I>) -> Poll<T>,
) -> Result<T, End> {
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = main(cx, wire) {
                return Poll::Ready(Ok(done));
            }
            if let Poll::Ready(Err(Gone)) = wire.poll_flush(cx) {
                return Poll::Ready(Err(End::Quiet));
            }
            match upload.poll_move(cx, wire) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(End::Quiet)),
                Poll::Pending => {}
            }
            match ready!(wire.timer.poll(cx)) {
                Side::Read => upload.time_out(),
                Side::Write => return Poll::Ready(Err(stalled())),
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests;
