//! Who wants to go on: each stream, and the connection itself, has a waker of its own, so that a
//! wake-up costs one stream a poll and not all of them.
//!
//! ```text
//!   a waker of stream 7 --> 7 into `ready`  --+
//!   h2's waker, the socket's --> `connection` --+--> the task, if it sleeps
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// What one connection has to do.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    ready: Vec<usize>,
    connection: bool,
    /// Whom to wake, and whether he sleeps: a task that is at work looks here by itself before it
    /// ends its turn.
    task: Option<Waker>,
    asleep: bool,
}

impl Queue {
    /// The task is at work.
    pub(super) fn begin(&self) {
        self.lock().asleep = false;
    }

    /// The task's turn ends. `false` when there is more to do.
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

    /// Moves the ready streams into `into`, which is empty. Whether the connection is to be looked
    /// at too.
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

/// As a waker it is the connection's.
impl Wake for Queue {
    fn wake(self: Arc<Queue>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Queue>) {
        self.note(|state| state.connection = true);
    }
}

/// The waker of the stream in one place. It goes on to the next stream in that place; one that
/// comes late wakes a stranger, which costs a poll and harms nothing.
#[derive(Debug)]
pub(super) struct Mark {
    key: usize,
    queued: AtomicBool,
    queue: Arc<Queue>,
}

impl Mark {
    pub(super) fn new(key: usize, queue: &Arc<Queue>) -> Arc<Mark> {
        Arc::new(Mark { key, queued: AtomicBool::new(false), queue: Arc::clone(queue) })
    }

    /// The stream is looked at: what happens from now on wakes it again.
    pub(super) fn clear(&self) {
        self.queued.store(false, Ordering::Release);
    }
}

impl Wake for Mark {
    fn wake(self: Arc<Mark>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Mark>) {
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
        let queue = Arc::new(Queue::default());
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let marks = [Mark::new(0, &queue), Mark::new(1, &queue)];
        queue.begin();
        Waker::from(Arc::clone(&marks[0])).wake();
        assert!(!queue.end(&Waker::from(Arc::clone(&count))), "what is ready is done first");
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
