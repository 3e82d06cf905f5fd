//! Sends the head of a response, and decides how its body is sent: the counterpart of
//! [`request`](super::request).

use std::any::Any;

use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use http_body::Body as HttpBody;
use trine_core::{Body, BoxError};

use super::download::Download;
use crate::config::limits::Limits;
use crate::semantics::connection_fields::{CONNECTION_FIELDS, is_connection_field};
use crate::semantics::{date, decimal, refusal, response};

/// What follows the head of a response.
pub(super) enum Sent<B> {
    /// Nothing: the response is complete.
    Whole,
    /// The body, which has to be sent.
    Streams(Download<B>),
    /// Another protocol: the response accepts a CONNECT.
    Upgraded(SendStream<Bytes>),
}

/// What a request decides about its response.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ResponseTerms {
    pub(super) head: bool,
    pub(super) connect: bool,
}

/// The stream is gone, or h2 does not accept the response. Nothing can be sent any more.
#[derive(Debug)]
pub(super) struct StreamGone;

/// Sends the head of a response, and the whole body if it is there.
pub(super) fn send<B>(
    respond: &mut SendResponse<Bytes>,
    response: Response<B>,
    terms: ResponseTerms,
    limits: &Limits,
) -> Result<Sent<B>, StreamGone>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let (mut parts, body) = response.into_parts();
    let status = parts.status;
    if status.is_informational() {
        tracing::error!(%status, "a service returned an interim status; a 500 was sent instead");
        refuse(
            respond,
            StatusCode::INTERNAL_SERVER_ERROR,
            "the service returned no final response",
            terms,
        )?;
        return Ok(Sent::Whole);
    }
    let length = complete_headers(&mut parts.headers, status, terms, body.size_hint().exact());
    parts.version = Version::HTTP_2;
    let head = Response::from_parts(parts, ());
    if terms.connect && status.is_success() {
        return Ok(Sent::Upgraded(respond.send_response(head, false)?));
    }
    let bodiless = response::has_no_body(status, terms.head, terms.connect);
    if bodiless || body.is_end_stream() {
        respond.send_response(head, true)?;
        return Ok(Sent::Whole);
    }
    let mut body = Some(body);
    let whole = take_whole(&mut body);
    let mut stream = respond.send_response(head, false)?;
    match (whole, body) {
        (Some(whole), _) => {
            stream.reserve_capacity(whole.len().min(limits.http2.max_send_buffer));
            if stream.capacity() < whole.len() {
                return Ok(Sent::Streams(Download::of_whole(stream, whole)));
            }
            stream.send_data(whole, true)?;
            Ok(Sent::Whole)
        }
        (None, Some(body)) => Ok(Sent::Streams(Download::of_stream(stream, body, length))),
        (None, None) => Ok(Sent::Whole),
    }
}

/// Sends a response of the engine itself.
#[cold]
pub(super) fn refuse(
    respond: &mut SendResponse<Bytes>,
    status: StatusCode,
    detail: &str,
    terms: ResponseTerms,
) -> Result<(), StreamGone> {
    let body = refusal::problem(status, detail);
    let mut head = Response::new(());
    *head.status_mut() = status;
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, refusal::PROBLEM_JSON);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(DATE, date::value());
    let mut stream = respond.send_response(head, terms.head)?;
    if !terms.head {
        stream.send_data(Bytes::from(body), true)?;
    }
    Ok(())
}

impl From<h2::Error> for StreamGone {
    #[cold]
    fn from(error: h2::Error) -> StreamGone {
        tracing::debug!(%error, "a response could not be sent");
        StreamGone
    }
}

/// Adds the fields of the engine and removes those that HTTP/2 does not have. Returns the length
/// that the response declares for its body.
fn complete_headers(
    headers: &mut HeaderMap,
    status: StatusCode,
    terms: ResponseTerms,
    exact: Option<u64>,
) -> Option<u64> {
    let mut declared = None;
    let (mut lengths, mut date, mut has_connection_fields) = (0_u8, false, false);
    for (name, value) in &*headers {
        if name == CONTENT_LENGTH {
            lengths = lengths.saturating_add(1);
            declared = decimal(value.as_bytes());
        } else if name == DATE {
            date = true;
        } else {
            has_connection_fields |= is_connection_field(name);
        }
    }
    if has_connection_fields {
        for name in &CONNECTION_FIELDS {
            headers.remove(name);
        }
    }
    if !date {
        headers.insert(DATE, date::value());
    }
    let declared = declared.filter(|_| lengths == 1);
    let length = response::content_length(status, terms.head, terms.connect, exact, declared);
    match length {
        Some(length) if declared == Some(length) => {}
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None if lengths > 0 => {
            headers.remove(CONTENT_LENGTH);
        }
        None => {}
    }
    length
}

/// Takes the bytes of a body that has all of them. This works for our own body type only.
fn take_whole<B: 'static>(body: &mut Option<B>) -> Option<Bytes> {
    let body = (body as &mut dyn Any).downcast_mut::<Option<Body>>()?;
    body.as_mut()?.take_whole()
}
