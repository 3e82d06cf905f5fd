//! Whether the server ends, for answers that would not.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Problem, Rejection};

/// Whether the server shuts down: for streams, long polls and other protocols, which have no end of
/// their own.
///
/// ```
/// use trine::Shutdown;
/// use trine::prelude::*;
///
/// /// Waits for news, but not longer than the server lives.
/// #[get("/news")]
/// async fn news(shutdown: Shutdown) -> Result<&'static str, Problem> {
///     tokio::select! {
///         news = next_news() => Ok(news),
///         () = shutdown.begun() => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE)),
///     }
/// }
///
/// async fn next_news() -> &'static str {
///     "none"
/// }
/// ```
///
/// From its beginning on, [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout) is
/// left. [`Sse`](crate::realtime::sse::Sse) ends by itself. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: AtomicBool,
    waiting: Mutex<Slab<Waker>>,
}

impl Shutdown {
    /// Ends when the server begins to shut down. It does not borrow, so that it can be kept in a
    /// struct.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        let mut waiting = self.waiting();
        poll_fn(move |cx| waiting.poll(cx))
    }

    /// Whether it has begun.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.begun.load(Ordering::Acquire)
    }

    pub(crate) fn waiting(&self) -> Waiting {
        Waiting { shutdown: self.clone(), place: None }
    }

    pub(crate) fn begin(&self) {
        self.0.begun.store(true, Ordering::Release);
        // The lock orders the store before every waker that comes after it.
        let wakers = std::mem::take(&mut *self.wakers());
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    fn wakers(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a shutdown. To be polled again costs no lock.
#[derive(Debug)]
pub(crate) struct Waiting {
    shutdown: Shutdown,
    place: Option<(usize, Waker)>,
}

impl Waiting {
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.shutdown.is_begun() {
            return Poll::Ready(());
        }
        if self.place.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.leave();
        let waker = cx.waker().clone();
        let mut wakers = self.shutdown.wakers();
        if self.shutdown.is_begun() {
            return Poll::Ready(());
        }
        self.place = Some((wakers.insert(waker.clone()), waker));
        Poll::Pending
    }

    fn leave(&mut self) {
        if let Some((place, _)) = self.place.take() {
            let left = self.shutdown.wakers().try_remove(place);
            // Its task may go with it.
            drop(left);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}

impl FromRequest for Shutdown {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Shutdown::of(cx).ok_or_else(|| {
            Problem::internal("`Shutdown`: this request is served by no `App`").into()
        })
    }
}

impl Shutdown {
    pub(crate) fn of(cx: &Cx) -> Option<Shutdown> {
        cx.matched().app().states.get::<Shutdown>().map(|shutdown| (*shutdown).clone())
    }
}
