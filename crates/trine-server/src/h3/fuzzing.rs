//! What the fuzz targets see of HTTP/3: bytes of a client in, what we make of them out.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};
use trine_core::Body;

use super::code::Fault;
use super::control::Control;
use super::frame::{self, FrameLimits, Frames, Piece};
use super::qpack::{self, Encoder};
use super::request;
use crate::config::limits::HeadLimits;

/// Bytes of a head that a target allows.
pub(crate) const HEAD: usize = 4096;
const FRAMES: FrameLimits = FrameLimits { head: HEAD, trailers: 512, nothing: 256 };
const FIELDS: HeadLimits = HeadLimits { bytes: HEAD, headers: 32, target: 1024 };

/// What a request's stream says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) head: Option<Bytes>,
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Option<Bytes>,
    pub(crate) too_large: bool,
    pub(crate) broken: Option<String>,
}

/// Reads a request's stream in these pieces, to its end.
pub(crate) fn stream(pieces: &[&[u8]]) -> Said {
    let mut frames = Frames::new(FRAMES);
    let mut said = Said::default();
    for piece in pieces {
        frames.feed(Bytes::copy_from_slice(piece));
        loop {
            match frames.next() {
                Ok(Piece::More) => break,
                Ok(Piece::Head(head)) => assert_eq!(said.head.replace(head), None, "two heads"),
                Ok(Piece::Data(data)) => said.data.extend_from_slice(&data),
                Ok(Piece::Trailers(last)) => {
                    assert_eq!(said.trailers.replace(last), None, "two trailers")
                }
                Ok(Piece::HeadTooLarge) => {
                    said.too_large = true;
                    return said;
                }
                Err(fault) => return broken(said, fault),
            }
        }
        assert!(frames.held() <= HEAD + 16, "{} bytes are held", frames.held());
    }
    match frames.end() {
        Ok(()) => said,
        Err(fault) => broken(said, fault),
    }
}

fn broken(mut said: Said, fault: Fault) -> Said {
    said.broken = Some(format!("{fault:?}"));
    said
}

/// Reads the control stream and the two of QPACK in these pieces: what is wrong with each.
pub(crate) fn control(pieces: &[&[u8]]) -> [Option<String>; 3] {
    let mut control = Control::default();
    let mut inside = false;
    let mut feed = |piece: &[u8]| {
        let fed = control.feed(piece);
        assert!(fed.is_err() || control.held() <= 4096 + 16, "{} bytes are held", control.held());
        fed
    };
    let faults = [
        pieces.iter().find_map(|piece| feed(piece).err()),
        pieces.iter().find_map(|piece| qpack::check_instructions(piece).err()),
        pieces.iter().find_map(|piece| qpack::check_feedback(piece, &mut inside).err()),
    ];
    faults.map(|fault| fault.map(|fault| format!("{fault:?}")))
}

/// A field as name and value.
pub(crate) type Pair = (Vec<u8>, Bytes);

/// The fields of a section.
pub(crate) fn fields(section: Bytes) -> Option<Vec<Pair>> {
    let fields = qpack::decode(section, HEAD).ok()?;
    Some(fields.into_iter().map(|field| (field.name.as_bytes().to_vec(), field.value)).collect())
}

/// The same fields as we write them.
pub(crate) fn encoded(fields: &[Pair]) -> Option<Bytes> {
    let mut encoder = Encoder::new();
    for (name, value) in fields {
        encoder.field(std::str::from_utf8(name).ok()?, value);
    }
    Some(encoder.finish())
}

/// A request, and the length of its body.
pub(crate) fn read(section: Bytes) -> Option<(Request<Body>, Option<u64>)> {
    let fields = qpack::decode(section, HEAD).ok()?;
    let head = request::read(fields, FIELDS).ok()?;
    Some((head.request, head.length))
}

pub(crate) fn trailers(section: Bytes) -> Option<HeaderMap> {
    request::trailers(section, FIELDS, HEAD).ok()
}

/// A section in the frame in which it is sent.
pub(crate) fn framed(section: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    frame::headers(&mut out, section);
    out.freeze()
}
