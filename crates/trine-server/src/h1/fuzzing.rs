//! Properties that hold for any input: one function per fuzz target, which panics if the property
//! is violated.
//!
//! `cargo fuzz` calls these functions (see `fuzz/`), and so does a test that any toolchain can run.
//! They are not part of the published crate.

use bytes::BytesMut;
use http::{Method, Version};

use crate::config::limits::{BodyLimits, HeadLimits};
use crate::h1::codec::body::{Decoder, Piece};
use crate::h1::codec::framing::Length;
use crate::h1::codec::head::{self, Head};

#[cfg(test)]
mod tests;

const HEAD: HeadLimits = HeadLimits { bytes: 4096, headers: 32, target: 1024 };
const BODY: BodyLimits = BodyLimits { extensions: 256, trailers: 512, headers: 32 };

/// An accepted head is unambiguous.
pub fn head(bytes: &[u8]) {
    let mut input = BytesMut::from(bytes);
    let Ok(Some(Head { request, framing })) = head::read(&mut input, &HEAD) else {
        return;
    };
    let taken = &bytes[..bytes.len() - input.len()];
    assert!(
        taken.len() <= HEAD.bytes + taken.iter().take_while(|byte| b"\r\n".contains(byte)).count()
    );
    assert!(taken.ends_with(b"\r\n\r\n"), "a head without its end");
    for (at, byte) in taken.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(taken.get(at + 1), Some(&b'\n'), "a bare CR"),
            b'\n' => assert_eq!(taken.get(at.wrapping_sub(1)), Some(&b'\r'), "a bare LF"),
            b'\t' | 0x20..=0x7e | 0x80.. => {}
            _ => panic!("a control character"),
        }
    }
    for line in taken.trim_ascii().split(|byte| *byte == b'\n').skip(1) {
        let colon = line.iter().position(|byte| *byte == b':').expect("a line without a colon");
        assert!(
            line[..colon].iter().all(|byte| !byte.is_ascii_whitespace()),
            "white space in a name"
        );
        assert!(colon > 0, "a field without a name");
    }

    let headers = request.headers();
    let count = |name: &str| headers.get_all(name).iter().count();
    assert!(count("host") <= 1 && (request.version() == Version::HTTP_10 || count("host") == 1));
    assert!(count("content-length") <= 1);
    assert!(count("content-length") == 0 || count("transfer-encoding") == 0);
    match framing.length {
        Length::Chunked => {
            assert!(count("transfer-encoding") == 1 && request.version() == Version::HTTP_11);
        }
        Length::Sized(length) => {
            assert_eq!(count("transfer-encoding"), 0);
            let declared =
                headers.get("content-length").map_or("0", |value| value.to_str().expect("digits"));
            assert_eq!(declared.parse(), Ok(length));
        }
    }
    target(request.uri(), request.method());

    // Writing the request and parsing it again yields the same request.
    let mut again = BytesMut::from(&*write(&request));
    let same = head::read(&mut again, &LOOSE).expect("our own head is refused").expect("whole");
    assert!(again.is_empty());
    assert_eq!(same.request.method(), request.method());
    assert_eq!(same.request.uri(), request.uri());
    assert_eq!(same.request.headers(), headers);
    assert_eq!(same.framing, framing);
}

/// Writing a request again may add white space.
pub(crate) const LOOSE: HeadLimits = HeadLimits { bytes: 8192, headers: 32, target: 1024 };

fn write(request: &http::Request<trine_core::Body>) -> Vec<u8> {
    let version = if request.version() == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
    let mut text = format!("{} {} {version}\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

pub(crate) fn target(uri: &http::Uri, method: &Method) {
    let text = uri.to_string();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{text:?}");
    assert!(!uri.path().contains('\\'), "{text:?}");
    if *method == Method::CONNECT {
        assert!(uri.scheme().is_none() && uri.port_u16().is_some(), "{text:?}");
    } else if let Some(authority) = uri.authority() {
        assert!(matches!(uri.scheme_str(), Some("http" | "https")), "{text:?}");
        assert!(!authority.host().is_empty() && !authority.as_str().contains('@'), "{text:?}");
    } else {
        assert!(
            uri.path().starts_with('/') || text == "*" && *method == Method::OPTIONS,
            "{text:?}"
        );
    }
}

/// A target is refused, or passed on unchanged.
pub fn uri(bytes: &[u8]) {
    for method in ["GET", "OPTIONS", "CONNECT"] {
        let line = [method.as_bytes(), b" ", bytes, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        head(&line);
        let mut input = BytesMut::from(&*line);
        let Ok(Some(Head { request, .. })) = head::read(&mut input, &HEAD) else { continue };
        // Bytes with line ends can contain fields.
        if input.is_empty() && bytes.first() == Some(&b'/') && !bytes.contains(&b'\r') {
            assert_eq!(request.uri().to_string().as_bytes(), bytes);
        }
    }
}

/// The requests and bodies of a connection do not depend on how its bytes are split into packets.
///
/// The first byte determines how the rest is split.
pub fn framing(bytes: &[u8]) {
    let Some((seed, bytes)) = bytes.split_first() else { return };
    assert_same(&requests(&[bytes]), &requests(&pieces(bytes, *seed)), bytes);
}

/// A chunked body does not depend on how it is split, and has no more bytes than were sent.
pub fn chunked(bytes: &[u8]) {
    let Some((seed, bytes)) = bytes.split_first() else { return };
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut cut = vec![head.as_slice()];
    cut.extend(pieces(bytes, *seed));
    let whole = requests(&[head, bytes]);
    assert_same(&whole, &requests(&cut), bytes);
    let data: usize = whole
        .0
        .iter()
        .map(|event| if let Event::Data(data) = event { data.len() } else { 0 })
        .sum();
    assert!(data <= bytes.len());
}

/// Pieces of pseudo-random length.
pub(crate) fn pieces(mut bytes: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed) + 1;
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let len = match seed {
            0 => 1,
            _ => (state >> 16) as usize % (usize::from(seed) + 1) + 1,
        };
        let (piece, rest) = bytes.split_at(len.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// An event in the bytes of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Method, target, fields.
    Head(String),
    /// The data of one body so far.
    Data(Vec<u8>),
    /// The trailers of a body.
    Trailers(String),
    /// The body is complete.
    End,
    /// The request is refused with this status. Nothing follows.
    Refused(u16),
    /// The body is malformed. Nothing follows.
    Malformed,
}

/// Reads requests and bodies piece by piece, as a connection does. Returns the events, and the
/// bytes that were not used.
#[must_use]
pub(crate) fn requests(pieces: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
    let mut events = Vec::new();
    let mut input = BytesMut::new();
    let (mut parsed, mut skipped) = (0, 0);
    let mut decoder: Option<Decoder> = None;
    for piece in pieces {
        input.extend_from_slice(piece);
        while step(&mut input, (&mut parsed, &mut skipped), &mut decoder, &mut events) {
            if matches!(events.last(), Some(Event::Refused(_) | Event::Malformed)) {
                return (events, Vec::new());
            }
        }
    }
    (events, input.to_vec())
}

/// Whether there was progress.
fn step(
    input: &mut BytesMut,
    (parsed, skipped): (&mut usize, &mut usize),
    decoder: &mut Option<Decoder>,
    events: &mut Vec<Event>,
) -> bool {
    let Some(body) = decoder else {
        let before = std::mem::replace(parsed, input.len());
        let worth = before == 0 || *parsed >= HEAD.bytes || head::is_worth_parsing(input, before);
        if *parsed == before || !worth {
            return false;
        }
        let skipping = head::skip_empty_lines(input, skipped);
        match skipping.and_then(|()| head::read(input, &HEAD)) {
            Ok(Some(Head { request, framing })) => {
                events.push(Event::Head(format!(
                    "{} {} {:?} {:?}",
                    request.method(),
                    request.uri(),
                    request.headers(),
                    framing
                )));
                *decoder = Some(Decoder::new(framing.length));
                (*parsed, *skipped) = (0, 0);
                return true;
            }
            Ok(None) => *parsed = input.len(),
            Err(error) => {
                events.push(Event::Refused(error.wire().0.as_u16()));
                return true;
            }
        }
        return false;
    };
    match body.decode(input, &BODY) {
        Ok(Piece::More) => return false,
        Ok(Piece::Data(data)) => match events.last_mut() {
            Some(Event::Data(before)) => before.extend_from_slice(&data),
            _ => events.push(Event::Data(data.to_vec())),
        },
        Ok(Piece::Trailers(trailers)) => events.push(Event::Trailers(format!("{trailers:?}"))),
        Ok(Piece::End) => events.push(Event::End),
        Err(_) => events.push(Event::Malformed),
    }
    if body.is_done() {
        if events.last() != Some(&Event::End) {
            events.push(Event::End);
        }
        *decoder = None;
        *parsed = 0;
    }
    true
}

/// Asserts that both results look the same to a client. Two things may differ: a head that arrives
/// in pieces may be refused later, and a head that is too large may be refused for another reason.
pub(crate) fn assert_same(
    whole: &(Vec<Event>, Vec<u8>),
    cut: &(Vec<Event>, Vec<u8>),
    bytes: &[u8],
) {
    let text = bytes.escape_ascii();
    let ((whole, _), (cut, left)) = (whole, cut);
    match (whole.split_last(), cut.split_last()) {
        (Some((Event::Refused(_), before)), Some((Event::Refused(_), same)))
            if bytes.len() > HEAD.bytes =>
        {
            assert_eq!(before, same, "{text}");
        }
        // The head is parsed again when its end arrives, or when it is too large.
        (Some((Event::Refused(_), before)), _) if before == cut => {
            let begun = left.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(left.len());
            let ends = left[begun..].windows(2).any(|two| two == b"\n\n")
                || left[begun..].windows(3).any(|three| three == b"\n\r\n");
            assert!(!ends && left.len() < HEAD.bytes, "{whole:?} {cut:?} {text}");
            // An invalid request line is refused at its end.
            let line =
                left[begun..].split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
            let verdict = head::read(&mut BytesMut::from(line), &HEAD);
            assert!(!line.ends_with(b"\n") || verdict.is_ok(), "{verdict:?} {cut:?} {text}");
        }
        _ => assert_eq!(whole, cut, "{text}"),
    }
}
