//! Buffers that a thread lends to its busy sockets. Idle ones hold none.

use std::cell::RefCell;

use bytes::BytesMut;

/// The size of a fresh buffer: some small messages fit.
const SIZE: usize = 8 * 1024;

/// Larger ones are given back to the allocator.
const LARGEST_KEPT: usize = 64 * 1024;

/// Enough for the sockets that are busy at a time: one that reads and those that could not write all at once.
const MOST_KEPT: usize = 16;

thread_local! {
    static POOL: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Room for at least a few small messages, or for `most` bytes.
pub(super) fn lend(buffer: &mut BytesMut, most: usize) {
    if buffer.capacity() == 0 {
        *buffer = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten().unwrap_or_default();
    }
    buffer.reserve(most.clamp(SIZE / 2, LARGEST_KEPT));
}

/// Takes a buffer back, unless somebody still holds a slice of it.
pub(super) fn give(buffer: &mut BytesMut) {
    let mut buffer = std::mem::take(buffer);
    if buffer.capacity() == 0 {
        return;
    }
    buffer.clear();
    if buffer.try_reclaim(SIZE / 2) && buffer.capacity() <= LARGEST_KEPT {
        // It fails only while the thread ends.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < MOST_KEPT {
                pool.push(buffer);
            }
        });
    }
}
