//! The graceful end: who is told, who is waited for, and when patience ends.
//!
//! ```text
//!   Starting -> Running -> Leaving -> Draining -> Aborted -> Over
//! ```
//! `Leaving`: another process has taken over (or, mostly, this is skipped): nothing new is
//! accepted, every connection ends with its next request, and idle ones may wait for it.
//! `Draining`: nothing new is accepted, idle connections close, busy ones finish their request.
//! `Aborted`: the time is over, or a second signal came; what is left is dropped. `Over`: every
//! worker has drained, so runtimes may end.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use slab::Slab;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

/// Where the whole server stands. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Starting,
    Running,
    Leaving,
    Draining,
    Aborted,
    Over,
}

/// How long a shutdown waits for the first word of a connection that it has accepted already: who
/// has just connected may have sent a request that is still on its way.
pub(crate) const LAST_CHANCE: Duration = Duration::from_secs(1);

/// Moves the server forward, never back.
pub(crate) fn advance(phase: &watch::Sender<Phase>, to: Phase) {
    phase.send_if_modified(|now| {
        let forward = *now < to;
        if forward {
            *now = to;
        }
        forward
    });
}

/// Waits until the server stands at `at` or later.
pub(crate) async fn reached(phase: &mut watch::Receiver<Phase>, at: Phase) {
    // The sender lives as long as `serve`; if it is gone, everything is over.
    let _ = phase.wait_for(|now| *now >= at).await;
}

/// The open connections of one worker, and whether they are asked to end.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    /// 0: serve; 1: the next request of a connection is its last; 2: idle connections end too; 3:
    /// drop everything.
    state: AtomicU8,
    // A connection registers its task's waker once, at its start: requests pay nothing for a
    // shutdown.
    open: Mutex<Slab<Option<Waker>>>,
    begun: Notify,
    emptied: Notify,
}

impl Drain {
    pub(crate) fn is_draining(&self) -> bool {
        self.state.load(Ordering::Relaxed) >= 1
    }

    /// Whether a connection without a request ends now. In a handover it does not: a request may be
    /// on its way, and there is somebody else for whoever comes later.
    pub(crate) fn ends_idle(&self) -> bool {
        self.state.load(Ordering::Relaxed) >= 2
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.state.load(Ordering::Relaxed) >= 3
    }

    /// Notifies all waiters when the shutdown begins.
    pub(crate) fn begun(&self) -> &Notify {
        &self.begun
    }

    /// Ends when the server begins to shut down.
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

    /// Counts a connection in.
    pub(crate) fn enter(self: &Arc<Drain>, permit: OwnedSemaphorePermit) -> Place {
        let key = self.open().insert(None);
        Place { drain: Arc::clone(self), key, _permit: permit }
    }

    /// After a handover: ends every connection with its next request. Whoever has none within
    /// `idle` would have been let go without it too.
    pub(crate) async fn leave(&self, phase: &mut watch::Receiver<Phase>, idle: Duration) {
        if *phase.borrow() != Phase::Leaving {
            return;
        }
        self.tell(1);
        tokio::select! {
            () = self.emptied() => {}
            () = reached(phase, Phase::Draining) => {}
            () = tokio::time::sleep(idle) => {}
        }
    }

    /// Ends all connections: asks first, and drops what is left after `patience` or when the server
    /// is aborted.
    pub(crate) async fn run(&self, phase: &mut watch::Receiver<Phase>, patience: Duration) {
        self.tell(2);
        let mut emptied = pin!(self.emptied());
        let mut aborted = pin!(reached(phase, Phase::Aborted));
        tokio::select! {
            () = &mut emptied => return,
            () = &mut aborted => {}
            () = tokio::time::sleep(patience) => {}
        }
        let left = self.open().len();
        tracing::warn!(
            connections = left,
            "the time for shutting down is over; open connections are cut"
        );
        self.cut();
        // Connections end at their next poll. Upgraded ones belong to their handlers, which end
        // with the runtime.
        let _ = tokio::time::timeout(Duration::from_millis(100), emptied).await;
    }

    /// Drops all connections at their next poll.
    pub(crate) fn cut(&self) {
        self.tell(3);
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

    fn tell(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
        // The lock orders the store before every waker that is registered after it.
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

/// One connection's place among the open ones: it is counted, and its share of the connection limit
/// is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    drain: Arc<Drain>,
    key: usize,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    pub(crate) fn drain(&self) -> Arc<Drain> {
        Arc::clone(&self.drain)
    }

    /// Runs what a connection waits for before its first request. `None` once the server is
    /// aborted, and where it drains and that does not come within [`LAST_CHANCE`].
    pub(crate) async fn last_chance<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut working = pin!(work);
        let mut patience = None;
        poll_fn(|cx| {
            self.watch(cx);
            if self.drain.is_aborted() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(done) = working.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            if self.drain.ends_idle() {
                let patience =
                    patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_CHANCE)));
                ready!(patience.as_mut().poll(cx));
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await
    }

    /// Has the current task woken when the drain begins and when it ends.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        if let Some(waker) = self.drain.open().get_mut(self.key) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Forgets the task that watched: it ends before this place does, and its waker would keep its
    /// memory.
    pub(crate) fn unwatch(&self) {
        if let Some(waker) = self.drain.open().get_mut(self.key) {
            *waker = None;
        }
    }
}

impl Drop for Place {
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

    async fn place(drain: &Arc<Drain>) -> Place {
        drain.enter(Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap())
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
        let open = place(&drain).await;
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
    async fn patience_ends() {
        let (_sender, mut phase) = watch::channel(Phase::Draining);
        let drain = Arc::new(Drain::default());
        let _open = place(&drain).await;
        drain.run(&mut phase, Duration::from_secs(30)).await;
        assert!(drain.is_aborted());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_it_at_once() {
        let (sender, mut phase) = watch::channel(Phase::Draining);
        let drain = Arc::new(Drain::default());
        let _open = place(&drain).await;
        advance(&sender, Phase::Aborted);
        let start = tokio::time::Instant::now();
        drain.run(&mut phase, Duration::from_secs(30)).await;
        assert!(drain.is_aborted() && start.elapsed().as_secs() == 0);
    }
}
