//! The head of a frame (RFC 6455, 5.2).
//!
//! ```text
//!  FIN RSV1-3 opcode | MASK length (7 bits) | longer length (16 or 64) | client mask | payload
//! ```

use bytes::{Buf as _, BufMut as _, BytesMut};

use crate::error::ProtocolError;
use crate::role::Role;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(bits: u8) -> Result<Opcode, ProtocolError> {
        Ok(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            reserved => return Err(ProtocolError::Opcode(reserved)),
        })
    }

    pub(crate) fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) fin: bool,
    /// RSV1: the message is compressed (RFC 7692, 6).
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    pub(crate) len: u64,
    pub(crate) mask: Option<[u8; 4]>,
}

impl FrameHead {
    /// Takes a head from the input. `None` while it is incomplete. `role` is the side that reads.
    ///
    /// # Errors
    /// At the first byte that is wrong.
    pub(crate) fn take(
        input: &mut BytesMut,
        role: Role,
        compression: bool,
    ) -> Result<Option<FrameHead>, ProtocolError> {
        let [first, rest @ ..] = &input[..] else { return Ok(None) };
        let (fin, compressed) = (first & FIN != 0, first & RSV1 != 0);
        if first & (RSV2 | RSV3) != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::of(first & 0x0f)?;
        // Only the first frame of a message has the bit.
        if compressed && !(compression && matches!(opcode, Opcode::Text | Opcode::Binary)) {
            return Err(ProtocolError::ReservedBits);
        }
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }
        let [second, rest @ ..] = rest else { return Ok(None) };
        let masked = second & MASK != 0;
        match (role, masked) {
            (Role::Server, false) => return Err(ProtocolError::NotMasked),
            (Role::Client, true) => return Err(ProtocolError::Masked),
            _ => {}
        }
        let short = second & !MASK;
        if opcode.is_control() && short > 125 {
            return Err(ProtocolError::LongControl);
        }
        let Some((len, rest)) = length(short, rest)? else { return Ok(None) };
        let mask = match (masked, rest) {
            (false, _) => None,
            (true, [a, b, c, d, ..]) => Some([*a, *b, *c, *d]),
            (true, _) => return Ok(None),
        };
        let taken = input.len() - rest.len() + if masked { 4 } else { 0 };
        input.advance(taken);
        Ok(Some(FrameHead { fin, compressed, opcode, len, mask }))
    }

    /// Appends the head to the output.
    pub(crate) fn put(self, out: &mut BytesMut) {
        let first = self.opcode as u8
            | if self.fin { FIN } else { 0 }
            | if self.compressed { RSV1 } else { 0 };
        let mask = if self.mask.is_some() { MASK } else { 0 };
        out.put_u8(first);
        match self.len {
            len @ 0..=125 => out.put_u8(mask | len.to_le_bytes()[0]),
            len => match u16::try_from(len) {
                Ok(len) => {
                    out.put_u8(mask | 126);
                    out.put_u16(len);
                }
                Err(_) => {
                    out.put_u8(mask | 127);
                    out.put_u64(len);
                }
            },
        }
        if let Some(mask) = self.mask {
            out.put_slice(&mask);
        }
    }
}

/// The maximum size of a head in bytes.
pub(crate) const MAX_LEN: usize = 14;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const MASK: u8 = 0x80;

fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    let (len, rest, least) = match short {
        126 => match rest.split_first_chunk::<2>() {
            None => return Ok(None),
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest, 126),
        },
        127 => match rest.split_first_chunk::<8>() {
            // The first byte is sufficient to refuse it.
            None if rest.first().is_some_and(|byte| *byte >= 0x80) => {
                return Err(ProtocolError::LengthTopBit);
            }
            None => return Ok(None),
            Some((len, rest)) => (u64::from_be_bytes(*len), rest, u64::from(u16::MAX) + 1),
        },
        short => return Ok(Some((u64::from(short), rest))),
    };
    if len >= 1 << 63 {
        return Err(ProtocolError::LengthTopBit);
    }
    if len < least {
        return Err(ProtocolError::LengthForm);
    }
    Ok(Some((len, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(bytes: &[u8]) -> Result<Option<FrameHead>, ProtocolError> {
        FrameHead::take(&mut BytesMut::from(bytes), Role::Server, false)
    }

    #[test]
    fn every_head_is_read_as_it_was_written() {
        for len in [0, 1, 125, 126, 65535, 65536, (1 << 63) - 1] {
            for (role, mask) in [(Role::Server, Some([1, 2, 3, 4])), (Role::Client, None)] {
                let head =
                    FrameHead { fin: false, compressed: true, opcode: Opcode::Text, len, mask };
                let mut bytes = BytesMut::new();
                head.put(&mut bytes);
                assert!(bytes.len() <= MAX_LEN);
                for cut in 0..bytes.len() {
                    let mut part = BytesMut::from(&bytes[..cut]);
                    assert_eq!(
                        FrameHead::take(&mut part, role, true),
                        Ok(None),
                        "{len} cut at {cut}"
                    );
                    assert_eq!(part.len(), cut);
                }
                assert_eq!(FrameHead::take(&mut bytes, role, true), Ok(Some(head)));
                assert!(bytes.is_empty());
            }
        }
    }

    #[test]
    fn a_wrong_head_is_refused_at_its_first_wrong_byte() {
        use ProtocolError::*;
        for (bytes, error) in [
            (&b"\xc1"[..], ReservedBits),
            (b"\xa1", ReservedBits),
            (b"\x91", ReservedBits),
            (b"\x83", Opcode(3)),
            (b"\x8f", Opcode(15)),
            (b"\x09", FragmentedControl),
            (b"\x08", FragmentedControl),
            (b"\x81\x05", NotMasked),
            (b"\x89\xfe", LongControl),
            (b"\x81\xfe\x00\x7d", LengthForm),
            (b"\x81\xff\x80", LengthTopBit),
            (b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", LengthForm),
        ] {
            assert_eq!(server(bytes), Err(error), "{bytes:x?}");
        }
        assert_eq!(
            FrameHead::take(&mut BytesMut::from(&b"\x81\x85"[..]), Role::Client, false),
            Err(Masked)
        );
        for opcode in [0xc0, 0xc9] {
            assert_eq!(
                FrameHead::take(&mut BytesMut::from(&[opcode][..]), Role::Server, true),
                Err(ReservedBits)
            );
        }
    }
}
