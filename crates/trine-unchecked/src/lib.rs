//! Header values for a server that reads many of them: checked as strictly as [`HeaderValue`]
//! checks, at a quarter of the cost.
//!
//! [`HeaderValue::from_maybe_shared`] looks at one byte at a time, about four instructions each; a
//! browser sends some five hundred bytes of values. Here eight bytes are looked at together, and
//! what passed is not looked at again. That needs the one `unsafe` block of Trine, and so it has a
//! crate of its own: one function, safe to call with any bytes, tested against the type's own check
//! for every byte at every place, and run under Miri.
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

/// The bytes as the value of a header field; `None` where one of them cannot stand in it.
///
/// What may stand there is what [`HeaderValue`] says: a tab, and every byte from 32 up but 127 (RFC
/// 9110, 5.5). The bytes are not copied.
#[must_use]
pub fn header_value(bytes: Bytes) -> Option<HeaderValue> {
    if !is_value(&bytes) {
        return None;
    }
    // SAFETY: `from_maybe_shared_unchecked` asks that the bytes are a valid header value.
    // `is_value` has just looked at each of them, and `Bytes` cannot change: nobody holds them
    // mutably.
    Some(unsafe { HeaderValue::from_maybe_shared_unchecked(bytes) })
}

fn is_value(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    let Some(last) = bytes.last_chunk() else {
        return rest.iter().all(|byte| is_value_byte(*byte));
    };
    // The last word overlaps the one before it, so that no byte is left over.
    words.iter().all(is_value_word) && (rest.is_empty() || is_value_word(last))
}

/// Control characters are rare, so a word that holds one is looked at again, byte by byte: it may
/// be a tab.
#[inline]
fn is_value_word(word: &[u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let bytes = u64::from_ne_bytes(*word);
    // The high bit of a byte stays set where subtracting 32 (or 1, of the difference to 127)
    // borrowed into it. A borrow may spill into the next byte: then a word is looked at twice, and
    // none is passed over.
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
