//! When requests are logged.

/// When each request is logged, at level INFO with the target `trine::request`.
///
/// The log line has the method, the path, the status, the milliseconds until the response head, the
/// path template of the route, and for a refused request the reason and the extractor or guard that
/// refused it. It contains nothing of the query, the headers or the bodies, with one exception:
/// under the profile `dev`, the reason is the detail of the problem, which may quote them; values
/// of the query are masked.
///
/// A request that the server refuses itself, for example because its head is too large, has no
/// line. Without request logging, requests do not pay for it.
///
/// ```
/// use trine::config::{Config, LogRequests};
///
/// let config = Config::read("log_requests = 'always'", [])?;
/// assert_eq!(config.log_requests, LogRequests::Always);
/// # Ok::<_, trine::config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogRequests {
    /// Only under the profile `dev`.
    #[default]
    Dev,
    /// Under every profile.
    Always,
    /// Under no profile.
    Never,
}

impl LogRequests {
    pub(crate) fn applies(self, dev: bool) -> bool {
        self == LogRequests::Always || (self == LogRequests::Dev && dev)
    }
}
