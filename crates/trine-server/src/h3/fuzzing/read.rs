//! The functions under test of the HTTP/3 fuzz targets: bytes of a client in, decoded values out.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};
use trine_core::Body;

use crate::config::limits::HeadLimits;
use crate::h3::codec::control::Control;
use crate::h3::codec::error::Fault;
use crate::h3::codec::frame::{self, FrameLimits, Frames, Piece};
use crate::h3::codec::head as request;
use crate::h3::codec::qpack::{self, Encoder};

/// The limit of a head, in bytes.
pub(crate) const HEAD: usize = 4096;
const FRAMES: FrameLimits = FrameLimits { head: HEAD, trailers: 512, ignored: 256 };
const FIELDS: HeadLimits = HeadLimits { bytes: HEAD, headers: 32, target: 1024 };

/// The content of a request stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamContent {
    pub(crate) head: Option<Bytes>,
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Option<Bytes>,
    pub(crate) too_large: bool,
    pub(crate) broken: Option<String>,
}

/// Decodes a request stream from these pieces, to its end.
pub(crate) fn stream(pieces: &[&[u8]]) -> StreamContent {
    let mut frames = Frames::new(FRAMES);
    let mut content = StreamContent::default();
    for piece in pieces {
        frames.feed(Bytes::copy_from_slice(piece));
        loop {
            match frames.next() {
                Ok(Piece::More) => break,
                Ok(Piece::Head(head)) => assert_eq!(content.head.replace(head), None, "two heads"),
                Ok(Piece::Data(data)) => content.data.extend_from_slice(&data),
                Ok(Piece::Trailers(last)) => {
                    assert_eq!(content.trailers.replace(last), None, "two trailers");
                }
                Ok(Piece::HeadTooLarge) => {
                    content.too_large = true;
                    return content;
                }
                Err(fault) => return broken(content, fault),
            }
        }
        assert!(frames.held() <= HEAD + 16, "{} bytes are held", frames.held());
    }
    match frames.end() {
        Ok(()) => content,
        Err(fault) => broken(content, fault),
    }
}

fn broken(mut content: StreamContent, fault: Fault) -> StreamContent {
    content.broken = Some(format!("{fault:?}"));
    content
}

/// Decodes these pieces as the control stream and as the two QPACK streams. Returns the error of
/// each.
pub(crate) fn control(pieces: &[&[u8]]) -> [Option<String>; 3] {
    let mut control = Control::default();
    let mut in_instruction = false;
    let mut feed = |piece: &[u8]| {
        let fed = control.feed(piece);
        assert!(fed.is_err() || control.held() <= 4096 + 16, "{} bytes are held", control.held());
        fed
    };
    let faults = [
        pieces.iter().find_map(|piece| feed(piece).err()),
        pieces.iter().find_map(|piece| qpack::check_instructions(piece).err()),
        pieces.iter().find_map(|piece| qpack::check_feedback(piece, &mut in_instruction).err()),
    ];
    faults.map(|fault| fault.map(|fault| format!("{fault:?}")))
}

/// A field as name and value.
pub(crate) type Pair = (Vec<u8>, Bytes);

/// The decoded fields of a section.
pub(crate) fn fields(section: Bytes) -> Option<Vec<Pair>> {
    let fields = qpack::decode(section, HEAD).ok()?;
    Some(fields.into_iter().map(|field| (field.name.as_bytes().to_vec(), field.value)).collect())
}

/// These fields, encoded.
pub(crate) fn encoded(fields: &[Pair]) -> Option<Bytes> {
    let mut encoder = Encoder::new();
    for (name, value) in fields {
        encoder.field(std::str::from_utf8(name).ok()?, value);
    }
    Some(encoder.finish())
}

/// The request of a section, and its declared length.
pub(crate) fn read(section: Bytes) -> Option<(Request<Body>, Option<u64>)> {
    let fields = qpack::decode(section, HEAD).ok()?;
    let head = request::read(fields, FIELDS).ok()?;
    Some((head.request, head.length))
}

pub(crate) fn trailers(section: Bytes) -> Option<HeaderMap> {
    request::trailers(section, FIELDS, HEAD).ok()
}

/// A section in a HEADERS frame.
pub(crate) fn framed(section: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    frame::headers(&mut out, section);
    out.freeze()
}
