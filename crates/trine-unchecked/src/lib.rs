//! Validation of header values for a server that reads many of them: as strict as [`HeaderValue`],
//! at a quarter of the cost.
//!
//! [`HeaderValue::from_maybe_shared`] checks one byte at a time, at about four instructions each,
//! and a browser sends about five hundred bytes of values. This crate checks eight bytes at a time,
//! and valid bytes are not checked again. That requires the only `unsafe` block of Trine, which
//! therefore has a crate of its own: one function that is safe to call with any bytes, tested
//! against the check of [`HeaderValue`] for every byte at every position, and run under Miri.
//!
//! ```
//! use bytes::Bytes;
//!
//! let head = Bytes::from_static(b"host: example.org");
//! assert_eq!(trine_unchecked::header_value(head.slice(6..)).unwrap(), "example.org");
//! assert!(trine_unchecked::header_value(Bytes::from_static(b"a\nb")).is_none());
//! ```

use bytes::Bytes;
use http::HeaderValue;

/// The bytes as the value of a header field. `None` if they contain a byte that is not allowed.
///
/// The allowed bytes are those of [`HeaderValue`]: the tab, and every byte from 32 up except for
/// 127 (RFC 9110, 5.5). The bytes are not copied.
#[must_use]
pub fn header_value(bytes: Bytes) -> Option<HeaderValue> {
    if !is_value(&bytes) {
        return None;
    }
    // SAFETY: `from_maybe_shared_unchecked` requires that the bytes are a valid header value.
    // `is_value` has checked each of them, and `Bytes` cannot change: there is no mutable access.
    Some(unsafe { HeaderValue::from_maybe_shared_unchecked(bytes) })
}

fn is_value(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    let Some(last) = bytes.last_chunk() else {
        return rest.iter().all(|byte| is_value_byte(*byte));
    };
    // The last word overlaps the one before it, so that every byte is in a word.
    words.iter().all(is_value_word) && (rest.is_empty() || is_value_word(last))
}

/// A word that contains a control character is checked again byte by byte, because the character
/// may be a tab. That is rare.
#[inline]
fn is_value_word(word: &[u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let bytes = u64::from_ne_bytes(*word);
    // The high bit of a byte is set where the subtraction of 32 (or of 1, from the difference
    // to 127) has borrowed into it. A borrow may spill into the next byte. Then a valid word is
    // checked again, but no invalid word is accepted.
    let control = bytes.wrapping_sub(ONES * 0x20) & !bytes;
    let difference = bytes ^ (ONES * 0x7f);
    let delete = difference.wrapping_sub(ONES) & !difference;
    (control | delete) & HIGH == 0 || word.iter().all(|byte| is_value_byte(*byte))
}

fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}

#[cfg(test)]
mod tests {
    #[cfg(not(miri))]
    use proptest::prelude::*;

    use super::*;

    fn agrees(bytes: &[u8]) {
        let ours = header_value(Bytes::copy_from_slice(bytes));
        match HeaderValue::from_bytes(bytes) {
            Ok(value) => assert_eq!(ours, Some(value)),
            Err(_) => assert_eq!(ours, None, "{bytes:?}"),
        }
    }

    /// All of them; under Miri, which is a thousand times slower, those at the edges.
    fn bytes() -> Vec<u8> {
        const EDGES: [u8; 12] = [0, 8, 9, 10, 13, 31, 32, b'a', 126, 127, 128, 255];
        if cfg!(miri) { EDGES.to_vec() } else { (0..=u8::MAX).collect() }
    }

    #[test]
    fn every_byte_at_every_place_of_every_short_value() {
        for len in 0..=if cfg!(miri) { 17 } else { 33 } {
            for at in 0..len {
                for byte in bytes() {
                    let mut value = vec![b'a'; len];
                    value[at] = byte;
                    agrees(&value);
                }
            }
        }
    }

    // The borrow of one byte spills into the next: no pair may hide the other's mistake.
    #[test]
    fn every_pair_of_neighbours() {
        for first in bytes() {
            for second in bytes() {
                agrees(&[b'x', b'x', b'x', first, second, b'x', b'x', b'x']);
            }
        }
    }

    #[test]
    fn the_bytes_are_not_copied() {
        let bytes = Bytes::from(b"0123456789".to_vec());
        let value = header_value(bytes.slice(2..)).unwrap();
        assert_eq!(value.as_bytes().as_ptr(), bytes[2..].as_ptr());
    }

    #[cfg(not(miri))]
    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            agrees(&bytes);
        }

        #[test]
        fn mostly_text(bytes in proptest::collection::vec(prop_oneof![9 => 0x20..=0x7eu8, 1 => any::<u8>()], 0..80)) {
            agrees(&bytes);
        }
    }
}
