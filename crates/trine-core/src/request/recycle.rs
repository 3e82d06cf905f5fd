//! Header maps that a thread lends from one request to the next: a map that has room costs no
//! allocation.

use std::cell::RefCell;

use http::HeaderMap;

const MOST_KEPT: usize = 64;

/// Maps of more fields are given back to the allocator: one large head must not weigh on the thread
/// for ever.
const LARGEST_KEPT: usize = 64;

thread_local! {
    static HEADERS: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// Puts a map that has room into the place of a fresh one.
pub fn lend_headers(place: &mut HeaderMap) {
    // The thread may be ending; then there is no pool.
    let Some(map) = HEADERS.try_with(|pool| pool.borrow_mut().pop()).ok().flatten() else { return };
    let fresh = std::mem::replace(place, map);
    if fresh.capacity() == 0 {
        // It owns nothing, and to find that out costs sixty instructions.
        std::mem::forget(fresh);
    }
}

/// Takes a map back. It is cleared here, not when it is lent again: its values hold slices of read
/// buffers.
pub fn give_headers(mut map: HeaderMap) {
    if map.capacity() == 0 || map.capacity() > LARGEST_KEPT {
        return;
    }
    map.clear();
    let _ = HEADERS.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < MOST_KEPT {
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
