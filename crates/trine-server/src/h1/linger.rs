//! The last bytes of a connection, so that the peer gets to read them.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::transport::io::Io;
use crate::transport::timer::Side;
use crate::transport::wire::Wire;

/// Much is thrown away with few reads.
const LARGE_READ: usize = 64 * 1024;

/// Writes what is gathered and closes our side.
///
/// With `linger`, what the peer still sends is read into nothing until its own end, within a bound
/// of time: a socket that is closed with unread bytes is reset, and a reset can destroy the answer
/// on its way. The bytes are not bounded: a client in the middle of a large upload reads no answer
/// before it has sent all of it.
pub(crate) async fn close<I: Io>(wire: &mut Wire<I>, linger: bool) {
    wire.timer.clear(Side::Read);
    let mut closed = false;
    poll_fn(|cx| {
        let done = poll_close(cx, wire, linger, &mut closed);
        if done.is_ready() {
            return done;
        }
        // Bytes that wait to be sent have their own time.
        if closed {
            wire.timer.start(Side::Read, wire.limits.discard_timeout);
        } else if wire.out.is_empty() {
            wire.timer.start(Side::Read, wire.limits.write_timeout);
        }
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
) -> Poll<()> {
    if !*closed {
        if ready!(wire.poll_flush(cx)).is_err()
            || ready!(Pin::new(&mut wire.io).poll_shutdown(cx)).is_err()
        {
            return Poll::Ready(());
        }
        *closed = true;
        wire.timer.clear(Side::Read);
    }
    if !linger {
        return Poll::Ready(());
    }
    loop {
        wire.input.clear();
        if wire.eof || ready!(wire.poll_fill(cx, LARGE_READ)).is_err() {
            return Poll::Ready(());
        }
    }
}
