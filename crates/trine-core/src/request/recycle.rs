//! Header maps that a thread reuses for later requests: a map with capacity needs no allocation.

use std::cell::RefCell;

use http::HeaderMap;

/// The maximum number of maps that a thread keeps.
const MAX_KEPT: usize = 64;

/// The maximum capacity of a map that is kept: one large head must not occupy memory of the thread
/// forever.
const LARGEST_KEPT: usize = 64;

thread_local! {
    static HEADERS: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// Replaces a new map with one that has capacity.
pub fn lend_headers(new: &mut HeaderMap) {
    // There is no pool while the thread ends.
    let Some(map) = HEADERS.try_with(|pool| pool.borrow_mut().pop()).ok().flatten() else { return };
    let empty = std::mem::replace(new, map);
    if empty.capacity() == 0 {
        // The empty map owns no memory, and dropping it would cost sixty instructions.
        std::mem::forget(empty);
    }
}

/// Takes a map back. It is cleared now and not when it is lent again, because its values are slices
/// of read buffers.
pub fn give_headers(mut map: HeaderMap) {
    if map.capacity() == 0 || map.capacity() > LARGEST_KEPT {
        return;
    }
    map.clear();
    let _ = HEADERS.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < MAX_KEPT {
            pool.push(map);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_come_back_empty_and_large_ones_do_not() {
        let mut map = HeaderMap::with_capacity(8);
        map.insert("a", http::HeaderValue::from_static("b"));
        give_headers(map);
        let mut again = HeaderMap::new();
        lend_headers(&mut again);
        assert!(again.is_empty() && again.capacity() >= 8);
        give_headers(HeaderMap::with_capacity(1000));
        let mut none = HeaderMap::new();
        lend_headers(&mut none);
        assert_eq!(none.capacity(), 0);
    }
}
