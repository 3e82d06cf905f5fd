//! The data that a process needs for a handover. It exists for as long as the process serves.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::error::HandoverError;
use super::notify;
use super::offer::{OfferedSocket, offer};
use super::program::program;
use crate::config::lifecycle::Lifecycle;
use crate::error::ServerError;
use crate::listen::bind::BoundListener;
use crate::listen::socket::Origin;
use crate::server::shutdown::Phase;

/// Whether this process can hand over, does so, or has done so.
///
/// The plan exists only while the server serves: a listening socket that stays open for longer than
/// a process accepts from it would keep clients waiting.
#[derive(Debug, Default)]
pub(crate) struct HandoverState {
    plan: Mutex<Option<HandoverPlan>>,
    restarting: AtomicBool,
    handed_over: AtomicBool,
}

/// The program to start, and the sockets that it receives.
#[derive(Debug, Clone)]
struct HandoverPlan {
    program: PathBuf,
    sockets: Arc<[OfferedSocket]>,
    timeout: Duration,
    /// Whether a listener speaks HTTP/3.
    quic: bool,
    /// Whether the service manager is notified.
    notifies: bool,
}

impl HandoverState {
    /// Called when the server begins to serve: from now on it can be handed over.
    pub(crate) fn prepare(
        &self,
        listeners: &[BoundListener],
        quic: bool,
        lifecycle: &Lifecycle,
    ) -> Result<(), ServerError> {
        let mut sockets = Vec::new();
        for (index, listener) in listeners.iter().enumerate() {
            for socket in &listener.sockets {
                let socket = OwnedFd::from(socket.try_clone().map_err(ServerError::Start)?);
                let from_manager = listener.origin == Origin::ServiceManager;
                let requested = listener.requested.to_string();
                sockets.push(OfferedSocket { index, from_manager, requested, socket });
            }
        }
        *self.plan() = Some(HandoverPlan {
            program: program().map_err(ServerError::Start)?,
            sockets: sockets.into(),
            timeout: lifecycle.handover_timeout,
            quic,
            notifies: lifecycle.signals,
        });
        Ok(())
    }

    /// Called when the shutdown of the server begins: it can no longer be handed over.
    pub(crate) fn end(&self) {
        let plan = self.plan().take();
        if plan.is_some_and(|plan| plan.notifies) {
            notify::notify("STOPPING=1");
        }
    }

    /// Whether a new process has taken over.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }

    /// Hands over to a new process. Afterwards the server is in [`Phase::Leaving`].
    pub(crate) async fn hand_over(
        self: &Arc<HandoverState>,
        phase: &watch::Sender<Phase>,
    ) -> Result<(), HandoverError> {
        let outcome = self.try_hand_over(phase).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "the restart failed; this process continues to serve");
        }
        outcome
    }

    async fn try_hand_over(
        self: &Arc<HandoverState>,
        phase: &watch::Sender<Phase>,
    ) -> Result<(), HandoverError> {
        let serves = *phase.borrow() == Phase::Running;
        let plan = self.plan().clone().filter(|_| serves).ok_or_else(|| {
            HandoverError::new("there is nothing to hand over: the server does not serve")
        })?;
        if std::process::id() == 1 {
            return Err(HandoverError::new(
                "this is process 1, whose end is the end of the container; start a new container instead",
            ));
        }
        if plan.quic {
            // Two processes that read one UDP port would receive packets of each other's
            // connections.
            return Err(HandoverError::new(
                "a listener speaks HTTP/3, whose UDP port cannot be handed over; stop the server and start it again",
            ));
        }
        let Some(guard) = RestartGuard::begin(self) else {
            return Err(HandoverError::new("another restart is in progress"));
        };
        let (sender, outcome) = oneshot::channel();
        let phase = phase.clone();
        std::thread::Builder::new()
            .name("trine-handover".to_owned())
            .spawn(move || {
                // The receiver is gone if the caller no longer waits.
                let _ = sender.send(guard.0.run(plan, &phase));
                drop(guard);
            })
            .map_err(HandoverError::io("a thread for the restart could not be started"))?;
        outcome.await.unwrap_or_else(|_| Err(HandoverError::new("the restart was interrupted")))
    }

    fn run(&self, plan: HandoverPlan, phase: &watch::Sender<Phase>) -> Result<(), HandoverError> {
        let HandoverPlan { program, sockets, timeout, notifies, .. } = plan;
        let notify = |state: &str| {
            if notifies {
                notify::notify(state);
            }
        };
        tracing::info!(program = %program.display(), "starting a new process that takes over");
        notify(&notify::reloading());
        let outcome = offer(&program, sockets, timeout, |new| {
            self.leave(phase, || {
                notify(&format!("MAINPID={new}\nREADY=1"));
                tracing::info!(
                    new,
                    "a new process has taken over; this one ends when its connections have ended"
                );
            })
        });
        if let Err(error) = &outcome {
            notify(&format!("READY=1\nSTATUS=the restart failed: {error}"));
        }
        outcome
    }

    /// Enters [`Phase::Leaving`], unless the shutdown of the server began in the meantime. Then
    /// nothing was handed over, and this process still has to remove its socket files.
    fn leave(&self, phase: &watch::Sender<Phase>, notify: impl FnOnce()) -> bool {
        phase.send_if_modified(|now| {
            let serves = *now == Phase::Running;
            if serves {
                // All of this happens before the new phase is visible, since this process may end
                // at any time after that.
                self.handed_over.store(true, Ordering::Release);
                self.plan().take();
                notify();
                *now = Phase::Leaving;
            }
            serves
        })
    }

    fn plan(&self) -> MutexGuard<'_, Option<HandoverPlan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ensures that there is one restart at a time.
struct RestartGuard(Arc<HandoverState>);

impl RestartGuard {
    fn begin(state: &Arc<HandoverState>) -> Option<RestartGuard> {
        let free = !state.restarting.swap(true, Ordering::AcqRel);
        free.then(|| RestartGuard(Arc::clone(state)))
    }
}

impl Drop for RestartGuard {
    fn drop(&mut self) {
        self.0.restarting.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // `handed_over` stayed true once, and the files of Unix sockets were left behind.
    #[test]
    fn a_handover_cannot_start_during_a_shutdown() {
        for (stands, leaves) in
            [(Phase::Running, true), (Phase::Draining, false), (Phase::Aborted, false)]
        {
            let state = HandoverState::default();
            let (phase, seen) = watch::channel(stands);
            let mut notified = false;
            assert_eq!(state.leave(&phase, || notified = true), leaves, "{stands:?}");
            assert_eq!((state.is_handed_over(), notified), (leaves, leaves), "{stands:?}");
            assert_eq!(*seen.borrow(), if leaves { Phase::Leaving } else { stands });
        }
    }
}
