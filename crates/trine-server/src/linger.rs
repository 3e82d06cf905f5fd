//! The last bytes of a connection, so that the peer gets to read them.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::buffer;
use crate::io::Io;
use crate::timer::Side;
use crate::wire::Wire;

/// Writes what is gathered and closes our side.
///
/// With `linger`, what the peer still sends is read into nothing until its own end, within a bound of bytes and time: a
/// socket that is closed with unread bytes is reset, and a reset can destroy the answer on its way.
pub(crate) async fn close<I: Io>(wire: &mut Wire<I>, linger: bool) {
    wire.timer.clear(Side::Read);
    let mut closed = false;
    let mut discarded = 0;
    poll_fn(|cx| {
        let done = poll_close(cx, wire, linger, &mut closed, &mut discarded);
        if done.is_ready() {
            return done;
        }
        let patience = if closed { wire.config.discard_timeout } else { wire.config.write_timeout };
        wire.timer.start(Side::Read, patience);
        wire.timer.poll(cx).map(drop)
    })
    .await;
}

/// Writes what fits and makes the end look broken.
pub(crate) async fn reset<I: Io>(wire: &mut Wire<I>) {
    poll_fn(|cx| {
        let _ = wire.poll_flush(cx);
        Poll::Ready(())
    })
    .await;
    wire.io.abort();
}

fn poll_close<I: Io>(
    cx: &mut Context<'_>,
    wire: &mut Wire<I>,
    linger: bool,
    closed: &mut bool,
    discarded: &mut u64,
) -> Poll<()> {
    if !*closed {
        if ready!(wire.poll_flush(cx)).is_err() || ready!(Pin::new(&mut wire.io).poll_shutdown(cx)).is_err() {
            return Poll::Ready(());
        }
        *closed = true;
        wire.timer.clear(Side::Read);
    }
    if !linger {
        return Poll::Ready(());
    }
    loop {
        *discarded += wire.input.len() as u64;
        wire.input.clear();
        if wire.eof || *discarded > wire.config.max_discard_bytes {
            return Poll::Ready(());
        }
        if ready!(wire.poll_fill(cx, buffer::SIZE)).is_err() {
            return Poll::Ready(());
        }
    }
}
