//! Encodes a response as fields.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

use super::qpack::Encoder;
use crate::h1::codec::encode::{self, Declared, Payload};
use crate::h1::codec::framing::ResponseTerms;
use crate::semantics::connection_fields::is_connection_field;
use crate::semantics::date;
use crate::semantics::trailers::may_be_trailer;

/// The encoded head of a response, and how its body is framed. Here, `Chunked` means that the end
/// of the stream is the end of the body.
///
/// `exact` is the length of the body, if it is known. `head` says that the request is a HEAD.
pub(crate) fn head(
    status: StatusCode,
    headers: &HeaderMap,
    exact: Option<u64>,
    head: bool,
) -> (Bytes, Payload) {
    let terms = ResponseTerms { head, ..ResponseTerms::LAST };
    let mut encoder = Encoder::new();
    encoder.field(":status", status.as_str().as_bytes());
    let mut declared = Declared::default();
    for (name, value) in headers {
        if *name == CONTENT_LENGTH {
            declared.add_length(value.as_bytes());
        } else if !is_connection_field(name) {
            declared.date |= *name == http::header::DATE;
            encoder.field(name.as_str(), value.as_bytes());
        }
    }
    if !declared.date {
        encoder.field("date", date::value().as_bytes());
    }
    let (payload, length) = encode::framing(status, &terms, exact, &declared);
    if let Some(length) = length {
        encoder.field("content-length", itoa::Buffer::new().format(length).as_bytes());
    }
    (encoder.finish(), payload)
}

/// `100 Continue`.
pub(crate) fn interim() -> Bytes {
    let mut encoder = Encoder::new();
    encoder.field(":status", b"100");
    encoder.finish()
}

/// The encoded trailers of a response.
pub(crate) fn trailers(trailers: &HeaderMap) -> Bytes {
    let mut encoder = Encoder::new();
    for (name, value) in trailers.iter().filter(|(name, _)| may_be_trailer(name)) {
        encoder.field(name.as_str(), value.as_bytes());
    }
    encoder.finish()
}
