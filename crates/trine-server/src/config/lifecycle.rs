//! The settings that decide how a server starts, restarts and ends.

use std::time::Duration;

/// The part of the configuration that applies to the process. The fields of the same name in
/// [`ServerConfig`](super::ServerConfig) have the description.
#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    /// At least 1.
    pub(crate) workers: usize,
    pub(crate) max_connections: usize,
    /// Whether signals are handled and the service manager is notified.
    pub(crate) signals: bool,
    #[cfg_attr(
        not(feature = "tls-core"),
        expect(dead_code, reason = "only certificates are watched")
    )]
    pub(crate) tls_watch: Duration,
    #[cfg_attr(not(unix), expect(dead_code, reason = "sockets are handed over on Unix"))]
    pub(crate) handover_timeout: Duration,
}
