//! How a connection notices that its peer is gone, while nobody reads.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::transport::io::Io;

/// Looks for a reset now and then, while nothing is read: behind a FIN, or while enough waits to be
/// understood.
///
/// The socket is readable all that time, so that its readiness cannot be waited for; and taking
/// that readiness away would lose the wake-up of the next read. It is one call to the system a
/// second, and only of connections that have a request in hand.
#[derive(Debug, Default)]
pub(crate) struct Look(Option<Pin<Box<Sleep>>>);

const PERIOD: Duration = Duration::from_secs(1);

impl Look {
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
