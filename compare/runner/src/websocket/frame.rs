//! The client's side of RFC 6455: writes masked frames, and reads frames while it counts their
//! bytes.

use crate::Error;

/// The kind of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// One frame as a client sends it. The mask is constant, because the server cannot know that and
/// there are no intermediaries.
pub(super) fn frame(opcode: Opcode, last: bool, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![opcode as u8 | if last { 0x80 } else { 0 }];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The result of reading frames from a server.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Came<'a> {
    /// A whole message of this many bytes.
    Message(u64),
    /// A ping, which needs a pong with this payload.
    Ping(&'a [u8]),
    /// A close with its code and reason.
    Close(&'a [u8]),
}

/// Reads frames however their bytes are split. Of a message it keeps only the length.
#[derive(Default)]
pub(super) struct Frames {
    /// The bytes of a frame that has begun: its head so far, and the payload of a control frame.
    begun: Vec<u8>,
    /// The number of payload bytes that have not arrived.
    left: u64,
    /// The number of bytes of this message in earlier frames.
    earlier: u64,
}

impl Frames {
    /// Reads all of the bytes, and reports each complete message, ping and close.
    pub(super) fn read(
        &mut self,
        mut bytes: &[u8],
        mut told: impl FnMut(Came<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.begun.push(bytes[0]);
                bytes = &bytes[1..];
                let Some(length) = length(&self.begun)? else { continue };
                self.left = length;
            }
            let now = bytes.len().min(usize::try_from(self.left)?);
            if self.begun[0] & 0x08 != 0 {
                self.begun.extend_from_slice(&bytes[..now]);
            }
            self.left -= now as u64;
            bytes = &bytes[now..];
            if self.left == 0 {
                self.end(&mut told)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, told: &mut impl FnMut(Came<'_>) -> Result<(), Error>) -> Result<(), Error> {
        let begun = std::mem::take(&mut self.begun);
        match begun[0] & 0x0f {
            0..=2 => {
                self.earlier += length(&begun)?.unwrap_or_default();
                if begun[0] & 0x80 != 0 {
                    told(Came::Message(std::mem::take(&mut self.earlier)))?;
                }
            }
            8 => told(Came::Close(&begun[2..]))?,
            9 => told(Came::Ping(&begun[2..]))?,
            10 => {}
            other => return Err(format!("a frame of the unknown kind {other}").into()),
        }
        // The next frame reuses the memory of this one.
        self.begun = begun;
        self.begun.clear();
        Ok(())
    }
}

/// The length of the payload, as soon as the whole head has arrived.
fn length(head: &[u8]) -> Result<Option<u64>, Error> {
    let [_, short, rest @ ..] = head else { return Ok(None) };
    Ok(match short {
        0..=125 => Some(u64::from(*short)),
        126 => rest.first_chunk().map(|length| u64::from(u16::from_be_bytes(*length))),
        127 => rest.first_chunk().map(|length| u64::from_be_bytes(*length)),
        _ => return Err("a server masks nothing".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Frames, Opcode, frame};

    /// The example in RFC 6455, 5.7, uses the same mask.
    #[test]
    fn frames_are_masked() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(frame(Opcode::Text, true, b"Hello"), hello);
        assert_eq!(frame(Opcode::Binary, false, &[0; 126])[..4], [0x02, 0xfe, 0, 126]);
        assert_eq!(
            frame(Opcode::Binary, true, &[0; 65536])[..10],
            [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]
        );
    }

    #[test]
    fn whatever_the_cut_each_message_counts_once() {
        let mut wire =
            b"\x81\x02Hi\x89\x03abc\x01\x01a\x8a\x00\x00\x01b\x80\x01c\x89\x00\x81\x00".to_vec();
        wire.extend([0x82, 126, 0x40, 0]);
        wire.extend([7; 0x4000]);
        wire.extend([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        wire.extend([7; 0x1_0000]);
        wire.extend(b"\x88\x02\x03\xe8");
        let expected = "[Message(2), Ping([97, 98, 99]), Message(3), Ping([]), Message(0), Message(16384), \
                        Message(65536), Close([3, 232])]";
        for size in [1, 2, 3, 5, 1000, wire.len()] {
            let (mut frames, mut told) = (Frames::default(), Vec::new());
            for piece in wire.chunks(size) {
                let read = frames.read(piece, |came| {
                    told.push(format!("{came:?}"));
                    Ok(())
                });
                read.unwrap();
            }
            assert_eq!(format!("[{}]", told.join(", ")), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_no_server_sends_is_an_error() {
        for wire in [&b"\x81\x80"[..], b"\x83\x01x"] {
            assert!(Frames::default().read(wire, |_| Ok(())).is_err(), "{wire:x?}");
        }
    }
}
