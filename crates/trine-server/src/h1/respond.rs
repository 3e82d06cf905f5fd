//! The answer on its way to the wire: encoded, gathered, streamed.

use std::any::Any;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

use bytes::Bytes;
use http::{Response, StatusCode, response};
use http_body::{Body as HttpBody, Frame};
use trine_core::{Body, BoxError, recycle};

use crate::h1::codec::encode::{self, Payload};
use crate::h1::codec::framing::Terms;
use crate::h1::connection::{End, drive};
use crate::h1::upload::Upload;
use crate::semantics::date;
use crate::transport::io::Io;
use crate::transport::wire::{Gone, Stage, Wire};

/// What the connection does after an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Http,
    /// The answer accepted the upgrade: the bytes are no longer HTTP.
    Switched,
}

/// Encodes an answer and gathers or streams its body. What is gathered leaves with the next flush,
/// so that pipelined answers share one write. The answer lies in its slot until only its body is
/// left.
pub(crate) async fn send<I, B>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    answer: &mut Option<Response<B>>,
    terms: &mut Terms,
) -> Result<Sent, End>
where
    I: Io,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let Some(response) = answer else { return Err(End::Quiet) };
    let status = response.status();
    let switched = terms.switches_at(status);
    if status.is_informational() && !switched {
        tracing::error!(%status, "a service answered with an interim status; 500 was sent instead");
        refuse(wire, StatusCode::INTERNAL_SERVER_ERROR, "the service gave no final answer", terms);
        return Ok(Sent::Http);
    }
    if !upload.is_done() {
        upload.settle(wire, status.is_success()).await;
    }
    terms.keep_alive &= upload.leaves_reusable(wire) && !wire.drain.is_draining();

    let known = response.body().size_hint().exact();
    let payload =
        encode::head(wire.out.buffer(), status, response.headers(), terms, known, &date::now());
    let Some((response::Parts { headers, .. }, mut body)) = answer.take().map(Response::into_parts)
    else {
        return Err(End::Quiet);
    };
    recycle::give_headers(headers);
    if switched {
        return Ok(Sent::Switched);
    }
    if payload != Payload::Nothing && !gather_whole(wire, &mut body, payload) {
        stream(wire, upload, body, payload).await?;
    }
    Ok(Sent::Http)
}

/// An answer of the engine itself.
#[cold]
pub(crate) fn refuse<I>(wire: &mut Wire<I>, status: StatusCode, detail: &str, terms: &mut Terms) {
    terms.keep_alive &= !wire.drain.is_draining();
    encode::problem(wire.out.buffer(), status, detail, terms, &date::now());
}

/// Takes the bytes of a body that has them all, and the file of one that has it. Of a foreign one
/// only the trait is known.
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

/// A short file costs as little where it is read, and leaves together with its head.
const LEAST_FILE: u64 = 64 * 1024;

#[cold]
fn gather_file<I>(wire: &mut Wire<I>, body: &mut Body, payload: Payload) -> bool {
    let len = body.size_hint().exact().unwrap_or(0);
    if len < LEAST_FILE || payload != Payload::Sized(len) {
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
) -> Result<(), End>
where
    I: Io,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    // From here a panic cannot become a 500: the head may be on its way.
    wire.stage = Stage::Streaming(payload);
    let mut body = pin!(body);
    let cap = wire.limits.max_gathered_bytes;
    while payload != Payload::Sized(0) {
        let next = drive(wire, upload, |cx, wire| {
            if wire.out.is_full(cap)
                && let Err(Gone) = ready!(wire.poll_flush(cx))
            {
                return Poll::Ready(Err(End::Quiet));
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
                tracing::error!(%error, "the body of an answer failed; its connection ends");
                return Err(broken(payload));
            }
            None => return end(wire, payload),
        }
    }
    // A body that is longer than its length has more now; one that is pending is not waited for:
    // the client has all that was promised, and must get it.
    let more = poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await;
    match more {
        Poll::Ready(Some(Ok(frame))) if frame.data_ref().is_some_and(|data| !data.is_empty()) => {
            // Nothing was written since the last frame: without its last byte the answer is seen to
            // be broken. Where no byte was promised it is one of the head: rather no answer than an
            // empty one which looks as if it were all.
            wire.out.take_back();
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
) -> Result<Gathered, End> {
    match (frame.into_data(), &mut *payload) {
        (Ok(data), _) if data.is_empty() => {}
        (Ok(data), Payload::Sized(left)) => {
            // None of it is sent: an answer that was cut must not look complete.
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
        // Without chunks there is no place for trailers.
        (Err(_), _) | (Ok(_), Payload::Nothing) => {}
    }
    Ok(Gathered::More)
}

fn end<I>(wire: &mut Wire<I>, payload: Payload) -> Result<(), End> {
    match payload {
        Payload::Chunked => encode::last_chunk(wire.out.buffer(), None),
        Payload::Sized(left) => {
            tracing::error!(
                missing = left,
                "a body was shorter than its Content-Length; its connection ends"
            );
            return Err(broken(payload));
        }
        Payload::Nothing | Payload::UntilClose => {}
    }
    Ok(())
}

#[cold]
fn too_long() -> End {
    tracing::error!(
        "a body was longer than its Content-Length; it was cut short and its connection ends"
    );
    End::Close { linger: false }
}

// A broken answer must never look complete. Where only the end of the connection tells the end,
// that end is a reset.
pub(crate) fn broken(payload: Payload) -> End {
    if payload == Payload::UntilClose { End::Reset } else { End::Close { linger: false } }
}
