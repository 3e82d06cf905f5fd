//! Notices a peer that has reset its connection while the connection is not read.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::transport::io::Io;

/// Asks the socket once per second whether it was reset.
///
/// It is used after a FIN, or while the input buffer is full. The socket stays readable all that
/// time, so readiness says nothing about a reset. Clearing the readiness would lose the wake-up of
/// the next read. Only connections with a request in progress make this system call.
#[derive(Debug, Default)]
pub(crate) struct ResetWatch(Option<Pin<Box<Sleep>>>);

const PERIOD: Duration = Duration::from_secs(1);

impl ResetWatch {
    /// Ready once the socket was reset.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, io: &impl Io) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep(PERIOD)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            if io.is_reset() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(Instant::now() + PERIOD);
        }
    }
}
