//! Whether the server is shutting down, for work that does not end by itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::extract::Head;
use crate::{Cx, FromRequest, Problem, Rejection};

/// Notifies a handler when the server begins to shut down.
///
/// Streams, long polls and other responses that do not end by themselves wait for it, so that they
/// end within the server's `shutdown_timeout` instead of being cut off. Trine's server-sent events
/// and WebSockets do this on their own. All clones report the same shutdown.
///
/// ```
/// use http::StatusCode;
/// use trine_core::{Problem, Shutdown};
///
/// /// A handler that waits for news, but not longer than the server runs.
/// async fn news(shutdown: Shutdown) -> Result<&'static str, Problem> {
///     tokio::select! {
///         news = next_news() => Ok(news),
///         () = shutdown.begun() => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE)),
///     }
/// }
///
/// async fn next_news() -> &'static str {
///     std::future::pending().await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let shutdown = Shutdown::default();
/// let waiting = tokio::spawn(news(shutdown.clone()));
/// shutdown.begin();
/// assert_eq!(waiting.await.unwrap().unwrap_err().status(), 503);
/// # }
/// ```
///
/// # Errors
/// As an extractor it fails with 500 if no application serves the request.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: AtomicBool,
    waiting: Mutex<Slab<Waker>>,
}

impl Shutdown {
    /// The shutdown of the application that serves this request. `None` outside of an application.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::{Body, Cx, Request, RouteCx, Shutdown, route::AppCx};
    /// let mut app = AppCx::default();
    /// app.states.insert(Arc::new(Shutdown::default()));
    /// let cx = Cx::new(Request::new(Body::empty()), RouteCx::new(Arc::new(app), None));
    /// assert!(!Shutdown::of(&cx).unwrap().is_begun());
    /// ```
    #[must_use]
    pub fn of(cx: &Cx) -> Option<Shutdown> {
        cx.matched().app().states.get::<Shutdown>().map(|shutdown| (*shutdown).clone())
    }

    /// A future that ends when the server begins to shut down. It borrows nothing, so a struct can
    /// hold it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shutdown = trine_core::Shutdown::default();
    /// let begun = shutdown.begun();
    /// # shutdown.begin();
    /// // Once the server shuts down:
    /// begun.await;
    /// assert!(shutdown.is_begun());
    /// # }
    /// ```
    #[must_use = "a future does nothing unless it is polled"]
    pub fn begun(&self) -> ShutdownBegun {
        ShutdownBegun { shutdown: self.clone(), registered: None }
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.begun.load(Ordering::Acquire)
    }

    /// Begins the shutdown for everything that waits for this handle or a clone of it. It is for
    /// the application that makes the handle: it does not stop the server, and cannot be undone.
    #[doc(hidden)]
    pub fn begin(&self) {
        self.0.begun.store(true, Ordering::Release);
        // The lock orders the store before every waker that is registered later.
        let wakers = std::mem::take(&mut *self.wakers());
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    fn wakers(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromRequest for Shutdown {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Shutdown::of(cx)
            .ok_or_else(|| Problem::internal("`Shutdown`: no `App` serves this request").into())
    }
}

/// Ends when the server begins to shut down; [`Shutdown::begun`] makes it.
///
/// Polling it again with the same waker takes no lock.
#[derive(Debug)]
pub struct ShutdownBegun {
    shutdown: Shutdown,
    /// The key of the registered waker, and a copy of it for comparison with later ones.
    registered: Option<(usize, Waker)>,
}

impl ShutdownBegun {
    fn deregister(&mut self) {
        if let Some((key, _)) = self.registered.take() {
            let removed = self.shutdown.wakers().try_remove(key);
            // Dropping the waker may drop its task, so the lock must be free.
            drop(removed);
        }
    }
}

impl Future for ShutdownBegun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shutdown.is_begun() {
            return Poll::Ready(());
        }
        if self.registered.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.deregister();
        let this = &mut *self;
        let waker = cx.waker().clone();
        let mut wakers = this.shutdown.wakers();
        if this.shutdown.is_begun() {
            return Poll::Ready(());
        }
        this.registered = Some((wakers.insert(waker.clone()), waker));
        Poll::Pending
    }
}

impl Drop for ShutdownBegun {
    fn drop(&mut self) {
        self.deregister();
    }
}
