//! The handle that controls a running server.

use std::sync::Arc;

use tokio::sync::watch;

#[cfg(unix)]
use crate::handover::HandoverState;
use crate::server::setup::ListenerSetup;
use crate::server::shutdown::{Phase, advance, reached};

/// Stops, restarts or reloads a server from anywhere. Clones control the same server.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), trine_server::ServerError> {
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use trine_core::Body;
/// use trine_server::{HyperUpgrades, Server, ServerConfig};
///
/// let hello = tower::service_fn(|_: Request<Body>| async {
///     Ok::<_, Infallible>(Response::new(Body::from("hello")))
/// });
/// let bound = Server::new(ServerConfig { port: 0, ..ServerConfig::default() }).bind()?;
/// let handle = bound.handle();
/// tokio::spawn(async move { handle.shutdown() });
/// // Returns once all connections have ended.
/// bound.serve(HyperUpgrades(hello)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ServerHandle {
    pub(super) phase: watch::Sender<Phase>,
    pub(super) setups: Arc<[Arc<ListenerSetup>]>,
    #[cfg(unix)]
    pub(super) handover: Arc<HandoverState>,
}

impl ServerHandle {
    /// Starts the graceful shutdown: no connection is accepted, idle connections close, and
    /// requests in flight have [`shutdown_timeout`](crate::ServerConfig::shutdown_timeout) to
    /// finish.
    ///
    /// ```
    /// use trine_server::{HyperUpgrades, Server, ServerConfig};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), trine_server::ServerError> {
    /// let bound = Server::new(ServerConfig { port: 0, ..ServerConfig::default() }).bind()?;
    /// let handle = bound.handle();
    /// let server = tokio::spawn(bound.serve(HyperUpgrades(axum::Router::new())));
    /// handle.shutdown();
    /// assert!(server.await.unwrap().is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self) {
        self.end(Phase::Draining);
    }

    /// Waits until the shutdown of the server begins: because of a handle, because of a signal, or
    /// because another process has taken over.
    pub async fn draining(&self) {
        reached(&mut self.phase.subscribe(), Phase::Leaving).await;
    }

    /// Restarts without losing a request, as SIGUSR2 does.
    ///
    /// It starts the program again with the same arguments; the file of the program may be a new
    /// version. The new process receives the listening sockets. When it is ready to serve, this
    /// process accepts no more connections, and each open connection ends with its next request, or
    /// after [`keep_alive_timeout`](crate::ServerConfig::keep_alive_timeout) without one.
    ///
    /// This method returns when the new process has taken over. Both processes then run side by
    /// side for a while. The new one adopts the sockets of the addresses in its configuration, with
    /// any number of workers, and opens the others itself. So it can change every setting, but it
    /// cannot take another address of a port that the old process still has. Unix only.
    ///
    /// # Errors
    /// If the new process is not ready within
    /// [`handover_timeout`](crate::ServerConfig::handover_timeout), or ends before, it is killed
    /// and this process continues to serve. The same is true for process 1 of a container, for a
    /// server that speaks HTTP/3, and while another restart is in progress.
    #[cfg(unix)]
    pub async fn restart(&self) -> Result<(), crate::HandoverError> {
        self.handover.hand_over(&self.phase).await
    }

    /// Reads the certificate files of every listener again, as SIGHUP does; see
    /// [`Tls`](crate::tls::Tls). It blocks while it reads them. When it returns, new handshakes use
    /// the new certificates.
    ///
    /// ```
    /// use trine_server::{Server, ServerConfig};
    ///
    /// let bound = Server::new(ServerConfig { port: 0, ..ServerConfig::default() }).bind()?;
    /// // No listener has files to read.
    /// assert_eq!(bound.handle().reload_certificates(), Ok(()));
    /// # Ok::<_, trine_server::ServerError>(())
    /// ```
    ///
    /// # Errors
    /// A listener whose files cannot be used keeps its old certificates. All listeners are tried;
    /// every error is logged and the first one is returned.
    #[cfg(feature = "tls-core")]
    pub fn reload_certificates(&self) -> Result<(), crate::tls::TlsError> {
        crate::tls::reload::reload(crate::server::setup::acceptors(&self.setups))
    }

    /// Ends the server at once: requests in flight are dropped.
    pub fn abort(&self) {
        self.end(Phase::Aborted);
    }

    pub(super) fn end(&self, phase: Phase) {
        #[cfg(unix)]
        self.handover.end();
        advance(&self.phase, phase);
    }
}
