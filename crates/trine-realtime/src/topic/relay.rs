//! One wake-up per thread: a publisher wakes one task on each thread, and that task wakes the
//! subscribers there.
//!
//! Waking a task of another thread costs a lock and a system call, so waking ten thousand
//! subscribers directly would hold up the publisher. Waking a task of the same thread only pushes
//! it to the run queue.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Handle, Id};

/// The relay of one thread. Its task lives as long as the runtime.
#[derive(Default)]
pub(super) struct Relay {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pending: Vec<Arc<dyn WakeAll>>,
    waker: Option<Waker>,
    /// The runtime has dropped the task, so wake-ups must be direct.
    runtime_gone: bool,
}

/// A group of waiting tasks.
pub(super) trait WakeAll: Send + Sync {
    fn wake_all(&self);
}

thread_local! {
    static CURRENT: RefCell<Option<(Id, Weak<Relay>)>> = const { RefCell::new(None) };
}

impl Relay {
    /// The relay of the current thread. `None` outside of a runtime: the publisher wakes
    /// subscribers there directly.
    pub(super) fn current() -> Option<Arc<Relay>> {
        let runtime = Handle::try_current().ok()?;
        CURRENT
            .try_with(|current| {
                let mut current = current.borrow_mut();
                let known = current
                    .as_ref()
                    .filter(|(id, _)| *id == runtime.id())
                    .and_then(|(_, relay)| relay.upgrade());
                known.unwrap_or_else(|| {
                    let relay = Arc::<Relay>::default();
                    *current = Some((runtime.id(), Arc::downgrade(&relay)));
                    let task = Task(Arc::clone(&relay));
                    runtime.spawn(async move { poll_fn(|cx| task.poll(cx)).await });
                    relay
                })
            })
            .ok()
    }

    /// Wakes the tasks of a group, in the relay's task.
    pub(super) fn wake(&self, group: Arc<dyn WakeAll>) {
        let mut state = self.state();
        if state.runtime_gone {
            drop(state);
            return group.wake_all();
        }
        state.pending.push(group);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of a relay. When the runtime drops it, it still wakes the pending groups.
struct Task(Arc<Relay>);

impl Task {
    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        loop {
            let mut state = self.0.state();
            if state.pending.is_empty() {
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let pending = std::mem::take(&mut state.pending);
            drop(state);
            pending.iter().for_each(|group| group.wake_all());
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.runtime_gone = true;
        let pending = std::mem::take(&mut state.pending);
        drop(state);
        pending.iter().for_each(|group| group.wake_all());
    }
}
