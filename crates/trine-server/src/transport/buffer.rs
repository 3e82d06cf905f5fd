//! Buffers that a thread lends to its busy connections. Idle ones hold none.

use std::cell::RefCell;

use bytes::BytesMut;

/// The size of a fresh buffer: a head with a few cookies, or a small answer, fits.
pub(crate) const SIZE: usize = 8 * 1024;

/// Larger buffers are given back to the allocator: one large upload must not weigh on the thread
/// for ever.
const LARGEST_KEPT: usize = 64 * 1024;

const MOST_KEPT: usize = 64;

#[derive(Default)]
struct Pool {
    buffers: Vec<BytesMut>,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

pub(crate) fn take() -> BytesMut {
    with(|pool| pool.buffers.pop()).flatten().unwrap_or_else(|| BytesMut::with_capacity(SIZE))
}

/// Takes a buffer back, unless somebody still holds a slice of it.
pub(crate) fn give(buffer: &mut BytesMut) {
    if buffer.capacity() == 0 {
        return;
    }
    let mut buffer = std::mem::take(buffer);
    buffer.clear();
    if buffer.try_reclaim(SIZE) && buffer.capacity() <= LARGEST_KEPT {
        with(|pool| {
            if pool.buffers.len() < MOST_KEPT {
                pool.buffers.push(buffer);
            }
        });
    }
}

// `None` while the thread ends.
fn with<T>(change: impl FnOnce(&mut Pool) -> T) -> Option<T> {
    POOL.try_with(|pool| change(&mut pool.borrow_mut())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_only_when_nobody_holds_a_slice_of_it() {
        let mut buffer = take();
        buffer.extend_from_slice(b"head body");
        let place = buffer.as_ptr();
        let slice = buffer.split_to(4).freeze();
        give(&mut buffer);
        assert_eq!(with(|pool| pool.buffers.len()), Some(0));

        let mut buffer = take();
        buffer.extend_from_slice(b"head body");
        drop(buffer.split_to(4).freeze());
        let own = buffer.as_ptr();
        give(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
        let again = take();
        assert!(again.capacity() >= SIZE && again.is_empty());
        assert_ne!(again.as_ptr(), place);
        assert_eq!(again.as_ptr().addr(), own.addr() - 4);
        drop(slice);
    }
}
