//! New certificates without a restart: on request, on SIGHUP, and when a file changes.
//!
//! Open connections keep what they have negotiated; new handshakes use the new certificates. If a
//! file cannot be used, nothing changes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::acceptor::TlsAcceptor;
use super::error::TlsError;
use crate::config::lifecycle::Lifecycle;
use crate::error::ServerError;

/// Loads the certificates of every listener again. All are tried; every error is logged and the
/// first one is returned.
pub(crate) fn reload<'a>(
    acceptors: impl IntoIterator<Item = &'a Arc<TlsAcceptor>>,
) -> Result<(), TlsError> {
    let mut result = Ok(());
    for acceptor in acceptors {
        match acceptor.reload() {
            Ok(false) => {}
            Ok(true) => tracing::info!("certificates were loaded again"),
            Err(error) => {
                tracing::error!(%error, "certificates could not be loaded again; the old ones stay");
                result = result.and(Err(error));
            }
        }
    }
    result
}

/// Reloads when a file has changed, and on SIGHUP, forever. Returns `None` if there are no files.
pub(crate) fn watch(
    acceptors: Vec<Arc<TlsAcceptor>>,
    lifecycle: &Lifecycle,
) -> Result<Option<impl Future<Output = ()> + use<>>, ServerError> {
    let mut known = stamps(&acceptors);
    if known.is_empty() {
        return Ok(None);
    }
    let mut hangup = Hangup::new(lifecycle.signals)?;
    let interval = lifecycle.tls_watch;
    Ok(Some(async move {
        loop {
            let requested = tokio::select! {
                () = hangup.next() => true,
                () = pause(interval) => false,
            };
            // The stamps are taken before the files are read, so that the next check notices a
            // change in between.
            let current = stamps(&acceptors);
            if requested || current != known {
                known = current;
                // `reload` logs its errors.
                let _ = reload(&acceptors);
            }
        }
    }))
}

/// Waits for the next check; forever if the interval is 0.
async fn pause(interval: Duration) {
    if interval.is_zero() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(interval).await;
}

/// The time of the last change of a file, and its length. Symbolic links are followed. `None` if
/// the file does not exist.
type Stamp = Option<(Option<SystemTime>, u64)>;

fn stamps(acceptors: &[Arc<TlsAcceptor>]) -> Vec<Stamp> {
    let stamp = |file: &Path| {
        let data = std::fs::metadata(file).ok()?;
        Some((data.modified().ok(), data.len()))
    };
    acceptors.iter().flat_map(|acceptor| acceptor.files().map(stamp)).collect()
}

/// SIGHUP, if the system has it and signals are handled.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Hangup {
    fn new(listen: bool) -> Result<Hangup, ServerError> {
        use tokio::signal::unix::{SignalKind, signal};
        let signal = if listen {
            Some(signal(SignalKind::hangup()).map_err(ServerError::Signals)?)
        } else {
            None
        };
        Ok(Hangup { signal })
    }

    async fn next(&mut self) {
        match &mut self.signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
impl Hangup {
    #[expect(clippy::unnecessary_wraps, reason = "the same signature on every system")]
    fn new(_: bool) -> Result<Hangup, ServerError> {
        Ok(Hangup {})
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
