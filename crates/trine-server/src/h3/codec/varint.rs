//! The integers of QUIC (RFC 9000, 16). Their first two bits determine the number of bytes.

use bytes::{BufMut, BytesMut};

/// The largest value.
pub(crate) const MAX: u64 = (1 << 62) - 1;

/// The value at the front, and the number of its bytes. `None` if bytes are missing.
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = 1 << (first >> 6);
    let rest = bytes.get(1..len)?;
    let value =
        rest.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, len))
}

/// Appends a value in as few bytes as possible. A value that is too large becomes the largest
/// value.
pub(crate) fn write(out: &mut BytesMut, value: u64) {
    match value {
        0..0x40 => out.put_u8(low(value)),
        0x40..0x4000 => out.put_slice(&(0x4000 | value as u16).to_be_bytes()),
        0x4000..0x4000_0000 => out.put_slice(&(0x8000_0000 | value as u32).to_be_bytes()),
        _ => out.put_slice(&(0b11 << 62 | value.min(MAX)).to_be_bytes()),
    }
}

fn low(value: u64) -> u8 {
    value as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 9000, A.1
        let cases: [(&[u8], u64); 4] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ];
        for (bytes, value) in cases {
            assert_eq!(read(bytes), Some((value, bytes.len())));
            assert_eq!(read(&bytes[..bytes.len() - 1]), None);
            let mut out = BytesMut::new();
            write(&mut out, value);
            assert_eq!(out, bytes);
        }
        assert_eq!(read(&[0x40, 0x25]), Some((37, 2)));
        let mut out = BytesMut::new();
        write(&mut out, u64::MAX);
        assert_eq!(read(&out), Some((MAX, 8)));
    }
}
