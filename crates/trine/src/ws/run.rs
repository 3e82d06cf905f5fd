//! The task of a socket: the function that uses it, and the driver beneath it.

use std::any::Any;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use trine_server::upgrade::Upgraded;
use trine_websocket::{CloseCode, CloseFrame};

use super::driver::{Driver, Turn};
use super::shared::Shared;
use super::socket::Socket;

/// What the function of a socket may give back: nothing, or a `Result`. An error closes the socket with 1011 and is
/// logged; the client is not told what it says.
pub trait Outcome: sealed::Sealed {
    /// What went wrong.
    #[doc(hidden)]
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| format!("{error:#}"))
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
}

/// Serves one socket to its end.
pub(crate) async fn run<F, Fut>(stream: Upgraded, shared: Arc<Shared>, protocol: Option<Box<str>>, serve: F)
where
    F: FnOnce(Socket) -> Fut,
    Fut: Future<Output: Outcome>,
{
    let mut draining = pin!(Some(stream.draining()));
    let socket = Socket::new(&shared, protocol);
    // Dropped with the connection, which it counts as, even if the function goes on.
    let mut driver = Some(Driver::new(stream, shared));
    let mut main = pin!(Some(async { serve(socket).await.failure() }));
    poll_fn(|cx| {
        if let Some(begun) = draining.as_mut().as_pin_mut()
            && begun.poll(cx).is_ready()
        {
            draining.set(None);
            if let Some(driver) = &mut driver {
                driver.shut_down();
            }
        }
        if let Some(driver) = &driver {
            driver.unpark();
        }
        loop {
            if let Some(running) = main.as_mut().as_pin_mut() {
                // Whatever a panic leaves half-done is dropped below.
                let ended = match catch_unwind(AssertUnwindSafe(|| running.poll(cx))) {
                    Ok(Poll::Pending) => None,
                    Ok(Poll::Ready(failure)) => {
                        Some(failure.map(|failure| failed(&failure, driver.as_ref())))
                    }
                    Err(panic) => Some(Some(panicked(panic.as_ref()))),
                };
                if let Some(failure) = ended {
                    main.set(None);
                    if let Some(driver) = &mut driver {
                        driver.end(failure.unwrap_or_else(|| CloseCode::NORMAL.into()));
                    }
                }
            }
            match driver.as_mut().map(|driver| driver.poll(cx)) {
                Some(Poll::Ready(Turn::News)) => {}
                Some(Poll::Ready(Turn::Over)) => driver = None,
                Some(Poll::Pending) => return Poll::Pending,
                None if main.is_none() => return Poll::Ready(()),
                None => return Poll::Pending,
            }
        }
    })
    .await;
}

fn failed(failure: &str, driver: Option<&Driver>) -> CloseFrame {
    // A function that gives back that the connection is closed is in order.
    if driver.is_some_and(Driver::is_open) {
        tracing::error!(error = failure, "the function of a WebSocket failed; it is closed with 1011");
    } else {
        tracing::debug!(error = failure, "the function of a WebSocket ended behind it");
    }
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}

pub(super) fn panicked(panic: &(dyn Any + Send)) -> CloseFrame {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)");
    tracing::error!(panic = text, "the function of a WebSocket panicked; it is closed with 1011");
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}
