//! The task of a socket: the function that uses it, and the driver beneath it.

use std::any::Any;
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use trine_server::upgrade::Upgraded;
use trine_websocket::{CloseCode, CloseFrame};

use super::driver::{Driver, Turn};
use super::shared::Shared;
use super::socket::Socket;

/// What the function of a socket may give back: nothing, or a `Result`. An error closes the socket
/// with 1011 and is logged; the client is not told what it says.
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
pub(crate) fn run<F, Fut>(
    stream: Upgraded,
    shared: &Arc<Shared>,
    serve: F,
) -> impl Future<Output = ()> + use<F, Fut>
where
    F: FnOnce(Socket) -> Fut,
    Fut: Future<Output: Outcome>,
{
    let socket = Socket::new(shared);
    Running {
        draining: Some(stream.draining()),
        main: Some(async { serve(socket).await.failure() }),
        driver: Some(Driver::new(stream, Arc::clone(shared))),
    }
}

pin_project! {
    // By hand: an async block would hold twice what it is made of, for each idle connection.
    struct Running<M, D> {
        // `None` once the server shuts down.
        #[pin]
        draining: Option<D>,
        // The function, while it runs.
        #[pin]
        main: Option<M>,
        // Dropped with the connection, which it counts as, even if the function goes on.
        driver: Option<Driver>,
    }
}

impl<M, D> Future for Running<M, D>
where
    M: Future<Output = Option<String>>,
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
            if let Some(running) = this.main.as_mut().as_pin_mut() {
                // Whatever a panic leaves half-done is dropped below.
                let ended = match catch_unwind(AssertUnwindSafe(|| running.poll(cx))) {
                    Ok(Poll::Pending) => None,
                    Ok(Poll::Ready(None)) => Some(CloseCode::NORMAL.into()),
                    Ok(Poll::Ready(Some(failure))) => Some(failed(&failure, this.driver.as_ref())),
                    Err(panic) => Some(panicked(panic.as_ref())),
                };
                if let Some(frame) = ended {
                    this.main.set(None);
                    if let Some(driver) = this.driver {
                        driver.end(frame);
                    }
                }
            }
            match this.driver.as_mut().map(|driver| driver.poll(cx)) {
                Some(Poll::Ready(Turn::News)) => {}
                Some(Poll::Ready(Turn::Over)) => *this.driver = None,
                Some(Poll::Pending) => return Poll::Pending,
                None if this.main.is_none() => return Poll::Ready(()),
                None => return Poll::Pending,
            }
        }
    }
}

fn failed(failure: &str, driver: Option<&Driver>) -> CloseFrame {
    // A function that gives back that the connection is closed is in order.
    if driver.is_some_and(Driver::is_open) {
        tracing::error!(
            error = failure,
            "the function of a WebSocket failed; it is closed with 1011"
        );
    } else {
        tracing::debug!(error = failure, "the function of a WebSocket ended behind it");
    }
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}

pub(super) fn panicked(panic: &(dyn Any + Send)) -> CloseFrame {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    tracing::error!(panic = text, "the function of a WebSocket panicked; it is closed with 1011");
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}
