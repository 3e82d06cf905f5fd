//! One wake-up a thread: who publishes wakes one task there, and that one wakes the subscribers.
//!
//! To wake a task of another thread costs a lock and a system call, and ten thousand subscribers
//! would cost as many on the way of whoever publishes. A task of the same thread is only pushed on
//! its queue.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Handle, Id};

/// The relay of one thread. It lives as long as its runtime.
#[derive(Default)]
pub(super) struct Relay {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    due: Vec<Arc<dyn Sleepers>>,
    waker: Option<Waker>,
    /// Its runtime is gone, and nobody would relay.
    over: bool,
}

/// Tasks that wait for something.
pub(super) trait Sleepers: Send + Sync {
    fn wake_all(&self);
}

thread_local! {
    static HERE: RefCell<Option<(Id, Weak<Relay>)>> = const { RefCell::new(None) };
}

impl Relay {
    /// The relay of this thread. `None` outside of a runtime: who waits there is woken by whoever
    /// publishes.
    pub(super) fn here() -> Option<Arc<Relay>> {
        let runtime = Handle::try_current().ok()?;
        HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            let known = here
                .as_ref()
                .filter(|(id, _)| *id == runtime.id())
                .and_then(|(_, relay)| relay.upgrade());
            known.unwrap_or_else(|| {
                let relay = Arc::<Relay>::default();
                *here = Some((runtime.id(), Arc::downgrade(&relay)));
                let task = Task(Arc::clone(&relay));
                runtime.spawn(async move { poll_fn(|cx| task.poll(cx)).await });
                relay
            })
        })
        .ok()
    }

    /// Has `sleepers` woken soon.
    pub(super) fn wake(&self, sleepers: Arc<dyn Sleepers>) {
        let mut state = self.state();
        if state.over {
            drop(state);
            return sleepers.wake_all();
        }
        state.due.push(sleepers);
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

/// The task of a relay. When its runtime drops it, what is due is still woken.
struct Task(Arc<Relay>);

impl Task {
    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        loop {
            let mut state = self.0.state();
            if state.due.is_empty() {
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let due = std::mem::take(&mut state.due);
            drop(state);
            due.iter().for_each(|sleepers| sleepers.wake_all());
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.over = true;
        let due = std::mem::take(&mut state.due);
        drop(state);
        due.iter().for_each(|sleepers| sleepers.wake_all());
    }
}
