//! The task of a socket: it polls the function that uses the socket, and the driver.

use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use trine_core::upgrade::Upgraded;
use trine_websocket::{CloseCode, CloseFrame};

use super::closed::close_frame_of_panic;
use super::driver::{Driver, DriverEvent};
use super::socket::Socket;
use super::state::SharedSocket;

/// The result of the function of a socket: `()` or a `Result`.
///
/// An error closes the socket with 1011 and is logged. Its text is not sent to the client.
pub trait Outcome: sealed::Sealed {
    /// The text of the error.
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

/// Runs one socket until it ends.
pub(super) fn run<F, Fut>(
    stream: Upgraded,
    shared: &Arc<SharedSocket>,
    serve: F,
) -> impl Future<Output = ()> + use<F, Fut>
where
    F: FnOnce(Socket) -> Fut,
    Fut: Future<Output: Outcome>,
{
    let socket = Socket::new(shared);
    SocketTask {
        draining: Some(stream.draining()),
        function: Some(async { serve(socket).await.failure() }),
        driver: Some(Driver::new(stream, Arc::clone(shared))),
    }
}

pin_project! {
    // Not an async block, which would store its captured values twice in each idle connection.
    struct SocketTask<F, D> {
        // `None` once the server is shutting down.
        #[pin]
        draining: Option<D>,
        // `None` once it has ended.
        #[pin]
        function: Option<F>,
        // Dropped when the connection ends, even if the function still runs: the server counts it
        // as an open connection.
        driver: Option<Driver>,
    }
}

impl<F, D> Future for SocketTask<F, D>
where
    F: Future<Output = Option<String>>,
    D: Future<Output = ()>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Some(begun) = this.draining.as_mut().as_pin_mut()
            && begun.poll(cx).is_ready()
        {
            this.draining.set(None);
            if let Some(driver) = this.driver {
                driver.shut_down();
            }
        }
        if let Some(driver) = this.driver {
            driver.unpark();
        }
        loop {
            if let Some(function) = this.function.as_mut().as_pin_mut() {
                // After a panic the function is dropped below, so no broken state is used.
                let close_frame = match catch_unwind(AssertUnwindSafe(|| function.poll(cx))) {
                    Ok(Poll::Pending) => None,
                    Ok(Poll::Ready(None)) => Some(CloseCode::NORMAL.into()),
                    Ok(Poll::Ready(Some(failure))) => Some(failed(&failure, this.driver.as_ref())),
                    Err(panic) => Some(close_frame_of_panic(panic.as_ref())),
                };
                if let Some(frame) = close_frame {
                    this.function.set(None);
                    if let Some(driver) = this.driver {
                        driver.on_function_end(frame);
                    }
                }
            }
            match this.driver.as_mut().map(|driver| driver.poll(cx)) {
                Some(Poll::Ready(DriverEvent::Progress)) => {}
                Some(Poll::Ready(DriverEvent::Ended)) => *this.driver = None,
                Some(Poll::Pending) => return Poll::Pending,
                None if this.function.is_none() => return Poll::Ready(()),
                None => return Poll::Pending,
            }
        }
    }
}

fn failed(failure: &str, driver: Option<&Driver>) -> CloseFrame {
    // After the connection is closed, it is normal that the function fails with `Closed`.
    if driver.is_some_and(Driver::is_open) {
        tracing::error!(
            error = failure,
            "the function of a WebSocket failed; it is closed with 1011"
        );
    } else {
        tracing::debug!(
            error = failure,
            "the function of a WebSocket failed after the connection was closed"
        );
    }
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}
