//! The graceful shutdown: connections are asked to end, waited for, and dropped when the time is
//! over.
//!
//! ```text
//!   Starting -> Running -> Leaving -> Draining -> Aborted -> Stopped
//! ```
//! - `Leaving` (only after a handover): another process has taken over. No connection is accepted,
//!   and every open connection ends with its next request. Idle connections may still send one.
//! - `Draining`: no connection is accepted, idle connections close, and busy ones finish their
//!   request.
//! - `Aborted`: the time is over, or a second signal arrived. All remaining connections are
//!   dropped.
//! - `Stopped`: every worker has drained, so the runtimes may end.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use slab::Slab;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

/// The phase of the whole server. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Starting,
    Running,
    Leaving,
    Draining,
    Aborted,
    Stopped,
}

/// How long a shutdown waits for the first bytes of a connection that was accepted before: the
/// request of a client that has just connected may still be on its way.
pub(crate) const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// Moves the server forward to a later phase. An earlier one changes nothing.
pub(crate) fn advance(phase: &watch::Sender<Phase>, to: Phase) {
    phase.send_if_modified(|now| {
        let forward = *now < to;
        if forward {
            *now = to;
        }
        forward
    });
}

/// Waits until the server has reached this phase or a later one.
pub(crate) async fn reached(phase: &mut watch::Receiver<Phase>, at: Phase) {
    // The sender lives as long as `serve`. If it is gone, the server has stopped.
    let _ = phase.wait_for(|now| *now >= at).await;
}

/// The open connections of one worker, and whether they are asked to end.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    /// One of the constants below; it only grows.
    state: AtomicU8,
    // A connection registers the waker of its task once, at its start, so that the shutdown costs
    // nothing per request.
    open: Mutex<Slab<Option<Waker>>>,
    begun: Notify,
    emptied: Notify,
}

/// The next request of each connection is its last.
const LAST_REQUEST: u8 = 1;
/// Idle connections end too.
const CLOSE_IDLE: u8 = 2;
/// All connections are dropped.
const ABORT: u8 = 3;

impl Drain {
    pub(crate) fn is_draining(&self) -> bool {
        self.state.load(Ordering::Relaxed) >= LAST_REQUEST
    }

    /// Whether a connection without a request ends now. It does not after a handover: its next
    /// request may be on its way, and the new process accepts all later connections.
    pub(crate) fn ends_idle(&self) -> bool {
        self.state.load(Ordering::Relaxed) >= CLOSE_IDLE
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.state.load(Ordering::Relaxed) >= ABORT
    }

    /// Notifies all waiters when the shutdown begins.
    pub(crate) fn begun(&self) -> &Notify {
        &self.begun
    }

    /// Resolves when the server begins to shut down.
    #[cfg(any(test, feature = "http3"))]
    pub(crate) fn draining(self: &Arc<Drain>) -> impl Future<Output = ()> + Send + use<> {
        let drain = Arc::clone(self);
        async move {
            let begun = drain.begun.notified();
            if !drain.is_draining() {
                begun.await;
            }
        }
    }

    /// Counts a new connection among the open ones. `permit` is its share of the connection limit.
    pub(crate) fn register(self: &Arc<Drain>, permit: OwnedSemaphorePermit) -> ConnectionGuard {
        let key = self.open().insert(None);
        ConnectionGuard { drain: Arc::clone(self), key, _permit: permit }
    }

    /// After a handover: ends every connection with its next request, for at most `idle_timeout`.
    /// A connection without a request in that time would have been closed anyway.
    pub(crate) async fn leave(&self, phase: &mut watch::Receiver<Phase>, idle_timeout: Duration) {
        if *phase.borrow() != Phase::Leaving {
            return;
        }
        self.enter(LAST_REQUEST);
        tokio::select! {
            () = self.emptied() => {}
            () = reached(phase, Phase::Draining) => {}
            () = tokio::time::sleep(idle_timeout) => {}
        }
    }

    /// Ends all connections: idle ones at once, busy ones after their request. Those that are left
    /// after `timeout`, or when the server is aborted, are dropped.
    pub(crate) async fn run(&self, phase: &mut watch::Receiver<Phase>, timeout: Duration) {
        self.enter(CLOSE_IDLE);
        let mut emptied = pin!(self.emptied());
        let mut aborted = pin!(reached(phase, Phase::Aborted));
        tokio::select! {
            () = &mut emptied => return,
            () = &mut aborted => {}
            () = tokio::time::sleep(timeout) => {}
        }
        let left = self.open().len();
        tracing::warn!(
            connections = left,
            "the shutdown timeout has elapsed; open connections are closed"
        );
        self.abort();
        // Connections end at their next poll. Upgraded connections belong to their handlers, which
        // end with the runtime.
        let _ = tokio::time::timeout(Duration::from_millis(100), emptied).await;
    }

    /// Drops all connections at their next poll.
    pub(crate) fn abort(&self) {
        self.enter(ABORT);
    }

    async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.open().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn enter(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
        // The lock orders the store before the registration of every later waker.
        let wakers: Vec<Waker> =
            self.open().iter().filter_map(|(_, waker)| waker.clone()).collect();
        for waker in wakers {
            waker.wake();
        }
        self.begun.notify_waiters();
    }

    fn open(&self) -> MutexGuard<'_, Slab<Option<Waker>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps one connection counted among the open ones, and holds its share of the connection limit,
/// until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionGuard {
    drain: Arc<Drain>,
    key: usize,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionGuard {
    pub(crate) fn drain(&self) -> Arc<Drain> {
        Arc::clone(&self.drain)
    }

    /// Runs `work` that a connection must do before its first request. Returns `None` when the
    /// server is aborted, or when it drains and `work` takes longer than [`FIRST_REQUEST_GRACE`].
    pub(crate) async fn wait_with_grace<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut working = pin!(work);
        let mut grace = None;
        poll_fn(|cx| {
            self.watch(cx);
            if self.drain.is_aborted() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(done) = working.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            if self.drain.ends_idle() {
                let grace =
                    grace.get_or_insert_with(|| Box::pin(tokio::time::sleep(FIRST_REQUEST_GRACE)));
                ready!(grace.as_mut().poll(cx));
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await
    }

    /// Registers the current task: it is woken when the drain begins and when it is aborted.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        if let Some(waker) = self.drain.open().get_mut(self.key) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Removes the registered waker, for a task that ends before this guard is dropped: the waker
    /// would keep the memory of the task.
    pub(crate) fn unwatch(&self) {
        if let Some(waker) = self.drain.open().get_mut(self.key) {
            *waker = None;
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut open = self.drain.open();
        let _ = open.try_remove(self.key);
        if open.is_empty() && self.drain.is_draining() {
            self.drain.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    async fn connection(drain: &Arc<Drain>) -> ConnectionGuard {
        drain.register(Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap())
    }

    #[test]
    fn a_phase_never_moves_back() {
        let (sender, receiver) = watch::channel(Phase::Starting);
        advance(&sender, Phase::Draining);
        advance(&sender, Phase::Running);
        assert_eq!(*receiver.borrow(), Phase::Draining);
    }

    #[tokio::test(start_paused = true)]
    async fn the_drain_ends_with_the_last_connection() {
        let (_sender, mut phase) = watch::channel(Phase::Draining);
        let drain = Arc::new(Drain::default());
        let open = connection(&drain).await;
        let start = tokio::time::Instant::now();
        let closing = tokio::spawn(async move {
            open.drain().draining().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(open);
        });
        drain.run(&mut phase, Duration::from_secs(30)).await;
        assert_eq!(start.elapsed().as_secs(), 3);
        assert!(!drain.is_aborted());
        closing.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_dropped_after_the_timeout() {
        let (_sender, mut phase) = watch::channel(Phase::Draining);
        let drain = Arc::new(Drain::default());
        let _open = connection(&drain).await;
        drain.run(&mut phase, Duration::from_secs(30)).await;
        assert!(drain.is_aborted());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_it_at_once() {
        let (sender, mut phase) = watch::channel(Phase::Draining);
        let drain = Arc::new(Drain::default());
        let _open = connection(&drain).await;
        advance(&sender, Phase::Aborted);
        let start = tokio::time::Instant::now();
        drain.run(&mut phase, Duration::from_secs(30)).await;
        assert!(drain.is_aborted() && start.elapsed().as_secs() == 0);
    }
}
