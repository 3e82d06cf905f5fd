//! The head of an answer, and the way that its body takes: the pair of [`request`](super::request).

use std::any::Any;

use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use http_body::Body as HttpBody;
use trine_core::{Body, BoxError};

use super::download::Download;
use crate::config::limits::Limits;
use crate::h1::codec::framing::decimal;
use crate::semantics::date;

/// What becomes of a stream behind the head of its answer.
pub(super) enum Sent<B> {
    /// Nothing more is to be done for the answer.
    Whole,
    /// Its body follows.
    Streams(Download<B>),
    /// It accepts a CONNECT: the stream carries another protocol from now on.
    Switched(SendStream<Bytes>),
}

/// What the request says of its answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    pub(super) head: bool,
    pub(super) connect: bool,
}

/// The stream is gone, or h2 does not take the answer. Nobody is left to be told.
#[derive(Debug)]
pub(super) struct Lost;

/// Sends the head of an answer, and all of its body where that is there.
pub(super) fn send<B>(
    respond: &mut SendResponse<Bytes>,
    answer: Response<B>,
    terms: Terms,
    limits: &Limits,
) -> Result<Sent<B>, Lost>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let (mut parts, body) = answer.into_parts();
    let status = parts.status;
    if status.is_informational() {
        tracing::error!(%status, "a service answered with an interim status; 500 was sent instead");
        refuse(
            respond,
            StatusCode::INTERNAL_SERVER_ERROR,
            "the service gave no final answer",
            terms,
        )?;
        return Ok(Sent::Whole);
    }
    let length = settle(&mut parts.headers, status, terms, body.size_hint().exact());
    parts.version = Version::HTTP_2;
    let head = Response::from_parts(parts, ());
    if terms.connect && status.is_success() {
        return Ok(Sent::Switched(respond.send_response(head, false)?));
    }
    let silent = terms.head
        || matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        );
    if silent || body.is_end_stream() {
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
                return Ok(Sent::Streams(Download::of_whole(stream, whole, limits)));
            }
            stream.send_data(whole, true)?;
            Ok(Sent::Whole)
        }
        (None, Some(body)) => Ok(Sent::Streams(Download::of_stream(stream, body, length, limits))),
        (None, None) => Ok(Sent::Whole),
    }
}

/// An answer of the engine itself, as RFC 9457 tells it.
#[cold]
pub(super) fn refuse(
    respond: &mut SendResponse<Bytes>,
    status: StatusCode,
    detail: &str,
    terms: Terms,
) -> Result<(), Lost> {
    let title = status.canonical_reason().unwrap_or("Error");
    // `detail` is always one of our own texts: no quote, backslash or control character to escape.
    let body = format!(
        r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{detail}"}}"#,
        status.as_u16()
    );
    let mut answer = Response::new(());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(DATE, date::value());
    let mut stream = respond.send_response(answer, terms.head)?;
    if !terms.head {
        stream.send_data(Bytes::from(body), true)?;
    }
    Ok(())
}

impl From<h2::Error> for Lost {
    #[cold]
    fn from(error: h2::Error) -> Lost {
        tracing::debug!(%error, "an answer could not be sent");
        Lost
    }
}

/// Writes our own fields and takes out those that HTTP/2 has not. The length that the body must
/// have, where it is told.
fn settle(
    headers: &mut HeaderMap,
    status: StatusCode,
    terms: Terms,
    known: Option<u64>,
) -> Option<u64> {
    let mut said = None;
    let (mut lengths, mut date, mut of_connection) = (0_u8, false, false);
    for (name, value) in &*headers {
        if name == CONTENT_LENGTH {
            lengths = lengths.saturating_add(1);
            said = decimal(value.as_bytes());
        } else if name == DATE {
            date = true;
        } else {
            of_connection |= is_of_connection(name);
        }
    }
    if of_connection {
        for name in OF_CONNECTION {
            headers.remove(name);
        }
    }
    if !date {
        headers.insert(DATE, date::value());
    }
    let said = said.filter(|_| lengths == 1);
    let told = length_to_tell(status, terms, known, said);
    match told {
        Some(length) if said == Some(length) => {}
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None if lengths > 0 => {
            headers.remove(CONTENT_LENGTH);
        }
        None => {}
    }
    told
}

/// As in HTTP/1 (RFC 9110, 8.6): an answer without a body tells the length of the body that a GET
/// would have brought.
fn length_to_tell(
    status: StatusCode,
    terms: Terms,
    known: Option<u64>,
    said: Option<u64>,
) -> Option<u64> {
    if status == StatusCode::NO_CONTENT || (terms.connect && status.is_success()) {
        None
    } else if status == StatusCode::RESET_CONTENT {
        Some(0)
    } else if terms.head || status == StatusCode::NOT_MODIFIED {
        known.filter(|length| *length > 0).or(said)
    } else {
        known.or(said)
    }
}

/// What speaks of one connection of HTTP/1 (RFC 9113, 8.2.2).
const OF_CONNECTION: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

fn is_of_connection(name: &HeaderName) -> bool {
    OF_CONNECTION.contains(name)
}

/// Takes the bytes of a body that has them all. Of a foreign one only the trait is known.
fn take_whole<B: 'static>(body: &mut Option<B>) -> Option<Bytes> {
    let body = (body as &mut dyn Any).downcast_mut::<Option<Body>>()?;
    body.as_mut()?.take_whole()
}
