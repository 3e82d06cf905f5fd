//! Encodes a response: the counterpart of [`head`](super::head) and [`body`](super::body).

use bytes::BytesMut;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};

use super::framing::ResponseTerms;
use crate::semantics::trailers::may_be_trailer;
use crate::semantics::{date, decimal, refusal, response};

pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How the end of a response is framed (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// No body follows the head, whatever the head declares.
    Nothing,
    /// So many bytes are still to be sent.
    Sized(u64),
    Chunked,
    /// The end of the connection ends the body. Only HTTP/1.0 needs it.
    UntilClose,
}

/// What the headers of the service declare about the framing of the response.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    length: Option<u64>,
    lengths: u8,
    close: bool,
    pub(crate) date: bool,
}

#[cfg(feature = "http3")]
impl Declared {
    pub(crate) fn add_length(&mut self, value: &[u8]) {
        self.lengths = self.lengths.saturating_add(1);
        self.length = decimal(value).filter(|_| self.lengths == 1);
    }
}

/// How a body ends, and the Content-Length of its response.
pub(crate) fn framing(
    status: StatusCode,
    terms: &ResponseTerms,
    exact: Option<u64>,
    declared: &Declared,
) -> (Payload, Option<u64>) {
    let length =
        response::content_length(status, terms.head, terms.connect, exact, declared.length);
    let payload = if response::has_no_body(status, terms.head, terms.connect) {
        Payload::Nothing
    } else {
        match (length, terms.http10) {
            (Some(length), _) => Payload::Sized(length),
            (None, true) => Payload::UntilClose,
            (None, false) => Payload::Chunked,
        }
    };
    (payload, length)
}

/// Writes the head of a response, and returns how its body is framed.
///
/// `exact` is the length of the body, if it is known. It wins over a Content-Length that the
/// service set, which counts only for streams and for responses without a body. `terms.keep_alive`
/// is cleared if the connection ends after this response, as it does after every refused tunnel.
pub(crate) fn head(
    out: &mut BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
    terms: &mut ResponseTerms,
    exact: Option<u64>,
    date: &date::Line,
) -> Payload {
    out.reserve(192 + headers.len() * 48);
    status_line(out, status);
    let declared = own_headers(out, status, headers);
    let (payload, length) = framing(status, terms, exact, &declared);
    // The bytes behind a CONNECT may be chosen by a third party. They must not become requests (RFC
    // 9931).
    let refuses_tunnel = terms.connect && !status.is_success();
    terms.keep_alive &= !declared.close && payload != Payload::UntilClose && !refuses_tunnel;
    if !declared.date {
        out.extend_from_slice(date);
    }
    match (payload, length) {
        (Payload::Chunked, _) => field(out, b"transfer-encoding", b"chunked"),
        (_, Some(length)) => {
            out.extend_from_slice(b"content-length: ");
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        (_, None) => {}
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        if !terms.keep_alive {
            if !declared.close {
                field(out, b"connection", b"close");
            }
        } else if terms.http10 {
            field(out, b"connection", b"keep-alive");
        }
    }
    out.extend_from_slice(b"\r\n");
    payload
}

/// Writes a complete response of the engine itself.
#[cold]
pub(crate) fn problem(
    out: &mut BytesMut,
    status: StatusCode,
    detail: &str,
    terms: &mut ResponseTerms,
    date: &date::Line,
) {
    let body = refusal::problem(status, detail);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, refusal::PROBLEM_JSON);
    if head(out, status, &headers, terms, Some(body.len() as u64), date) != Payload::Nothing {
        out.extend_from_slice(body.as_bytes());
    }
}

/// Writes the line before a chunk of `len` bytes. `CR LF` must follow the chunk.
pub(crate) fn chunk_size(out: &mut BytesMut, len: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = (usize::BITS - len.leading_zeros()).div_ceil(4).max(1);
    for nibble in (0..nibbles).rev() {
        out.extend_from_slice(&[DIGITS[len >> (4 * nibble) & 15]]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the last chunk, with trailers if there are any.
pub(crate) fn last_chunk(out: &mut BytesMut, trailers: Option<&HeaderMap>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten().filter(|(name, _)| may_be_trailer(name)) {
        field(out, name.as_str().as_bytes(), value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut BytesMut, status: StatusCode) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes the headers of the service, except those that frame the message, which the engine writes
/// itself.
fn own_headers(out: &mut BytesMut, status: StatusCode, headers: &HeaderMap) -> Declared {
    let mut declared = Declared::default();
    for (name, value) in headers {
        if name == CONTENT_LENGTH {
            declared.lengths = declared.lengths.saturating_add(1);
            declared.length = decimal(value.as_bytes());
            continue;
        } else if name == TRANSFER_ENCODING {
            continue;
        } else if name == CONNECTION && status != StatusCode::SWITCHING_PROTOCOLS {
            let tokens = || value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            declared.close |= tokens().any(|token| token.eq_ignore_ascii_case(b"close"));
            if tokens().all(|token| token.eq_ignore_ascii_case(b"keep-alive")) {
                continue;
            }
        } else if name == DATE {
            declared.date = true;
        }
        field(out, name.as_str().as_bytes(), value.as_bytes());
    }
    if declared.lengths != 1 {
        declared.length = None;
    }
    declared
}

fn field(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const DATE: &date::Line = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    const TERMS: ResponseTerms = ResponseTerms {
        http10: false,
        head: false,
        connect: false,
        upgrade: false,
        keep_alive: true,
    };

    fn encode(
        status: u16,
        headers: &[(&'static str, &'static str)],
        terms: &mut ResponseTerms,
        known: Option<u64>,
    ) -> (String, Payload) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let mut out = BytesMut::new();
        let payload =
            head(&mut out, StatusCode::from_u16(status).unwrap(), &map, terms, known, DATE);
        let text = String::from_utf8(out.to_vec()).unwrap();
        (text.replace("date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""), payload)
    }

    fn plain(
        status: u16,
        headers: &[(&'static str, &'static str)],
        known: Option<u64>,
    ) -> (String, Payload) {
        encode(status, headers, &mut TERMS.clone(), known)
    }

    #[test]
    fn a_whole_head_byte_by_byte() {
        let mut out = BytesMut::new();
        let mut map = HeaderMap::new();
        map.insert("content-type", HeaderValue::from_static("text/plain"));
        map.append("set-cookie", HeaderValue::from_static("a"));
        map.append("set-cookie", HeaderValue::from_static("b"));
        let payload = head(&mut out, StatusCode::OK, &map, &mut TERMS.clone(), Some(5), DATE);
        assert_eq!(payload, Payload::Sized(5));
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nset-cookie: a\r\nset-cookie: b\r\n\
             date: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 5\r\n\r\n"
        );
    }

    #[test]
    fn lengths() {
        use Payload::{Chunked, Nothing, Sized};
        let length = ("content-length", "7");
        assert_eq!(
            plain(200, &[], None),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".into(), Chunked)
        );
        assert_eq!(plain(200, &[length], None).1, Sized(7));
        // A known length wins over a declared one, and a length is never written twice.
        assert_eq!(
            plain(200, &[length], Some(5)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".into(), Sized(5))
        );
        assert_eq!(plain(200, &[length, length], None).1, Chunked);
        assert_eq!(plain(200, &[("content-length", "+7")], None).1, Chunked);
        assert_eq!(
            plain(200, &[("transfer-encoding", "gzip")], Some(0)).0.matches("transfer").count(),
            0
        );
        for status in [101, 204] {
            assert_eq!(plain(status, &[length], Some(0)).1, Nothing);
            assert!(!plain(status, &[length], Some(0)).0.contains("content-length"), "{status}");
        }
        assert!(plain(304, &[length], Some(0)).0.contains("content-length: 7"));
        assert!(!plain(304, &[], Some(0)).0.contains("content-length"));
    }

    #[test]
    fn head_declares_the_length_without_a_body() {
        let encode = |headers: &[(&'static str, &'static str)], known| {
            encode(200, headers, &mut ResponseTerms { head: true, ..TERMS }, known)
        };
        assert_eq!(
            encode(&[], Some(5)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".into(), Payload::Nothing)
        );
        assert!(encode(&[("content-length", "7")], Some(0)).0.contains("content-length: 7"));
        assert_eq!(encode(&[], Some(0)).0, "HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(encode(&[], None).0, "HTTP/1.1 200 OK\r\n\r\n");
    }

    #[test]
    fn connections() {
        let mut old = ResponseTerms { http10: true, ..TERMS };
        assert!(encode(200, &[], &mut old, Some(0)).0.contains("connection: keep-alive"));
        assert_eq!(encode(200, &[], &mut old, None).1, Payload::UntilClose);
        assert!(!old.keep_alive);
        let mut terms = TERMS;
        let (text, _) = encode(200, &[("connection", "Close")], &mut terms, Some(0));
        assert_eq!(text.to_lowercase().matches("connection").count(), 1);
        assert!(!terms.keep_alive);
        let mut last = ResponseTerms { keep_alive: false, ..TERMS };
        assert!(
            encode(200, &[("connection", "keep-alive")], &mut last, Some(0))
                .0
                .contains("connection: close")
        );
        let (text, _) = plain(426, &[("connection", "upgrade"), ("upgrade", "h2c")], Some(0));
        assert!(text.contains("connection: upgrade\r\nupgrade: h2c"));
        let (text, _) = encode(101, &[("connection", "upgrade")], &mut last, Some(0));
        assert!(text.contains("connection: upgrade") && !text.contains("close"));
    }

    #[test]
    fn chunks_and_trailers() {
        for (len, expected) in
            [(0, "0"), (1, "1"), (15, "f"), (16, "10"), (0xabc0, "abc0"), (1 << 32, "100000000")]
        {
            let mut out = BytesMut::new();
            chunk_size(&mut out, len);
            assert_eq!(out, format!("{expected}\r\n"));
        }
        let mut out = BytesMut::new();
        let mut trailers = HeaderMap::new();
        trailers.insert("etag", HeaderValue::from_static("x"));
        trailers.insert("content-length", HeaderValue::from_static("1"));
        last_chunk(&mut out, Some(&trailers));
        last_chunk(&mut out, None);
        assert_eq!(out, "0\r\netag: x\r\n\r\n0\r\n\r\n");
    }
}
