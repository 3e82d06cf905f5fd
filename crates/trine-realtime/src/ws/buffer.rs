//! Buffers that a thread lends to its busy sockets. Idle sockets hold none.

use std::cell::RefCell;

use bytes::BytesMut;

/// The use of a buffer. Each use has a pool of its own, so that the buffers keep a suitable size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BufferUse {
    Reading,
    Writing,
}

/// The minimum capacity: enough for a few small messages.
const MIN_CAPACITY: usize = 4 * 1024;

/// Larger buffers are freed instead of kept.
pub(super) const MAX_CAPACITY: usize = 64 * 1024;

/// The number of idle buffers in a pool: enough for the sockets that are busy at the same time,
/// namely one that reads and a few that could not write everything at once.
const MAX_IDLE: usize = 16;

thread_local! {
    static POOLS: RefCell<[Vec<BytesMut>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// Reserves `len` bytes within the limits of a buffer, and takes the buffer from the pool if there
/// is none yet.
pub(super) fn acquire(buffer: &mut BytesMut, purpose: BufferUse, len: usize) {
    if buffer.capacity() == 0 {
        let idle = POOLS.try_with(|pools| pools.borrow_mut()[purpose as usize].pop());
        *buffer = idle.ok().flatten().unwrap_or_default();
    }
    buffer.reserve(len.clamp(MIN_CAPACITY, MAX_CAPACITY));
}

/// Returns a buffer to the pool, unless slices of it are still in use.
pub(super) fn release(buffer: &mut BytesMut, purpose: BufferUse) {
    let mut buffer = std::mem::take(buffer);
    if buffer.capacity() == 0 {
        return;
    }
    buffer.clear();
    // Reclaims more and more of it: slices may be in use that leave only a small part free.
    let reclaimed = [1, 2, 4, 8, 16]
        .into_iter()
        .take_while(|times| buffer.try_reclaim(times * MIN_CAPACITY))
        .count();
    if reclaimed > 0 && buffer.capacity() <= MAX_CAPACITY {
        // Access fails only while the thread ends.
        let _ = POOLS.try_with(|pools| {
            let pool = &mut pools.borrow_mut()[purpose as usize];
            if pool.len() < MAX_IDLE {
                pool.push(buffer);
            }
        });
    }
}
