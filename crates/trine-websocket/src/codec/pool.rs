//! Deflaters and inflaters that a thread lends for one message. Idle connections hold none.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress};

/// The end of every compressed message, which is not sent (RFC 7692, 7.2.1).
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The number of idle deflaters, and of idle inflaters, that a thread keeps. More of them are in
/// use only while many messages arrive in parts.
const MAX_IDLE: usize = 4;

struct Pool {
    inflaters: Vec<Inflater>,
    deflaters: Vec<Deflater>,
}

thread_local! {
    static POOL: RefCell<Pool> =
        const { RefCell::new(Pool { inflaters: Vec::new(), deflaters: Vec::new() }) };
}

#[derive(Debug)]
pub(crate) struct Inflater {
    bits: u8,
    pub(crate) raw: Box<Decompress>,
}

impl Inflater {
    /// An inflater in its initial state, for windows of at most 2 to the power of `bits`.
    pub(crate) fn take(bits: u8) -> Inflater {
        // zlib does not support windows of 256 bytes; a larger window reads them too.
        let bits = bits.max(9);
        let idle =
            with_pool(|pool| take_where(&mut pool.inflaters, |inflater| inflater.bits == bits))
                .flatten();
        idle.unwrap_or_else(|| Inflater {
            bits,
            raw: Box::new(Decompress::new_with_window_bits(false, bits)),
        })
    }

    pub(crate) fn give_back(mut self) {
        self.raw.reset(false);
        with_pool(|pool| store(&mut pool.inflaters, self));
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
        let idle = with_pool(|pool| take_where(&mut pool.deflaters, is)).flatten();
        idle.unwrap_or_else(|| Deflater {
            bits,
            level,
            raw: Box::new(Compress::new_with_window_bits(
                Compression::new(u32::from(level.clamp(1, 9))),
                false,
                bits.clamp(9, 15),
            )),
        })
    }

    pub(crate) fn give_back(mut self) {
        self.raw.reset();
        with_pool(|pool| store(&mut pool.deflaters, self));
    }
}

fn take_where<T>(from: &mut Vec<T>, is: impl Fn(&T) -> bool) -> Option<T> {
    from.iter().rposition(is).map(|at| from.swap_remove(at))
}

fn store<T>(idle: &mut Vec<T>, one: T) {
    // Drops the oldest: no open connection may use its parameters any more.
    if idle.len() >= MAX_IDLE {
        idle.remove(0);
    }
    idle.push(one);
}

/// Accesses the pool of the thread. `None` while the thread ends.
fn with_pool<T>(change: impl FnOnce(&mut Pool) -> T) -> Option<T> {
    POOL.try_with(|pool| change(&mut pool.borrow_mut())).ok()
}
