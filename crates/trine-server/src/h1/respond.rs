//! Sends the response: encodes its head, and gathers or streams its body.

use std::any::Any;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

use bytes::Bytes;
use http::{Response, StatusCode, response};
use http_body::{Body as HttpBody, Frame};
use trine_core::{Body, BoxError, recycle};

use crate::h1::codec::encode::{self, Payload};
use crate::h1::codec::framing::ResponseTerms;
use crate::h1::drive::drive;
use crate::h1::end::ConnectionEnd;
use crate::h1::upload::Upload;
use crate::h1::wire::{PeerGone, Stage, Wire};
use crate::semantics::date;
use crate::transport::io::Io;

/// What the connection speaks after a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Http,
    /// The response accepted the upgrade: the bytes are no longer HTTP.
    Upgraded,
}

/// Encodes a response, and gathers or streams its body. Gathered bytes are written by the next
/// flush, so that pipelined responses share one write. The response stays in its slot until only
/// its body is left.
pub(crate) async fn send<I, B>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    response: &mut Option<Response<B>>,
    terms: &mut ResponseTerms,
) -> Result<Sent, ConnectionEnd>
where
    I: Io,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let Some(complete) = &mut *response else { return Err(ConnectionEnd::Quiet) };
    let status = complete.status();
    let upgraded = terms.upgrades_at(status);
    if status.is_informational() && !upgraded {
        tracing::error!(%status, "a service returned an interim status; a 500 was sent instead");
        refuse(
            wire,
            StatusCode::INTERNAL_SERVER_ERROR,
            "the service returned no final response",
            terms,
        );
        return Ok(Sent::Http);
    }
    if !upload.is_done() {
        upload.before_response(wire, status.is_success()).await;
    }
    terms.keep_alive &= upload.leaves_reusable(wire) && !wire.drain.is_draining();

    let exact = complete.body().size_hint().exact();
    let payload =
        encode::head(wire.out.buffer(), status, complete.headers(), terms, exact, &date::now());
    let Some((response::Parts { headers, .. }, mut body)) =
        response.take().map(Response::into_parts)
    else {
        return Err(ConnectionEnd::Quiet);
    };
    recycle::give_headers(headers);
    if upgraded {
        return Ok(Sent::Upgraded);
    }
    if payload != Payload::Nothing && !gather_whole(wire, &mut body, payload) {
        stream(wire, upload, body, payload).await?;
    }
    Ok(Sent::Http)
}

/// Encodes a response of the engine itself.
#[cold]
pub(crate) fn refuse<I>(
    wire: &mut Wire<I>,
    status: StatusCode,
    detail: &str,
    terms: &mut ResponseTerms,
) {
    terms.keep_alive &= !wire.drain.is_draining();
    encode::problem(wire.out.buffer(), status, detail, terms, &date::now());
}

/// Gathers a body whose bytes are all there, or which is a file. Returns false for any other body,
/// and for body types of other crates.
fn gather_whole<I: Io, B: 'static>(wire: &mut Wire<I>, body: &mut B, payload: Payload) -> bool {
    let Some(body) = (body as &mut dyn Any).downcast_mut::<Body>() else { return false };
    match body.as_whole() {
        Some(bytes) if wire.out.copy(bytes) => return true,
        Some(_) => {}
        None => return wire.io.sends_files() && gather_file(wire, body, payload),
    }
    if let Some(bytes) = body.take_whole() {
        wire.out.push(bytes, b"");
    }
    true
}

/// The length from which the system sends a file itself. A shorter file is read, so that it is
/// written together with its head.
const SMALLEST_SENT_FILE: u64 = 64 * 1024;

#[cold]
fn gather_file<I>(wire: &mut Wire<I>, body: &mut Body, payload: Payload) -> bool {
    let len = body.size_hint().exact().unwrap_or(0);
    if len < SMALLEST_SENT_FILE || payload != Payload::Sized(len) {
        return false;
    }
    let file = body.take_file();
    let found = file.is_some();
    if let Some(file) = file {
        wire.out.push_file(file);
    }
    found
}

async fn stream<I, B>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    body: B,
    mut payload: Payload,
) -> Result<(), ConnectionEnd>
where
    I: Io,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    // From here on a panic cannot become a 500, because the head may be on its way.
    wire.stage = Stage::Streaming(payload);
    let mut body = pin!(body);
    let cap = wire.limits.max_gathered_bytes;
    while payload != Payload::Sized(0) {
        let next = drive(wire, upload, |cx, wire| {
            if wire.out.is_full(cap)
                && let Err(PeerGone) = ready!(wire.poll_flush(cx))
            {
                return Poll::Ready(Err(ConnectionEnd::Quiet));
            }
            body.as_mut().poll_frame(cx).map(Ok)
        })
        .await??;
        match next {
            Some(Ok(frame)) => {
                if gather(wire, frame, &mut payload)? == Gathered::Last {
                    return Ok(());
                }
            }
            Some(Err(error)) => {
                let error: BoxError = error.into();
                tracing::error!(%error, "the body of a response failed; the connection ends");
                return Err(incomplete(payload));
            }
            None => return end(wire, payload),
        }
    }
    // A body that is longer than its length has more data now. A body that is pending is not waited
    // for: it has produced all bytes that the client was promised.
    let more = poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await;
    match more {
        Poll::Ready(Some(Ok(frame))) if frame.data_ref().is_some_and(|data| !data.is_empty()) => {
            // Nothing was written since the last frame. Without its last byte, the client sees that
            // the response is incomplete. If the length is 0, that byte belongs to the head: no
            // response is better than an empty one that looks complete.
            wire.out.remove_last_byte();
            Err(too_long())
        }
        _ => Ok(()),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Gathered {
    More,
    Last,
}

fn gather<I>(
    wire: &mut Wire<I>,
    frame: Frame<Bytes>,
    payload: &mut Payload,
) -> Result<Gathered, ConnectionEnd> {
    match (frame.into_data(), &mut *payload) {
        (Ok(data), _) if data.is_empty() => {}
        (Ok(data), Payload::Sized(left)) => {
            // Nothing of this frame is sent, because a truncated response must not look complete.
            *left = left.checked_sub(data.len() as u64).ok_or_else(too_long)?;
            wire.out.push(data, b"");
        }
        (Ok(data), Payload::Chunked) => {
            encode::chunk_size(wire.out.buffer(), data.len());
            wire.out.push(data, b"\r\n");
        }
        (Ok(data), Payload::UntilClose) => wire.out.push(data, b""),
        (Err(frame), Payload::Chunked) => {
            if let Ok(trailers) = frame.into_trailers() {
                encode::last_chunk(wire.out.buffer(), Some(&trailers));
                return Ok(Gathered::Last);
            }
        }
        // Trailers exist in chunked framing only.
        (Err(_), _) | (Ok(_), Payload::Nothing) => {}
    }
    Ok(Gathered::More)
}

fn end<I>(wire: &mut Wire<I>, payload: Payload) -> Result<(), ConnectionEnd> {
    match payload {
        Payload::Chunked => encode::last_chunk(wire.out.buffer(), None),
        Payload::Sized(left) => {
            tracing::error!(
                missing = left,
                "a body was shorter than its Content-Length; the connection ends"
            );
            return Err(incomplete(payload));
        }
        Payload::Nothing | Payload::UntilClose => {}
    }
    Ok(())
}

#[cold]
fn too_long() -> ConnectionEnd {
    tracing::error!(
        "a body was longer than its Content-Length; it was cut short and the connection ends"
    );
    ConnectionEnd::Close { linger: false }
}

/// The end of a connection whose response is incomplete, which must never look complete. If the end
/// of the connection is the end of the body, it becomes a reset.
pub(crate) fn incomplete(payload: Payload) -> ConnectionEnd {
    if payload == Payload::UntilClose {
        ConnectionEnd::Reset
    } else {
        ConnectionEnd::Close { linger: false }
    }
}
