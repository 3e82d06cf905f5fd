//! Keeps the rest of a connection moving while one part of it is pending.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use crate::h1::end::{ConnectionEnd, stalled};
use crate::h1::upload::Upload;
use crate::h1::wire::{PeerGone, Wire};
use crate::transport::io::Io;
use crate::transport::timer::Direction;

/// Runs `main`. While it is pending, everything else that the connection carries keeps moving.
///
/// An echo depends on this: its response waits for the body of its own request.
pub(crate) async fn drive<I: Io, T>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    mut main: impl FnMut(&mut Context<'_>, &mut Wire<I>) -> Poll<T>,
) -> Result<T, ConnectionEnd> {
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = main(cx, wire) {
                return Poll::Ready(Ok(done));
            }
            if let Poll::Ready(Err(PeerGone)) = wire.poll_flush(cx) {
                return Poll::Ready(Err(ConnectionEnd::Quiet));
            }
            match upload.poll_move(cx, wire) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(PeerGone)) => return Poll::Ready(Err(ConnectionEnd::Quiet)),
                Poll::Pending => {}
            }
            match ready!(wire.timer.poll(cx)) {
                Direction::Read => upload.time_out(),
                Direction::Write => return Poll::Ready(Err(stalled())),
            }
        }
    })
    .await
}
