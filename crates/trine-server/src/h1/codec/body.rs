//! Decodes a request body into frames.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use super::extension::Extension;
use super::framing::Length;
use super::scan::{self, Fields};
use crate::config::limits::{BodyLimits, HeadLimits};
use crate::error::RequestError;
use crate::semantics::trailers::may_be_trailer;

/// Takes the pieces of one body off the front of a buffer.
#[derive(Debug)]
pub(crate) enum Decoder {
    Sized(u64),
    Chunked { state: Chunked, extensions: usize },
    Done,
}

/// ```text
///   Size --CR--> SizeLf --LF, n > 0--> Data --n bytes--> DataCr --CR--> DataLf --LF--> Size
///    |            ^   |
///    v            |   +--LF, n = 0--> Trailers --empty line--> Done
///   Extended --CR-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunked {
    Size { digits: u8, size: u64 },
    Extended { size: u64, at: Extension },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailers,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
    /// The body is complete.
    End,
    /// More bytes are needed.
    More,
}

impl Decoder {
    pub(crate) fn new(length: Length) -> Decoder {
        match length {
            Length::Sized(0) => Decoder::Done,
            Length::Sized(len) => Decoder::Sized(len),
            Length::Chunked => {
                Decoder::Chunked { state: Chunked::Size { digits: 0, size: 0 }, extensions: 0 }
            }
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Decoder::Done)
    }

    /// The number of bytes that are known to follow.
    pub(crate) fn left(&self) -> u64 {
        match self {
            Decoder::Sized(left) | Decoder::Chunked { state: Chunked::Data { left }, .. } => *left,
            Decoder::Chunked { .. } | Decoder::Done => 0,
        }
    }

    /// The next piece. The error describes what is malformed.
    pub(crate) fn decode(
        &mut self,
        input: &mut BytesMut,
        limits: &BodyLimits,
    ) -> Result<Piece, &'static str> {
        match self {
            Decoder::Done => Ok(Piece::End),
            Decoder::Sized(left) => {
                let Some(data) = take(input, left) else { return Ok(Piece::More) };
                if *left == 0 {
                    *self = Decoder::Done;
                }
                Ok(Piece::Data(data))
            }
            Decoder::Chunked { state, extensions } => {
                let piece = state.decode(input, extensions, limits)?;
                if matches!(piece, Piece::End | Piece::Trailers(_)) {
                    *self = Decoder::Done;
                }
                Ok(piece)
            }
        }
    }
}

impl Chunked {
    fn decode(
        &mut self,
        input: &mut BytesMut,
        extensions: &mut usize,
        limits: &BodyLimits,
    ) -> Result<Piece, &'static str> {
        loop {
            match self {
                Chunked::Data { left } => {
                    let Some(data) = take(input, left) else { return Ok(Piece::More) };
                    if *left == 0 {
                        *self = Chunked::DataCr;
                    }
                    return Ok(Piece::Data(data));
                }
                Chunked::Trailers => return trailers(input, limits),
                _ => {
                    let Some(byte) = input.first().copied() else { return Ok(Piece::More) };
                    input.advance(1);
                    *self = self.step(byte)?;
                    if matches!(self, Chunked::Extended { .. }) {
                        // Extensions are ignored, so they must not consume unlimited time.
                        *extensions += 1;
                        if *extensions > limits.extensions {
                            return Err("its chunk extensions are larger than this server accepts");
                        }
                    }
                }
            }
        }
    }

    fn step(self, byte: u8) -> Result<Chunked, &'static str> {
        match (self, byte) {
            (Chunked::Size { digits, size }, _) if byte.is_ascii_hexdigit() => {
                // 64 bits have sixteen digits. More digits would overflow, or be padding.
                if digits == 16 {
                    return Err("a chunk size has more than 16 digits");
                }
                Ok(Chunked::Size { digits: digits + 1, size: size << 4 | hex(byte) })
            }
            (Chunked::Size { digits: 0, .. }, _) => {
                Err("a chunk size must begin with a hexadecimal digit")
            }
            (Chunked::Size { size, .. }, b'\r') => Ok(Chunked::SizeLf { size }),
            (Chunked::Size { size, .. }, _) => match Extension::begin(byte) {
                Some(at) => Ok(Chunked::Extended { size, at }),
                None => Err("the line of a chunk size contains an invalid byte"),
            },
            (Chunked::Extended { size, at }, b'\r') if at.may_end() => Ok(Chunked::SizeLf { size }),
            (Chunked::Extended { size, at }, _) => match at.step(byte) {
                Some(at) => Ok(Chunked::Extended { size, at }),
                None => Err("a chunk extension is not `;name` or `;name=value` (RFC 9112, 7.1.1)"),
            },
            (Chunked::SizeLf { size: 0 }, b'\n') => Ok(Chunked::Trailers),
            (Chunked::SizeLf { size }, b'\n') => Ok(Chunked::Data { left: size }),
            (Chunked::DataCr, b'\r') => Ok(Chunked::DataLf),
            (Chunked::DataLf, b'\n') => Ok(Chunked::Size { digits: 0, size: 0 }),
            (Chunked::DataCr | Chunked::DataLf, _) => Err("a chunk is not followed by CR LF"),
            _ => Err("the line of a chunk size contains an invalid byte"),
        }
    }
}

fn hex(digit: u8) -> u64 {
    u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    })
}

fn take(input: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    if input.is_empty() {
        return None;
    }
    let len = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= len as u64;
    Some(input.split_to(len).freeze())
}

fn trailers(input: &mut BytesMut, limits: &BodyLimits) -> Result<Piece, &'static str> {
    const LARGE: &str = "its trailers are larger than this server accepts";
    if input.starts_with(b"\r\n") {
        input.advance(2);
        return Ok(Piece::End);
    }
    let mut fields = Fields::new();
    let len = match scan::fields(input, 0, limits.headers.min(HeadLimits::MAX_HEADERS), &mut fields)
    {
        Ok(Some(len)) => len,
        Ok(None) if input.len() > limits.trailers => return Err(LARGE),
        Ok(None) => return Ok(Piece::More),
        Err(RequestError::TooManyHeaders) => return Err(LARGE),
        Err(RequestError::LineEnd) => return Err("a line of its trailers does not end with CR LF"),
        Err(_) => return Err("its trailers are not header lines"),
    };
    if len > limits.trailers {
        return Err(LARGE);
    }
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in &fields {
        let name = HeaderName::from_bytes(&input[field.name()])
            .map_err(|_| "a trailer has no valid name")?;
        if !may_be_trailer(&name) {
            return Err(
                "a field that frames, routes or authorises a message must not be a trailer",
            );
        }
        let value = HeaderValue::from_bytes(&input[field.value()])
            .map_err(|_| "a trailer has no valid value")?;
        map.append(name, value);
    }
    input.advance(len);
    Ok(Piece::Trailers(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits { extensions: 16, trailers: 64, headers: 4 };

    /// Feeds `pieces` one after the other. Returns the data, the trailers, and the number of unread
    /// bytes.
    fn decode(
        length: Length,
        pieces: &[&[u8]],
    ) -> Result<(Vec<u8>, HeaderMap, usize), &'static str> {
        let (mut decoder, mut input) = (Decoder::new(length), BytesMut::new());
        let (mut data, mut map) = (Vec::new(), HeaderMap::new());
        let mut pieces = pieces.iter();
        loop {
            match decoder.decode(&mut input, &LIMITS)? {
                Piece::Data(bytes) => data.extend_from_slice(&bytes),
                Piece::Trailers(trailers) => map = trailers,
                Piece::End => {
                    return Ok((
                        data,
                        map,
                        input.len() + pieces.map(|piece| piece.len()).sum::<usize>(),
                    ));
                }
                Piece::More => input.extend_from_slice(pieces.next().ok_or("more")?),
            }
        }
    }

    fn chunked(text: &str) -> Result<String, &'static str> {
        decode(Length::Chunked, &[text.as_bytes()])
            .map(|(data, ..)| String::from_utf8(data).unwrap())
    }

    #[test]
    fn a_sized_body_ends_where_it_says() {
        let (data, _, rest) = decode(Length::Sized(5), &[b"hel", b"lo, next"]).unwrap();
        assert_eq!((data.as_slice(), rest), (&b"hello"[..], 6));
        assert_eq!(decode(Length::Sized(5), &[b"hel"]), Err("more"));
        assert_eq!(decode(Length::Sized(0), &[b"next"]).unwrap().2, 4);
    }

    // A decoder whose result depends on packet boundaries enables request smuggling.
    #[test]
    fn every_split_gives_the_same_result() {
        let text = b"4;a=b\r\nWiki\r\n00a ; c\r\npedia in\r\n\r\n0;d\r\nEtag: \"x\"\r\nX-Sum: 1\r\n\r\nGET";
        let whole = decode(Length::Chunked, &[text]).unwrap();
        assert_eq!(whole.0, b"Wikipedia in\r\n");
        assert_eq!((whole.1["etag"].as_bytes(), whole.2), (&b"\"x\""[..], 3));
        for at in 0..text.len() {
            let (a, b) = text.split_at(at);
            assert_eq!(decode(Length::Chunked, &[a, b]).unwrap(), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(decode(Length::Chunked, &bytes).unwrap(), whole);
    }

    #[test]
    fn every_truncation_asks_for_more() {
        let text = b"4\r\nWiki\r\n0\r\nA: b\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(decode(Length::Chunked, &[&text[..end]]), Err("more"), "{end} bytes");
        }
    }

    /// RFC 9112, 7.1.
    #[test]
    fn chunk_lines() {
        assert_eq!(chunked("0\r\n\r\n").as_deref(), Ok(""));
        assert_eq!(chunked("A\r\n0123456789\r\n0\r\n\r\n").as_deref(), Ok("0123456789"));
        assert_eq!(chunked("1 \t;b=\"\u{e9}\"\r\na\r\n000\r\n\r\n").as_deref(), Ok("a"));
        for bad in [
            "\r\n\r\n",
            ";a\r\n",
            " 1\r\na\r\n",
            "+1\r\na\r\n",
            "-1\r\na\r\n",
            "0x1\r\na\r\n",
            "g\r\n",
            "1 \r\na\r\n",
            "1\na\r\n",
            "1\r\ra\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1\r\na\r\r",
            "1\r\na\rb",
            "1;a\nb\r\n",
            "1;a\u{0}\r\n",
            "1;\r\na\r\n",
            "1;a=\"\r\na\r\n",
            "1;a \r\na\r\n",
            "1,1\r\n",
            "00000000000000001\r\n",
            "ffffffffffffffff1\r\n",
            "1;0123456789abcdef\r\na\r\n",
            "0\r\n\n",
            "0\n\r\n",
        ] {
            let error = chunked(bad).unwrap_err();
            assert_ne!(error, "more", "{bad:?}");
        }
        assert_eq!(chunked("ffffffffffffffff\r\na"), Err("more"));
    }

    #[test]
    fn extensions_are_counted_over_the_whole_body() {
        let line = "1;234\r\na\r\n";
        assert_eq!(chunked(&format!("{}0\r\n\r\n", line.repeat(4))).as_deref(), Ok("aaaa"));
        assert!(chunked(&format!("{}0\r\n\r\n", line.repeat(5))).is_err());
    }

    #[test]
    fn trailers_are_bounded_and_frame_nothing() {
        for bad in [
            "Content-Length: 1",
            "Transfer-Encoding: chunked",
            "Host: a",
            "Authorization: b",
            "Keep-Alive: 1",
            "A : b",
            "A: b\n",
            "A: \u{0}",
            &format!("A: {}", "b".repeat(64)),
            "A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5",
        ] {
            let error = chunked(&format!("0\r\n{bad}\r\n\r\n")).unwrap_err();
            assert_ne!(error, "more", "{bad:?}");
        }
        assert!(chunked(&format!("0\r\nA: {}", "b".repeat(64))).unwrap_err().contains("larger"));
    }
}
