//! Errors of a restart.

use std::fmt::{Display, Formatter};

/// Why a restart failed. The old process continues to serve.
///
/// ```
/// use trine_server::{Server, ServerConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let bound = Server::new(ServerConfig { port: 0, ..ServerConfig::default() }).bind().unwrap();
/// let error = bound.handle().restart().await.unwrap_err();
/// assert_eq!(error.to_string(), "there is nothing to hand over: the server does not serve");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverError(String);

impl HandoverError {
    pub(super) fn new(text: impl Into<String>) -> HandoverError {
        HandoverError(text.into())
    }

    /// An I/O error, with the step that failed.
    pub(super) fn io(what: &str) -> impl FnOnce(std::io::Error) -> HandoverError {
        move |error| HandoverError(format!("{what}: {error}"))
    }
}

impl Display for HandoverError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HandoverError {}
