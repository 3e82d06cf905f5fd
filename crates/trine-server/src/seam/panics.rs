//! Catches panics of services. A connection has one panic guard for everything that it does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use trine_core::panic_text;

/// The service panicked. The panic was logged.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs code of a service, and catches its panic.
///
/// `AssertUnwindSafe` is right here: whatever the code left in an inconsistent state is dropped and
/// never used again.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(run)).map_err(report)
}

/// Polls a future that runs foreign code. A future that panicked must not be polled again.
#[inline]
pub(crate) fn poll_caught<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panicked>> {
    match caught(|| future.poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    }
}

// The payload is dropped here. A payload that panics while it is dropped would end the worker, so
// that panic is caught too.
#[cold]
fn report(payload: Box<dyn Any + Send>) -> Panicked {
    let text = panic_text(&*payload);
    tracing::error!(panic = text, "a service panicked; its connection ends");
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    Panicked
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }

    #[test]
    fn even_a_payload_that_panics_is_caught() {
        assert!(caught(|| 1).is_ok());
        assert!(caught(|| panic!("once")).is_err());
        assert!(caught(|| std::panic::panic_any(Bomb)).is_err());
    }
}
