//! A pool of buffers per thread. Only busy connections hold a buffer; idle connections hold none.

use std::cell::RefCell;

use bytes::BytesMut;

/// The size of a new buffer. A head with a few cookies, or a small response, fits.
pub(crate) const SIZE: usize = 8 * 1024;

/// Larger buffers are freed instead of pooled, so that one large upload does not use memory for
/// ever.
const LARGEST_POOLED: usize = 64 * 1024;

/// The number of buffers that a thread keeps.
const POOL_SIZE: usize = 64;

#[derive(Default)]
struct Pool {
    buffers: Vec<BytesMut>,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// Takes a buffer from the pool, or allocates one.
pub(crate) fn take() -> BytesMut {
    with(|pool| pool.buffers.pop()).flatten().unwrap_or_else(|| BytesMut::with_capacity(SIZE))
}

/// Returns a buffer to the pool, unless a slice of it is still held elsewhere.
pub(crate) fn give(buffer: &mut BytesMut) {
    if buffer.capacity() == 0 {
        return;
    }
    let mut buffer = std::mem::take(buffer);
    buffer.clear();
    if buffer.try_reclaim(SIZE) && buffer.capacity() <= LARGEST_POOLED {
        with(|pool| {
            if pool.buffers.len() < POOL_SIZE {
                pool.buffers.push(buffer);
            }
        });
    }
}

// `None` while the thread shuts down.
fn with<T>(change: impl FnOnce(&mut Pool) -> T) -> Option<T> {
    POOL.try_with(|pool| change(&mut pool.borrow_mut())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_pooled_only_if_no_slice_of_it_is_held() {
        let mut buffer = take();
        buffer.extend_from_slice(b"head body");
        let first = buffer.as_ptr();
        let slice = buffer.split_to(4).freeze();
        give(&mut buffer);
        assert_eq!(with(|pool| pool.buffers.len()), Some(0));

        let mut buffer = take();
        buffer.extend_from_slice(b"head body");
        drop(buffer.split_to(4).freeze());
        let second = buffer.as_ptr();
        give(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
        let again = take();
        assert!(again.capacity() >= SIZE && again.is_empty());
        assert_ne!(again.as_ptr(), first);
        assert_eq!(again.as_ptr().addr(), second.addr() - 4);
        drop(slice);
    }
}
