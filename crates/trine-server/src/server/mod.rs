//! Runs a server: from its configuration to the end of its last worker.
//!
//! # Layout
//! - [`Server`], in this file: binds the listeners; `bound`: runs the workers to their end;
//!   `handle` and `signals`: what stops or restarts them; `socket_files`: removes Unix sockets at
//!   the end
//! - `worker`: one thread and runtime; `accept`: its accept loop; `shed`: the response beyond the
//!   limit of connections; `context`: what all workers share
//! - `setup`: a listener, prepared for its connections; `connection`: what such a connection does
//!   before its first request
//! - `shutdown`: the graceful shutdown of all connections

mod accept;
mod bound;
pub(crate) mod connection;
pub(crate) mod context;
mod handle;
pub(crate) mod setup;
mod shed;
pub(crate) mod shutdown;
mod signals;
mod socket_files;
mod worker;

use std::sync::Arc;

use tokio::sync::watch;

pub use self::bound::Bound;
pub use self::handle::ServerHandle;
use self::setup::ListenerSetup;
use self::shutdown::Phase;
use self::socket_files::SocketFiles;
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::listen::bind;
use crate::seam::{HttpService, HyperUpgrades};

/// A server that does not listen yet.
///
/// ```no_run
/// use trine_server::{HyperUpgrades, Server, ServerConfig};
///
/// # async fn run() -> Result<(), trine_server::ServerError> {
/// let router = axum::Router::new().route("/", axum::routing::get(|| async { "hello" }));
/// let bound = Server::new(ServerConfig { port: 3000, ..ServerConfig::default() }).bind()?;
/// println!("listening on {}", bound.local_addr());
/// bound.serve(HyperUpgrades(router)).await
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Server {
    config: ServerConfig,
}

impl Server {
    /// A server with this configuration.
    ///
    /// ```
    /// use trine_server::{Server, ServerConfig};
    ///
    /// let server = Server::new(ServerConfig { port: 0, workers: 1, ..ServerConfig::default() });
    /// assert!(server.bind().is_ok());
    /// ```
    #[must_use]
    pub fn new(config: ServerConfig) -> Server {
        Server { config }
    }

    /// Opens the listeners. From now on clients can connect; they are served once [`Bound::serve`]
    /// runs.
    ///
    /// ```
    /// use trine_server::{Server, ServerConfig};
    ///
    /// let config = ServerConfig { max_headers: 0, ..ServerConfig::default() };
    /// let error = Server::new(config).bind().unwrap_err();
    /// assert!(error.to_string().contains("`max_headers` must be 1 to 256"));
    /// ```
    ///
    /// # Errors
    /// [`ServerError::Config`] names every invalid field. [`ServerError::Bind`] means that an
    /// address is not available, for example because another instance listens on the same port.
    pub fn bind(self) -> Result<Bound, ServerError> {
        let config = self.config;
        config.check()?;
        let (limits, lifecycle) = (Arc::new(config.limits()), config.lifecycle());
        #[cfg_attr(not(feature = "acme"), expect(unused_mut, reason = "no certificate is shared"))]
        let mut configured = config.resolved_listeners();
        #[cfg(feature = "acme")]
        crate::tls::acme::share(configured.iter_mut().filter_map(|listener| listener.tls.as_mut()))
            .map_err(ServerError::Tls)?;
        let listeners = bind::bind(&configured, config.backlog, lifecycle.workers)?;
        #[cfg(unix)]
        let handover = Arc::default();
        // If a later step fails, the files of Unix sockets are removed again.
        let files = SocketFiles::new(
            &listeners,
            #[cfg(unix)]
            Arc::clone(&handover),
        );
        let trusted = Arc::new(config.trusted());
        let setups = configured.iter().zip(&listeners).map(|(listener, bound)| {
            ListenerSetup::new(listener, &bound.address, &limits, &trusted).map(Arc::new)
        });
        let setups = setups.collect::<Result<Arc<[_]>, _>>()?;
        #[cfg(feature = "acme")]
        setup::answer_challenges(&setups).map_err(ServerError::Tls)?;
        let (phase, _) = watch::channel(Phase::Starting);
        let handle = ServerHandle {
            phase,
            setups,
            #[cfg(unix)]
            handover,
        };
        Ok(Bound { limits, lifecycle, configured: config.socket_addr(), listeners, files, handle })
    }
}

/// Runs any `Clone` Tower service with the default configuration.
///
/// ```no_run
/// # async fn run() -> Result<(), trine_server::ServerError> {
/// let router = axum::Router::new().route("/", axum::routing::get(|| async { "hello" }));
/// trine_server::serve(router).await
/// # }
/// ```
///
/// # Errors
/// Those of [`Server::bind`] and [`Bound::serve`].
pub async fn serve<S>(service: S) -> Result<(), ServerError>
where
    S: HttpService + Clone + Send + Sync,
{
    Server::new(ServerConfig::default()).bind()?.serve(HyperUpgrades(service)).await
}
