//! Masking (RFC 6455, 5.3), eight bytes at a time; the compiler vectorizes it further.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

/// Masks or unmasks a part of a payload that begins at `offset`.
pub(crate) fn apply(mask: [u8; 4], offset: u64, bytes: &mut [u8]) {
    let turn = (offset & 3) as usize;
    let mask = [mask[turn], mask[(turn + 1) & 3], mask[(turn + 2) & 3], mask[(turn + 3) & 3]];
    let [a, b, c, d] = mask;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= mask;
    }
}

/// Appends a part of a payload and unmasks it, in pieces that fit into the cache, so that memory is
/// traversed once instead of twice.
pub(crate) fn append(mask: [u8; 4], offset: u64, from: &[u8], to: &mut Vec<u8>) {
    to.reserve(from.len());
    for piece in from.chunks(PIECE) {
        let start = to.len();
        to.extend_from_slice(piece);
        // The size of a piece is a multiple of the mask, so each begins at the same byte of it.
        apply(mask, offset, &mut to[start..]);
    }
}

const PIECE: usize = 1024;

/// Eight unpredictable bytes: a hash of a counter under a random key of the system (RFC 6455,
/// 10.3).
pub(crate) fn random() -> [u8; 8] {
    thread_local! {
        static STATE: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
    }
    STATE.with(|(hasher, counter)| {
        counter.set(counter.get().wrapping_add(1));
        hasher.hash_one(counter.get()).to_ne_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_in_parts_equals_masking_at_once() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..100).collect();
        let slow: Vec<u8> =
            plain.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        for cut in 0..plain.len() {
            let mut bytes = plain.clone();
            let (head, tail) = bytes.split_at_mut(cut);
            apply(mask, 0, head);
            apply(mask, cut as u64, tail);
            assert_eq!(bytes, slow, "cut at {cut}");
        }
        let long: Vec<u8> = plain.iter().copied().cycle().take(3 * PIECE + 5).collect();
        for offset in 0..4 {
            let (mut whole, mut pieces) = (long.clone(), b"before".to_vec());
            apply(mask, offset, &mut whole);
            append(mask, offset, &long, &mut pieces);
            assert_eq!(pieces[6..], whole, "from {offset}");
        }
    }

    #[test]
    fn masks_differ() {
        assert_ne!(random(), random());
    }
}
