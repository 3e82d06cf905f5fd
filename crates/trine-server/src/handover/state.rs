//! What a serving process can hand over, for as long as it serves.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::error::HandoverError;
use super::offer::{Kept, give};
use super::notify;
use super::program::program;
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::listen::{Opened, Origin};
use crate::server::ServerHandle;
use crate::server::shutdown::Phase;

/// The listening sockets of a server that serves, and how it is started again. There is nothing
/// before it serves, nor when it has begun to end: a socket that is kept open for longer than
/// somebody accepts would let clients wait for nothing.
#[derive(Debug, Default)]
pub(crate) struct Estate {
    means: Mutex<Option<Means>>,
    busy: AtomicBool,
    handed_over: AtomicBool,
}

#[derive(Debug, Clone)]
struct Means {
    program: PathBuf,
    sockets: Arc<[Kept]>,
    patience: Duration,
    /// Whether a listener speaks HTTP/3.
    quic: bool,
    /// Whether a service manager is told.
    supervised: bool,
}

impl Estate {
    /// The server begins to serve.
    pub(crate) fn keep(&self, opened: &[Opened], config: &ServerConfig) -> Result<(), ServerError> {
        let places = config.places();
        let mut sockets = Vec::new();
        for (index, (listen, opened)) in places.iter().zip(opened).enumerate() {
            for socket in &opened.sockets {
                let socket = OwnedFd::from(socket.try_clone().map_err(ServerError::Start)?);
                let lent = opened.origin == Origin::Manager;
                sockets.push(Kept { index, lent, asked: listen.address.to_string(), socket });
            }
        }
        let means = Means {
            program: program().map_err(ServerError::Start)?,
            sockets: sockets.into(),
            patience: config.handover_timeout,
            #[cfg(feature = "http3")]
            quic: places.iter().any(|listen| listen.http3),
            #[cfg(not(feature = "http3"))]
            quic: false,
            supervised: config.signals,
        };
        *self.means() = Some(means);
        Ok(())
    }

    /// The server begins to end, and hands nothing over.
    pub(crate) fn end(&self) {
        let means = self.means().take();
        if means.is_some_and(|means| means.supervised) {
            notify::tell("STOPPING=1");
        }
    }

    /// Whether everything is another process's.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }

    /// Hands over to a new process. When it has, the server leaves.
    pub(crate) async fn hand_over(
        self: &Arc<Estate>,
        phase: &watch::Sender<Phase>,
    ) -> Result<(), HandoverError> {
        let outcome = self.try_to(phase).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "the restart failed; this process goes on");
        }
        outcome
    }

    async fn try_to(self: &Arc<Estate>, phase: &watch::Sender<Phase>) -> Result<(), HandoverError> {
        let serves = *phase.borrow() == Phase::Running;
        let means = self.means().clone().filter(|_| serves).ok_or_else(|| {
            HandoverError::new(
                "there is nothing to hand over: the server does not serve, or no longer",
            )
        })?;
        if std::process::id() == 1 {
            return Err(HandoverError::new(
                "this is process 1: its end is the end of the container; start a new container instead",
            ));
        }
        if means.quic {
            // Two processes that read one UDP port would take packets from each other's
            // connections.
            return Err(HandoverError::new(
                "a listener speaks HTTP/3, whose port cannot be handed over; stop the server and start it instead",
            ));
        }
        let Some(busy) = Busy::begin(self) else {
            return Err(HandoverError::new("a restart is under way already"));
        };
        let (told, outcome) = oneshot::channel();
        let phase = phase.clone();
        std::thread::Builder::new()
            .name("trine-handover".to_owned())
            .spawn(move || {
                // Nobody may wait for it any more.
                let _ = told.send(busy.0.run(means, &phase));
                drop(busy);
            })
            .map_err(HandoverError::io("no thread could be started"))?;
        outcome.await.unwrap_or_else(|_| Err(HandoverError::new("it was broken off")))
    }

    fn run(&self, means: Means, phase: &watch::Sender<Phase>) -> Result<(), HandoverError> {
        let Means { program, sockets, patience, supervised, .. } = means;
        let tell = |state: &str| {
            if supervised {
                notify::tell(state);
            }
        };
        tracing::info!(program = %program.display(), "a new process is started, to take over");
        tell(&notify::reloading());
        let given = give(&program, sockets, patience, |new| {
            self.leave(phase, || {
                tell(&format!("MAINPID={new}\nREADY=1"));
                tracing::info!(
                    new,
                    "a new process has taken over; this one ends when its connections have"
                );
            })
        });
        if let Err(error) = &given {
            tell(&format!("READY=1\nSTATUS=the restart failed: {error}"));
        }
        given
    }

    /// Leaves, unless the server was told to end meanwhile: then nothing was handed over, and what
    /// it made is still its own to remove.
    fn leave(&self, phase: &watch::Sender<Phase>, tell: impl FnOnce()) -> bool {
        phase.send_if_modified(|now| {
            let serves = *now == Phase::Running;
            if serves {
                // All of it before anybody sees the new phase: from then on this process may be
                // gone at any time.
                self.handed_over.store(true, Ordering::Release);
                self.means().take();
                tell();
                *now = Phase::Leaving;
            }
            serves
        })
    }

    fn means(&self) -> MutexGuard<'_, Option<Means>> {
        self.means.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One restart at a time.
struct Busy(Arc<Estate>);

impl Busy {
    fn begin(estate: &Arc<Estate>) -> Option<Busy> {
        let free = !estate.busy.swap(true, Ordering::AcqRel);
        free.then(|| Busy(Arc::clone(estate)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

/// Restarts on SIGUSR2, until one has succeeded.
pub(crate) fn on_signal(handle: ServerHandle) -> Result<impl Future<Output = ()>, ServerError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut signal = signal(SignalKind::user_defined2()).map_err(ServerError::Signals)?;
    Ok(async move {
        while signal.recv().await.is_some() {
            // A failure was logged.
            if handle.restart().await.is_ok() {
                return;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // It stayed true, so that the files of Unix sockets were left behind.
    #[test]
    fn a_server_that_was_told_to_end_has_handed_nothing_over() {
        for (stands, leaves) in
            [(Phase::Running, true), (Phase::Draining, false), (Phase::Aborted, false)]
        {
            let estate = Estate::default();
            let (phase, seen) = watch::channel(stands);
            let mut told = false;
            assert_eq!(estate.leave(&phase, || told = true), leaves, "{stands:?}");
            assert_eq!((estate.is_handed_over(), told), (leaves, leaves), "{stands:?}");
            assert_eq!(*seen.borrow(), if leaves { Phase::Leaving } else { stands });
        }
    }
}
