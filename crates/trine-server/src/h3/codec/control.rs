//! The control stream of a connection (RFC 9114, 6.2.1 and 7.2).

use bytes::{Buf as _, BytesMut};

use super::error::{Code, Fault};
use super::varint;

/// Decodes the control stream of the client. Its frames need no response, but they must be valid.
#[derive(Debug, Default)]
pub(crate) struct Control {
    input: BytesMut,
    /// The number of bytes that a frame of unknown type still lacks.
    skip: u64,
    settings: bool,
    goaway: Option<u64>,
    max_push: Option<u64>,
}

/// The limit of a frame of known type.
const LARGEST: u64 = 4096;

const DATA: u64 = 0x0;
const HEADERS: u64 = 0x1;
const CANCEL_PUSH: u64 = 0x3;
const SETTINGS: u64 = 0x4;
const PUSH_PROMISE: u64 = 0x5;
const GOAWAY: u64 = 0x7;
const MAX_PUSH_ID: u64 = 0xd;

const MAX_FIELD_SECTION_SIZE: u64 = 0x6;

impl Control {
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        self.input.extend_from_slice(&bytes[skipped..]);
        while self.take_frame()? {}
        Ok(())
    }

    /// The number of buffered bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held(&self) -> usize {
        self.input.len()
    }

    fn take_frame(&mut self) -> Result<bool, Fault> {
        let Some((kind, first)) = varint::read(&self.input) else { return Ok(false) };
        if !self.settings && kind != SETTINGS {
            return Err(connection(
                Code::MissingSettings,
                "the control stream does not begin with SETTINGS",
            ));
        }
        let Some((len, second)) = varint::read(&self.input[first..]) else { return Ok(false) };
        match kind {
            // These frames belong to other streams, or existed in HTTP/2 (RFC 9114, 7.2.8).
            DATA | HEADERS | PUSH_PROMISE | 0x2 | 0x6 | 0x8 | 0x9 => {
                return Err(connection(
                    Code::FrameUnexpected,
                    "a frame that is not allowed on a control stream",
                ));
            }
            CANCEL_PUSH | SETTINGS | GOAWAY | MAX_PUSH_ID => {
                if len > LARGEST {
                    return Err(connection(
                        Code::ExcessiveLoad,
                        "a frame of the control stream is too large",
                    ));
                }
                let (start, len) = (first + second, len as usize);
                if self.input.len() < start + len {
                    return Ok(false);
                }
                self.input.advance(start);
                let payload = self.input.split_to(len);
                self.handle(kind, &payload)?;
            }
            _ => {
                self.input.advance(first + second);
                let available = len.min(self.input.len() as u64);
                self.input.advance(available as usize);
                self.skip = len - available;
            }
        }
        Ok(true)
    }

    fn handle(&mut self, kind: u64, payload: &[u8]) -> Result<(), Fault> {
        if kind == SETTINGS {
            if std::mem::replace(&mut self.settings, true) {
                return Err(connection(Code::FrameUnexpected, "SETTINGS appear twice"));
            }
            return check_settings(payload);
        }
        let id = match varint::read(payload) {
            Some((id, len)) if len == payload.len() => id,
            _ => {
                return Err(connection(
                    Code::Frame,
                    "the length of a frame differs from its content",
                ));
            }
        };
        let wrong = match kind {
            // The id of a GOAWAY must not grow (RFC 9114, 5.2), and the id of a MAX_PUSH_ID must
            // not shrink (7.2.7).
            GOAWAY => self.goaway.replace(id).is_some_and(|before| id > before),
            MAX_PUSH_ID => self.max_push.replace(id).is_some_and(|before| id < before),
            // The server never pushes.
            _ => true,
        };
        if wrong { Err(connection(Code::Id, "a frame contains an invalid id")) } else { Ok(()) }
    }
}

fn check_settings(mut payload: &[u8]) -> Result<(), Fault> {
    let cut_off = connection(Code::Frame, "SETTINGS are cut off");
    let mut seen = Vec::new();
    while !payload.is_empty() {
        let (id, first) = varint::read(payload).ok_or(cut_off)?;
        let (_value, second) = varint::read(&payload[first..]).ok_or(cut_off)?;
        payload = &payload[first + second..];
        // Settings of HTTP/2 (RFC 9114, 7.2.4.1).
        if matches!(id, 0x0 | 0x2..=0x5) || seen.contains(&id) {
            return Err(connection(
                Code::Settings,
                "a setting of HTTP/2, or a setting that appears twice",
            ));
        }
        seen.push(id);
        // Comparing a long list would cost too much time.
        if seen.len() > 64 {
            return Err(connection(Code::ExcessiveLoad, "too many settings"));
        }
    }
    Ok(())
}

const fn connection(code: Code, why: &'static str) -> Fault {
    Fault::Connection(code, why)
}

/// The beginning of our control stream: its type and our settings. Without a setting, there is no
/// dynamic table of QPACK.
pub(crate) fn greeting(max_head_bytes: usize) -> BytesMut {
    let mut settings = BytesMut::new();
    varint::write(&mut settings, MAX_FIELD_SECTION_SIZE);
    varint::write(&mut settings, max_head_bytes as u64);
    let mut out = BytesMut::new();
    varint::write(&mut out, crate::h3::uni_streams::CONTROL);
    frame(&mut out, SETTINGS, &settings);
    out
}

/// A GOAWAY: requests from this stream on are not served (RFC 9114, 5.2).
pub(crate) fn goaway(stream: u64) -> BytesMut {
    let mut payload = BytesMut::new();
    varint::write(&mut payload, stream);
    let mut out = BytesMut::new();
    frame(&mut out, GOAWAY, &payload);
    out
}

fn frame(out: &mut BytesMut, kind: u64, payload: &[u8]) {
    varint::write(out, kind);
    varint::write(out, payload.len() as u64);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(frames: &[(u64, &[u8])]) -> Vec<u8> {
        let mut out = BytesMut::new();
        frames.iter().for_each(|(kind, payload)| frame(&mut out, *kind, payload));
        out.to_vec()
    }

    fn read(bytes: &[u8], step: usize) -> Result<(), Fault> {
        let mut control = Control::default();
        bytes.chunks(step).try_for_each(|bytes| control.feed(bytes))
    }

    fn code(frames: &[(u64, &[u8])]) -> Option<Code> {
        match read(&bytes(frames), 1) {
            Err(Fault::Connection(code, _)) => Some(code),
            Err(Fault::Stream(..)) => panic!("errors of the control stream end the connection"),
            Ok(()) => None,
        }
    }

    #[test]
    fn the_settings_of_browsers_in_pieces_of_any_size() {
        // The size of a QPACK table, the limit of a head, a grease setting; a priority (RFC 9218);
        // grease; GOAWAY.
        let stream = bytes(&[
            (SETTINGS, &[1, 0x40, 100, 6, 0x44, 0, 0x40, 0x40 + 0x21, 9]),
            (0xf0700, b"\0u=3"),
            (MAX_PUSH_ID, &[8]),
            (0x21, &[7; 500]),
            (MAX_PUSH_ID, &[9]),
            (GOAWAY, &[9]),
            (GOAWAY, &[0]),
        ]);
        for step in 1..stream.len() {
            assert_eq!(read(&stream, step), Ok(()), "{step}");
        }
    }

    #[test]
    fn each_violation_has_its_error_code() {
        let settings = (SETTINGS, &[][..]);
        assert_eq!(code(&[(GOAWAY, &[0])]), Some(Code::MissingSettings));
        assert_eq!(code(&[(0x21, &[0])]), Some(Code::MissingSettings));
        assert_eq!(code(&[settings, settings]), Some(Code::FrameUnexpected));
        for kind in [0, 1, 2, 5, 6, 8, 9] {
            assert_eq!(code(&[settings, (kind, &[0])]), Some(Code::FrameUnexpected), "{kind}");
        }
        for id in [0, 2, 3, 4, 5] {
            assert_eq!(code(&[(SETTINGS, &[id, 0])]), Some(Code::Settings), "{id}");
        }
        assert_eq!(code(&[(SETTINGS, &[6, 0, 6, 0])]), Some(Code::Settings));
        assert_eq!(code(&[(SETTINGS, &[6])]), Some(Code::Frame));
        assert_eq!(code(&[settings, (GOAWAY, &[0, 0])]), Some(Code::Frame));
        assert_eq!(code(&[settings, (GOAWAY, &[])]), Some(Code::Frame));
        assert_eq!(code(&[settings, (GOAWAY, &[0]), (GOAWAY, &[4])]), Some(Code::Id));
        assert_eq!(code(&[settings, (MAX_PUSH_ID, &[4]), (MAX_PUSH_ID, &[3])]), Some(Code::Id));
        assert_eq!(code(&[settings, (CANCEL_PUSH, &[0])]), Some(Code::Id));
        assert_eq!(code(&[(SETTINGS, &[0; 4097])]), Some(Code::ExcessiveLoad));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, step in 1..20_usize) {
            let whole = read(&bytes, bytes.len().max(1));
            proptest::prop_assert_eq!(read(&bytes, step), whole);
        }
    }
}
