//! How handlers and tasks observe a shutdown.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use trine_core::extract::Parts;
use trine_core::{Cx, FromRequest, Problem, Rejection};

/// The shutdown of the server, for responses that would not end by themselves: streams, long polls
/// and other protocols.
///
/// ```
/// use trine::Shutdown;
/// use trine::prelude::*;
///
/// /// Waits for news, but not beyond the shutdown of the server.
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
/// When a shutdown begins, [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout) is
/// left to finish. [`Sse`](crate::realtime::sse::Sse) ends by itself. Clones observe the same
/// shutdown.
///
/// # Errors
/// As an extractor, it refuses a request that no [`App`](crate::App) serves, with 500.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: AtomicBool,
    waiting: Mutex<Slab<Waker>>,
}

impl Shutdown {
    /// Completes when the server begins to shut down. The future borrows nothing, so it can be kept
    /// in a struct.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        let mut waiting = self.waiting();
        poll_fn(move |cx| waiting.poll(cx))
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.0.begun.load(Ordering::Acquire)
    }

    pub(crate) fn waiting(&self) -> Waiting {
        Waiting { shutdown: self.clone(), registered: None }
    }

    pub(crate) fn begin(&self) {
        self.0.begun.store(true, Ordering::Release);
        // The lock orders the store before the registration of every later waker.
        let wakers = std::mem::take(&mut *self.wakers());
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    fn wakers(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that waits for a shutdown. Polling it again with the same waker takes no lock.
#[derive(Debug)]
pub(crate) struct Waiting {
    shutdown: Shutdown,
    registered: Option<(usize, Waker)>,
}

impl Waiting {
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.shutdown.is_begun() {
            return Poll::Ready(());
        }
        if self.registered.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.unregister();
        let waker = cx.waker().clone();
        let mut wakers = self.shutdown.wakers();
        if self.shutdown.is_begun() {
            return Poll::Ready(());
        }
        self.registered = Some((wakers.insert(waker.clone()), waker));
        Poll::Pending
    }

    fn unregister(&mut self) {
        if let Some((key, _)) = self.registered.take() {
            let waker = self.shutdown.wakers().try_remove(key);
            // Outside of the lock: dropping the waker may drop its task.
            drop(waker);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.unregister();
    }
}

impl FromRequest for Shutdown {
    type Reads = Parts;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Shutdown::of(cx).ok_or_else(|| {
            Problem::internal("`Shutdown`: this request is not served by an `App`").into()
        })
    }
}

impl Shutdown {
    pub(crate) fn of(cx: &Cx) -> Option<Shutdown> {
        cx.matched().app().states.get::<Shutdown>().map(|shutdown| (*shutdown).clone())
    }
}
