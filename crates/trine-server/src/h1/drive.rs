//! Keeps everything moving that a connection carries, while one part of it is waited for.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use crate::h1::end::{End, stalled};
use crate::h1::upload::Upload;
use crate::h1::wire::{Gone, Wire};
use crate::transport::io::Io;
use crate::transport::timer::Direction;

/// Runs `main`; while it is pending, moves everything else that the connection carries.
///
/// An echo lives from this: its answer waits for the body of its own request.
pub(crate) async fn drive<I: Io, T>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    mut main: impl FnMut(&mut Context<'_>, &mut Wire<I>) -> Poll<T>,
) -> Result<T, End> {
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = main(cx, wire) {
                return Poll::Ready(Ok(done));
            }
            if let Poll::Ready(Err(Gone)) = wire.poll_flush(cx) {
                return Poll::Ready(Err(End::Quiet));
            }
            match upload.poll_move(cx, wire) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(End::Quiet)),
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
