//! The configuration of active health checks.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The request of an active health check, and the results that take an upstream out of use.
///
/// ```
/// use std::time::Duration;
/// use trine_proxy::{HealthCheck, Proxy};
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// let check = HealthCheck { interval: Duration::from_secs(2), ..HealthCheck::get("/health") };
/// let upstreams = ["http://127.0.0.1:9000", "http://127.0.0.1:9001"];
/// let proxy = Proxy::among(upstreams)?.health_check(check);
/// // To be spawned. It ends when it is dropped, or with the last clone of the proxy.
/// let checks = proxy.health_checks();
/// # drop(checks);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The target of the GET request, which is appended to the path of the upstream's URL.
    pub path: String,
    /// The `Host` of the request. Default: the host of the upstream's URL.
    pub host: Option<String>,
    /// The pause between two checks of one upstream. Default: 5 s.
    pub interval: Duration,
    /// The maximum time to connect and to receive the response head. Default: 2 s.
    pub timeout: Duration,
    /// The statuses of a healthy upstream. Default: 200 to 299.
    pub expect: RangeInclusive<u16>,
    /// The number of successful checks in a row after which an upstream is used again. Default: 2.
    pub healthy_after: u32,
    /// The number of failed checks in a row after which an upstream is out of use. Default: 3.
    pub unhealthy_after: u32,
}

impl HealthCheck {
    /// A GET request for `path`, with the defaults.
    ///
    /// ```
    /// use trine_proxy::HealthCheck;
    ///
    /// let check = HealthCheck::get("/health");
    /// assert!(check.expect.contains(&204) && check.unhealthy_after == 3);
    /// ```
    #[must_use]
    pub fn get(path: impl Into<String>) -> HealthCheck {
        HealthCheck {
            path: path.into(),
            host: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            expect: 200..=299,
            healthy_after: 2,
            unhealthy_after: 3,
        }
    }
}
