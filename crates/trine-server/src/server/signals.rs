//! The signals that a server handles: they end it, or restart it.

use crate::error::ServerError;
use crate::server::handle::ServerHandle;

/// A background task of a server. It ends when this is dropped.
pub(super) struct Task(tokio::task::JoinHandle<()>);

impl Task {
    pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(tokio::spawn(task))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts the graceful shutdown at the first signal, and aborts the server at the second.
pub(super) fn shut_down_on_signal(
    handle: ServerHandle,
) -> Result<impl Future<Output = ()>, ServerError> {
    let mut signals = Signals::new()?;
    Ok(async move {
        signals.next().await;
        tracing::info!("shutting down; a second signal ends the server at once");
        handle.shutdown();
        signals.next().await;
        handle.abort();
    })
}

/// Restarts on SIGUSR2, until a restart succeeds.
#[cfg(unix)]
pub(super) fn restart_on_signal(
    handle: ServerHandle,
) -> Result<impl Future<Output = ()>, ServerError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut signal = signal(SignalKind::user_defined2()).map_err(ServerError::Signals)?;
    Ok(async move {
        while signal.recv().await.is_some() {
            // `restart` logs its failures.
            if handle.restart().await.is_ok() {
                return;
            }
        }
    })
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Signals, ServerError> {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate()).map_err(ServerError::Signals)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signals)?;
        Ok(Signals { terminate, interrupt })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
    fn new() -> Result<Signals, ServerError> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
