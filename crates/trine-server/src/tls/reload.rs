//! New certificates without a restart: on request, on SIGHUP, and when a file changes.
//!
//! Connections that are open keep what they agreed on; new handshakes use the new certificates.
//! What cannot be used leaves everything as it was.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error::TlsError;
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::server::connection::Door;

/// Loads the certificates of every listener again. All are tried; the first error is told, and each
/// is logged.
pub(crate) fn reload(doors: &[Arc<Door>]) -> Result<(), TlsError> {
    let mut result = Ok(());
    for gate in doors.iter().filter_map(|door| door.tls()) {
        match gate.reload() {
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

/// Reloads when a file changed since the last look, and on SIGHUP. It never ends. `None` where
/// there is no file.
pub(crate) fn watch(
    doors: Arc<[Arc<Door>]>,
    config: &ServerConfig,
) -> Result<Option<impl Future<Output = ()> + use<>>, ServerError> {
    let mut seen = stamps(&doors);
    if seen.is_empty() {
        return Ok(None);
    }
    let mut hangup = Hangup::new(config.signals)?;
    let every = config.tls_watch;
    Ok(Some(async move {
        loop {
            let asked = tokio::select! {
                () = hangup.next() => true,
                () = pause(every) => false,
            };
            // Looked at before they are read: what changes in between is seen the next time.
            let now = stamps(&doors);
            if asked || now != seen {
                seen = now;
                // It was logged.
                let _ = reload(&doors);
            }
        }
    }))
}

async fn pause(every: Duration) {
    if every.is_zero() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(every).await;
}

/// When a file was written last, and how long it is; links are followed. `None` where it is not
/// there.
type Stamp = Option<(Option<SystemTime>, u64)>;

fn stamps(doors: &[Arc<Door>]) -> Vec<Stamp> {
    let stamp = |file: &Path| {
        let data = std::fs::metadata(file).ok()?;
        Some((data.modified().ok(), data.len()))
    };
    doors.iter().filter_map(|door| door.tls()).flat_map(|gate| gate.files().map(stamp)).collect()
}

/// SIGHUP, where there is one and it is listened for.
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
    #[expect(clippy::unnecessary_wraps, reason = "the same shape on every system")]
    fn new(_: bool) -> Result<Hangup, ServerError> {
        Ok(Hangup {})
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
