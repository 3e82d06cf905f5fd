//! Wakers for each stream and for the connection itself, so that a wake-up polls one stream and not
//! all of them.
//!
//! ```text
//!   the waker of stream 7 -------------> `ready` gets 7 --+
//!   the waker of h2 and the socket ----> `connection` ----+--> the task, if it sleeps
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The streams of a connection that are ready to be polled.
#[derive(Debug, Default)]
pub(super) struct WakeQueue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    ready: Vec<usize>,
    connection: bool,
    /// The waker of the task. It is needed only while the task sleeps, because a running task
    /// checks the queue before it returns.
    task: Option<Waker>,
    asleep: bool,
}

impl WakeQueue {
    /// Called when the task begins to run.
    pub(super) fn begin(&self) {
        self.lock().asleep = false;
    }

    /// Called when the task is about to return. Returns false if there is more to do.
    pub(super) fn end(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        if state.connection || !state.ready.is_empty() {
            return false;
        }
        match &mut state.task {
            Some(task) => task.clone_from(waker),
            None => state.task = Some(waker.clone()),
        }
        state.asleep = true;
        true
    }

    /// Moves the ready streams into `into`, which is empty. Returns whether the connection itself
    /// was woken.
    pub(super) fn take(&self, into: &mut Vec<usize>) -> bool {
        let mut state = self.lock();
        std::mem::swap(&mut state.ready, into);
        std::mem::take(&mut state.connection)
    }

    fn note(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        if !std::mem::take(&mut state.asleep) {
            return;
        }
        let task = state.task.clone();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of the connection itself.
impl Wake for WakeQueue {
    fn wake(self: Arc<WakeQueue>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<WakeQueue>) {
        self.note(|state| state.connection = true);
    }
}

/// The waker of a slot for streams. The next stream of the slot reuses it. A late wake-up then
/// polls another stream, which does no harm.
#[derive(Debug)]
pub(super) struct StreamWaker {
    key: usize,
    queued: AtomicBool,
    queue: Arc<WakeQueue>,
}

impl StreamWaker {
    pub(super) fn new(key: usize, queue: &Arc<WakeQueue>) -> Arc<StreamWaker> {
        Arc::new(StreamWaker { key, queued: AtomicBool::new(false), queue: Arc::clone(queue) })
    }

    /// Called before the stream is polled, so that later events wake it again.
    pub(super) fn clear(&self) {
        self.queued.store(false, Ordering::Release);
    }
}

impl Wake for StreamWaker {
    fn wake(self: Arc<StreamWaker>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<StreamWaker>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.queue.note(|state| state.ready.push(self.key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Count>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_is_woken_once_however_many_streams_are_ready() {
        let queue = Arc::new(WakeQueue::default());
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let marks = [StreamWaker::new(0, &queue), StreamWaker::new(1, &queue)];
        queue.begin();
        Waker::from(Arc::clone(&marks[0])).wake();
        assert!(!queue.end(&Waker::from(Arc::clone(&count))), "ready streams are polled first");
        let mut ready = Vec::new();
        assert!(!queue.take(&mut ready));
        assert_eq!(std::mem::take(&mut ready), [0]);
        marks[0].clear();
        assert!(queue.end(&Waker::from(Arc::clone(&count))));
        for mark in marks.iter().chain(&marks) {
            Waker::from(Arc::clone(mark)).wake();
        }
        Waker::from(Arc::clone(&queue)).wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(queue.take(&mut ready));
        assert_eq!(ready, [0, 1]);
    }
}
