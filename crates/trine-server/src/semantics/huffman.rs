//! The Huffman code of HPACK and QPACK (RFC 7541, appendix B).
//!
//! The code is canonical: symbols of one length have consecutive codes, and longer codes follow
//! shorter ones. The lengths are therefore the whole table.

/// Decodes `coded` and appends it to `out`. `None` if it is invalid or longer than `most`.
pub(crate) fn decode(coded: &[u8], out: &mut Vec<u8>, most: usize) -> Option<()> {
    let mut bits: u64 = 0;
    let mut held = 0;
    let mut bytes = coded.iter();
    let end = out.len().saturating_add(most);
    loop {
        while held <= 56
            && let Some(byte) = bytes.next()
        {
            bits |= u64::from(*byte) << (56 - held);
            held += 8;
        }
        // The first 32 bits, filled up with ones: the padding is the beginning of the longest code.
        let window = if held >= 32 { bits >> 32 } else { (bits >> 32) | (0xffff_ffff >> held) };
        let Some(row) = ROWS.iter().find(|row| window < row.end) else {
            // Only the code of the end of a string matches. At most seven of its bits may be
            // padding (RFC 7541, 5.2).
            return (held < 8).then_some(());
        };
        if u32::from(row.len) > held {
            // The code is cut off.
            return None;
        }
        let offset = (window - row.start) >> (32 - row.len);
        if out.len() == end {
            return None;
        }
        out.push(ORDER[usize::from(row.first) + offset as usize]);
        bits <<= row.len;
        held -= u32::from(row.len);
    }
}

/// The codes of one length, as the first bits of 32.
struct Row {
    len: u8,
    /// The first code of this length, and the first longer code.
    start: u64,
    end: u64,
    /// The position of their symbols in [`ORDER`].
    first: u16,
}

const LONGEST: usize = 30;

/// One row for each length of a code.
static ROWS: [Row; LONGEST] = rows();

/// The symbols, by length and value.
static ORDER: [u8; 256] = order();

const fn rows() -> [Row; LONGEST] {
    let mut rows = [const { Row { len: 0, start: 0, end: 0, first: 0 } }; LONGEST];
    let (mut len, mut start, mut first) = (1, 0, 0);
    while len <= LONGEST {
        let mut count = 0;
        let mut symbol = 0;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == len {
                count += 1;
            }
            symbol += 1;
        }
        let end = start + ((count as u64) << (32 - len));
        rows[len - 1] = Row { len: len as u8, start, end, first };
        start = end;
        first += count;
        len += 1;
    }
    rows
}

const fn order() -> [u8; 256] {
    let mut order = [0; 256];
    let (mut len, mut at) = (1, 0);
    while len <= LONGEST {
        let mut symbol = 0;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == len {
                order[at] = symbol as u8;
                at += 1;
            }
            symbol += 1;
        }
        len += 1;
    }
    order
}

/// The length of the code of each byte, in bits. The code of the end of a string, thirty ones,
/// belongs to no byte.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
    28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6,
    7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13,
    19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11,
    14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23,
    23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22,
    21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26,
    24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8], most: usize) -> Option<String> {
        let mut out = Vec::new();
        decode(coded, &mut out, most)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7541, C.4 and C.6
        let name = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decoded(&name, 15).as_deref(), Some("www.example.com"));
        assert_eq!(decoded(&name, 14), None);
        assert_eq!(decoded(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], 99).as_deref(), Some("no-cache"));
        assert_eq!(decoded(&[0x64, 0x02], 99).as_deref(), Some("302"));
        assert_eq!(decoded(&[], 99).as_deref(), Some(""));
    }

    #[test]
    fn padding_is_fewer_than_eight_ones() {
        // `0` is five zeros.
        assert_eq!(decoded(&[0b0000_0111], 9).as_deref(), Some("0"));
        for bad in [&[0b0000_0110][..], &[0b0000_0111, 0xff], &[0xff; 4], &[0xff]] {
            assert_eq!(decoded(bad, 9), None, "{bad:x?}");
        }
    }

    #[test]
    fn every_byte_is_decoded_from_its_code() {
        for byte in 0..=255_u8 {
            let row = ROWS.iter().find(|row| row.len == LENGTHS[usize::from(byte)]).unwrap();
            let at = ORDER.iter().position(|symbol| *symbol == byte).unwrap() as u64;
            let code = row.start + ((at - u64::from(row.first)) << (32 - row.len));
            let padded = code | (0xffff_ffff >> row.len);
            let len = usize::from(row.len).div_ceil(8);
            let mut out = Vec::new();
            decode(&padded.to_be_bytes()[4..4 + len], &mut out, 9).unwrap();
            assert_eq!(out, [byte]);
        }
    }
}
