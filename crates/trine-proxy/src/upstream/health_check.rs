//! Active health checks: each upstream is asked, again and again, whether it is well.

use std::ops::RangeInclusive;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderValue, Method, Request, header};
use tokio::time::{sleep, timeout};

use crate::config::settings::Settings;
use crate::connection::Conn;
use crate::connection::connect::connect;
use crate::connection::timer::Clock;
use crate::error::ProxyError;
use crate::request::body::Outgoing;
use crate::upstream::{Node, join};

/// What an upstream is asked, and when it counts as down.
///
/// ```
/// use std::time::Duration;
/// use trine_proxy::{HealthCheck, Proxy};
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// let proxy = Proxy::among(["http://127.0.0.1:9000", "http://127.0.0.1:9001"])?
///     .health_check(HealthCheck { interval: Duration::from_secs(2), ..HealthCheck::get("/health") });
/// // Ends when it is dropped, or with the last clone of the proxy.
/// let checks = proxy.health_checks();
/// # drop(checks);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The target of the GET, behind the path of the upstream's URL.
    pub path: String,
    /// The host that is asked for; that of the upstream's URL otherwise.
    pub host: Option<String>,
    /// The pause between two checks of one upstream. Default: 5 s.
    pub interval: Duration,
    /// Time for connecting and the head of the answer. Default: 2 s.
    pub timeout: Duration,
    /// The statuses of a healthy upstream. Default: 200 to 299.
    pub expect: RangeInclusive<u16>,
    /// Good checks in a row that take an upstream back. Default: 2.
    pub healthy_after: u32,
    /// Bad checks in a row that take it out. Default: 3.
    pub unhealthy_after: u32,
}

impl HealthCheck {
    /// A GET of `path` with the defaults.
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

/// Checks one upstream until it is gone.
pub(crate) async fn watch(node: Weak<Node>, settings: Settings, check: HealthCheck) {
    let (mut good, mut bad) = (0_u32, 0_u32);
    loop {
        let Some(node) = node.upgrade() else { return };
        let found = match timeout(check.timeout, ask(&node, &settings, &check)).await {
            Ok(Ok(status)) if check.expect.contains(&status) => Ok(()),
            Ok(Ok(status)) => Err(format!("it answered {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        };
        match found {
            Ok(()) => {
                (good, bad) = (good.saturating_add(1), 0);
                if good >= check.healthy_after && node.health.set_up(true) {
                    tracing::info!(upstream = node.name, "an upstream is healthy again");
                }
            }
            Err(cause) => {
                (good, bad) = (0, bad.saturating_add(1));
                if bad >= check.unhealthy_after && node.health.set_up(false) {
                    tracing::warn!(upstream = node.name, cause, "an upstream is down");
                }
            }
        }
        drop(node);
        sleep(check.interval).await;
    }
}

/// One question on a connection of its own: whether the upstream accepts connections is part of it.
async fn ask(
    node: &Arc<Node>,
    settings: &Settings,
    check: &HealthCheck,
) -> Result<u16, ProxyError> {
    let path = check.path.parse().map_err(|_| ProxyError::new(crate::Fault::Path))?;
    let target =
        join(&node.upstream.base, &path).ok_or_else(|| ProxyError::new(crate::Fault::Path))?;
    let host = check.host.as_deref().unwrap_or(node.upstream.authority.as_str());
    let config = &settings.config;
    let mut request = Request::new(Outgoing::empty());
    *request.method_mut() = Method::GET;
    let agent = HeaderValue::from_static("trine-proxy health check");
    request.headers_mut().insert(header::USER_AGENT, agent);
    let answered = match connect(&node.upstream, settings, false).await? {
        Conn::H1(mut conn) => {
            *request.uri_mut() = target.into();
            let host =
                HeaderValue::from_str(host).map_err(|_| ProxyError::new(crate::Fault::Host))?;
            request.headers_mut().insert(header::HOST, host);
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            conn.exchange(request, None, config).await
        }
        Conn::H2(mut conn) => {
            let uri = http::Uri::builder().scheme(node.upstream.scheme()).authority(host);
            *request.uri_mut() = uri
                .path_and_query(target)
                .build()
                .map_err(|_| ProxyError::new(crate::Fault::Host))?;
            conn.exchange(request, None, config, &mut Clock::default()).await
        }
    };
    answered.map(|response| response.status().as_u16()).map_err(|failed| failed.error)
}
