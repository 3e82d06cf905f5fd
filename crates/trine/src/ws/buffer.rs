//! Buffers that a thread lends to its busy sockets. Idle ones hold none.

use std::cell::RefCell;

use bytes::BytesMut;

/// What a buffer is for. Each use has a pool of its own, so that buffers keep the size of what they
/// are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Reading,
    Writing,
}

/// The least room in a buffer: some small messages fit.
const LEAST: usize = 4 * 1024;

/// Larger ones are given back to the allocator.
pub(super) const LARGEST_KEPT: usize = 64 * 1024;

/// Enough for the sockets that are busy at a time: one that reads and those that could not write
/// all at once.
const MOST_KEPT: usize = 16;

thread_local! {
    static POOLS: RefCell<[Vec<BytesMut>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// Room for at least a few small messages, or for `most` bytes.
pub(super) fn lend(buffer: &mut BytesMut, purpose: For, most: usize) {
    if buffer.capacity() == 0 {
        let kept = POOLS.try_with(|pools| pools.borrow_mut()[purpose as usize].pop());
        *buffer = kept.ok().flatten().unwrap_or_default();
    }
    buffer.reserve(most.clamp(LEAST, LARGEST_KEPT));
}

/// Takes a buffer back, unless somebody still holds a slice of it.
pub(super) fn give(buffer: &mut BytesMut, purpose: For) {
    let mut buffer = std::mem::take(buffer);
    if buffer.capacity() == 0 {
        return;
    }
    buffer.clear();
    // More and more of it: a little room may be had behind the last slice alone.
    let room =
        [1, 2, 4, 8, 16].into_iter().take_while(|times| buffer.try_reclaim(times * LEAST)).count();
    if room > 0 && buffer.capacity() <= LARGEST_KEPT {
        // It fails only while the thread ends.
        let _ = POOLS.try_with(|pools| {
            let pool = &mut pools.borrow_mut()[purpose as usize];
            if pool.len() < MOST_KEPT {
                pool.push(buffer);
            }
        });
    }
}
