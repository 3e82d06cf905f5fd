//! Closes a connection so that the peer can read its last bytes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::h1::wire::Wire;
use crate::transport::io::Io;
use crate::transport::timer::Direction;

/// The size of a read that is discarded.
const LARGE_READ: usize = 64 * 1024;

/// Writes the gathered bytes and closes our side.
///
/// With `linger`, the bytes of the peer are discarded until the peer closes its side, or until a
/// timeout. A socket that is closed with unread bytes is reset, and a reset can destroy the
/// response on its way. The number of discarded bytes is not limited, because a client in the
/// middle of a large upload does not read the response before it has sent everything.
pub(crate) async fn close<I: Io>(wire: &mut Wire<I>, linger: bool) {
    wire.timer.clear(Direction::Read);
    let mut closed = false;
    poll_fn(|cx| {
        let done = poll_close(cx, wire, linger, &mut closed);
        if done.is_ready() {
            return done;
        }
        // Bytes that wait to be written have a deadline of their own.
        if closed {
            wire.timer.set_if_clear(Direction::Read, wire.limits.discard_timeout);
        } else if wire.out.is_empty() {
            wire.timer.set_if_clear(Direction::Read, wire.limits.write_timeout);
        }
        wire.timer.poll(cx).map(drop)
    })
    .await;
}

/// Writes as much as the socket accepts at once, and then ends the connection in a way that looks
/// broken to the peer.
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
        wire.timer.clear(Direction::Read);
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
