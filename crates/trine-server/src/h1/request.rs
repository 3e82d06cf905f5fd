//! Reads the head of the next request.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use trine_core::recycle;

use crate::config::limits::HeadLimits;
use crate::error::RequestError;
use crate::h1::codec::head::{self, Head};
use crate::h1::end::{End, stalled};
use crate::h1::wire::{Gone, Stage, Wire};
use crate::server::shutdown::FIRST_REQUEST_GRACE;
use crate::transport::buffer;
use crate::transport::io::Io;
use crate::transport::timer::Direction;

/// How a request begins whose answer has no body, even where it is refused before it is understood.
const HEAD: &[u8] = b"HEAD ";

/// Waits for the next head, and writes what is gathered before it waits.
pub(crate) async fn read_head<I: Io>(
    wire: &mut Wire<I>,
    head: &mut Option<Head>,
) -> Result<(), End> {
    let limits = wire.limits.head;
    let gathered = wire.limits.max_gathered_bytes;
    let mut before = Before::default();
    let (mut begun, mut last_chance) = (false, false);
    let mut turn = pin!(tokio::task::yield_now());
    debug_assert!(
        wire.timer.is_clear(Direction::Read),
        "a deadline of the last request is still set"
    );
    poll_fn(|cx| {
        loop {
            // Answers that fill their buffer must leave before another is made.
            let blocked = wire.out.is_full(gathered);
            if !blocked && take_head(wire, &limits, &mut before, head)? {
                // Its time is over too: who waits now waits for a body, or is the service.
                wire.timer.clear(Direction::Read);
                return Poll::Ready(Ok(()));
            }
            let idle = wire.input.is_empty();
            match wire.poll_flush(cx) {
                Poll::Ready(Ok(())) if blocked => continue,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(End::Quiet)),
                Poll::Pending => return expire(cx, wire, idle).map(Err),
            }
            // A head that was cut off is nobody's request.
            if wire.eof {
                let goodbye = wire.io.says_goodbye();
                return Poll::Ready(Err(if goodbye {
                    End::Close { linger: false }
                } else {
                    End::Quiet
                }));
            }
            match wire.poll_fill(cx, buffer::SIZE) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(End::Quiet)),
                Poll::Pending => {}
            }
            if idle {
                wire.rest();
                wire.timer.set_if_clear(Direction::Read, wire.limits.keep_alive_timeout);
                if wire.drain.ends_idle() && !last_chance {
                    // A request may have arrived that the runtime has not seen yet: look once more
                    // after its turn.
                    ready!(turn.as_mut().poll(cx));
                    if !matches!(wire.stage, Stage::Fresh) {
                        return Poll::Ready(Err(End::Close { linger: false }));
                    }
                    // Who has just connected is about to ask, and does not take the end for a
                    // reason to ask again.
                    last_chance = true;
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

/// What was found before a head was whole.
#[derive(Default)]
struct Before {
    /// Bytes that are no whole head.
    parsed: usize,
    /// Empty lines that were thrown away.
    empty_lines: usize,
}

fn take_head<I>(
    wire: &mut Wire<I>,
    limits: &HeadLimits,
    before: &mut Before,
    head: &mut Option<Head>,
) -> Result<bool, End> {
    let parsed = std::mem::replace(&mut before.parsed, wire.input.len());
    let worth =
        parsed == 0 || before.parsed >= limits.bytes || head::is_worth_parsing(&wire.input, parsed);
    if before.parsed == parsed || !worth {
        return Ok(false);
    }
    head::skip_empty_lines(&mut wire.input, &mut before.empty_lines)
        .map_err(|error| End::Refused { error, head: false })?;
    let is_head = wire.input.starts_with(HEAD);
    let whole = head::parse(&mut wire.input, limits, recycle::lend_headers, head)
        .map_err(|error| End::Refused { error, head: is_head })?;
    before.parsed = wire.input.len();
    Ok(whole)
}

fn expire<I>(cx: &mut Context<'_>, wire: &mut Wire<I>, idle: bool) -> Poll<End> {
    match ready!(wire.timer.poll(cx)) {
        Direction::Read if idle => Poll::Ready(End::Close { linger: false }),
        Direction::Read => Poll::Ready(End::Refused {
            error: RequestError::HeadTimeout,
            head: wire.input.starts_with(HEAD),
        }),
        Direction::Write => Poll::Ready(stalled()),
    }
}
