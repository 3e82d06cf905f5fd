//! What compresses and inflates, lent by the thread for one message. Idle connections hold none of
//! it.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress};

/// What stands at the end of each message before it is sent, and is not sent (RFC 7692, 7.2.1).
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A few for each thread: more are only in use while many messages arrive in parts.
const MOST_KEPT: usize = 4;

struct Pool {
    inflaters: Vec<Inflater>,
    deflaters: Vec<Deflater>,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { inflaters: Vec::new(), deflaters: Vec::new() }) };
}

#[derive(Debug)]
pub(crate) struct Inflater {
    bits: u8,
    pub(crate) raw: Box<Decompress>,
}

impl Inflater {
    /// A fresh one, for windows of at most 2 to the power of `bits`.
    pub(crate) fn take(bits: u8) -> Inflater {
        // Raw streams of 256 bytes are beyond what zlib takes; a larger window reads them.
        let bits = bits.max(9);
        let lent = with(|pool| take_where(&mut pool.inflaters, |inflater| inflater.bits == bits))
            .flatten();
        lent.unwrap_or_else(|| Inflater {
            bits,
            raw: Box::new(Decompress::new_with_window_bits(false, bits)),
        })
    }

    pub(crate) fn give(mut self) {
        self.raw.reset(false);
        with(|pool| keep(&mut pool.inflaters, self));
    }
}

#[derive(Debug)]
pub(crate) struct Deflater {
    bits: u8,
    level: u8,
    pub(crate) raw: Box<Compress>,
}

impl Deflater {
    pub(crate) fn take(bits: u8, level: u8) -> Deflater {
        let is = |deflater: &Deflater| deflater.bits == bits && deflater.level == level;
        let lent = with(|pool| take_where(&mut pool.deflaters, is)).flatten();
        lent.unwrap_or_else(|| Deflater {
            bits,
            level,
            raw: Box::new(Compress::new_with_window_bits(
                Compression::new(u32::from(level.clamp(1, 9))),
                false,
                bits.clamp(9, 15),
            )),
        })
    }

    pub(crate) fn give(mut self) {
        self.raw.reset();
        with(|pool| keep(&mut pool.deflaters, self));
    }
}

fn take_where<T>(from: &mut Vec<T>, is: impl Fn(&T) -> bool) -> Option<T> {
    from.iter().rposition(is).map(|at| from.swap_remove(at))
}

fn keep<T>(kept: &mut Vec<T>, one: T) {
    // The oldest goes: its parameters may be those of a client that has gone.
    if kept.len() >= MOST_KEPT {
        kept.remove(0);
    }
    kept.push(one);
}

// `None` while the thread ends.
fn with<T>(change: impl FnOnce(&mut Pool) -> T) -> Option<T> {
    POOL.try_with(|pool| change(&mut pool.borrow_mut())).ok()
}
