//! Reads the head of the next request.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use trine_core::recycle;

use crate::config::limits::HeadLimits;
use crate::error::RequestError;
use crate::h1::codec::head::{self, Head};
use crate::h1::end::{ConnectionEnd, stalled};
use crate::h1::wire::{PeerGone, Stage, Wire};
use crate::server::shutdown::FIRST_REQUEST_GRACE;
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::timer::Direction;

/// The beginning of a HEAD request. Its response has no body, even if the request is refused before
/// it is parsed.
const HEAD: &[u8] = b"HEAD ";

/// Reads the next head. Gathered responses are written before it waits.
pub(crate) async fn read_head<I: Io>(
    wire: &mut Wire<I>,
    head: &mut Option<Head>,
) -> Result<(), ConnectionEnd> {
    let limits = wire.limits.head;
    let gathered = wire.limits.max_gathered_bytes;
    let mut partial = PartialHead::default();
    let (mut begun, mut in_grace) = (false, false);
    let mut yielded = pin!(tokio::task::yield_now());
    debug_assert!(
        wire.timer.is_clear(Direction::Read),
        "the deadline of the last request is still set"
    );
    poll_fn(|cx| {
        loop {
            // A full buffer of responses must be written before another response is made.
            let blocked = wire.out.is_full(gathered);
            if !blocked && take_head(wire, &limits, &mut partial, head)? {
                // From now on, only a request body may have a read deadline.
                wire.timer.clear(Direction::Read);
                return Poll::Ready(Ok(()));
            }
            let idle = wire.input.is_empty();
            match wire.poll_flush(cx) {
                Poll::Ready(Ok(())) if blocked => continue,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(PeerGone)) => return Poll::Ready(Err(ConnectionEnd::Quiet)),
                Poll::Pending => return expire(cx, wire, idle).map(Err),
            }
            // A head that is cut off is no request.
            if wire.eof {
                let goodbye = wire.io.says_goodbye();
                return Poll::Ready(Err(if goodbye {
                    ConnectionEnd::Close { linger: false }
                } else {
                    ConnectionEnd::Quiet
                }));
            }
            match wire.poll_fill(cx, buffer::SIZE) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(PeerGone)) => return Poll::Ready(Err(ConnectionEnd::Quiet)),
                Poll::Pending => {}
            }
            if idle {
                wire.release_input();
                wire.timer.set_if_clear(Direction::Read, wire.limits.keep_alive_timeout);
                if wire.drain.ends_idle() && !in_grace {
                    // A request may have arrived that the runtime has not noticed yet. Yield to it
                    // once, then check again.
                    ready!(yielded.as_mut().poll(cx));
                    if !matches!(wire.stage, Stage::Fresh) {
                        return Poll::Ready(Err(ConnectionEnd::Close { linger: false }));
                    }
                    // A client that has just connected is about to send a request, and would not
                    // retry it on another connection.
                    in_grace = true;
                    wire.timer.set(Direction::Read, FIRST_REQUEST_GRACE);
                }
            } else if !begun {
                begun = true;
                wire.timer.set(Direction::Read, wire.limits.head_timeout);
            }
            return expire(cx, wire, idle).map(Err);
        }
    })
    .await
}

/// The state of a head that is not complete yet.
#[derive(Default)]
struct PartialHead {
    /// The length of the input when it was parsed last.
    parsed: usize,
    /// The empty lines that were skipped before it.
    empty_lines: usize,
}

fn take_head<I>(
    wire: &mut Wire<I>,
    limits: &HeadLimits,
    partial: &mut PartialHead,
    head: &mut Option<Head>,
) -> Result<bool, ConnectionEnd> {
    let parsed = std::mem::replace(&mut partial.parsed, wire.input.len());
    let worth = parsed == 0
        || partial.parsed >= limits.bytes
        || head::is_worth_parsing(&wire.input, parsed);
    if partial.parsed == parsed || !worth {
        return Ok(false);
    }
    head::skip_empty_lines(&mut wire.input, &mut partial.empty_lines)
        .map_err(|error| ConnectionEnd::Refused { error, head: false })?;
    let is_head = wire.input.starts_with(HEAD);
    let whole = head::parse(&mut wire.input, limits, recycle::lend_headers, head)
        .map_err(|error| ConnectionEnd::Refused { error, head: is_head })?;
    partial.parsed = wire.input.len();
    Ok(whole)
}

fn expire<I>(cx: &mut Context<'_>, wire: &mut Wire<I>, idle: bool) -> Poll<ConnectionEnd> {
    match ready!(wire.timer.poll(cx)) {
        Direction::Read if idle => Poll::Ready(ConnectionEnd::Close { linger: false }),
        Direction::Read => Poll::Ready(ConnectionEnd::Refused {
            error: RequestError::HeadTimeout,
            head: wire.input.starts_with(HEAD),
        }),
        Direction::Write => Poll::Ready(stalled()),
    }
}
