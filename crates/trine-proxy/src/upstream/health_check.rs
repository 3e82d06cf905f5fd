//! Active health checks: a request to each upstream at regular intervals.

use std::sync::{Arc, Weak};

use http::{HeaderValue, Method, Request, header};
use tokio::time::{sleep, timeout};

use crate::config::health_check::HealthCheck;
use crate::config::settings::Settings;
use crate::connection::Connection;
use crate::connection::connect::connect;
use crate::connection::timer::StageTimer;
use crate::error::{Fault, ProxyError};
use crate::request::body::RequestBody;
use crate::upstream::Node;

/// Checks one upstream until the proxy is dropped.
pub(crate) async fn watch(node: Weak<Node>, settings: Settings, check: HealthCheck) {
    let (mut good, mut bad) = (0_u32, 0_u32);
    loop {
        let Some(node) = node.upgrade() else { return };
        let result = match timeout(check.timeout, send(&node, &settings, &check)).await {
            Ok(Ok(status)) if check.expect.contains(&status) => Ok(()),
            Ok(Ok(status)) => Err(format!("it answered {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        };
        match result {
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

/// Sends one request on a new connection, since accepting connections is part of the check.
async fn send(
    node: &Arc<Node>,
    settings: &Settings,
    check: &HealthCheck,
) -> Result<u16, ProxyError> {
    let path = check.path.parse().map_err(|_| ProxyError::new(Fault::Path))?;
    let target = node.upstream.join(&path).ok_or_else(|| ProxyError::new(Fault::Path))?;
    let host = check.host.as_deref().unwrap_or(node.upstream.authority.as_str());
    let limits = &settings.limits;
    let mut request = Request::new(RequestBody::empty());
    *request.method_mut() = Method::GET;
    let agent = HeaderValue::from_static("trine-proxy health check");
    request.headers_mut().insert(header::USER_AGENT, agent);
    let response = match connect(&node.upstream, settings, false).await? {
        Connection::Http1(mut conn) => {
            *request.uri_mut() = target.into();
            let host = HeaderValue::from_str(host).map_err(|_| ProxyError::new(Fault::Host))?;
            request.headers_mut().insert(header::HOST, host);
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            conn.exchange(request, None, limits).await
        }
        Connection::Http2(mut conn) => {
            let uri = http::Uri::builder().scheme(node.upstream.scheme()).authority(host);
            *request.uri_mut() =
                uri.path_and_query(target).build().map_err(|_| ProxyError::new(Fault::Host))?;
            conn.exchange(request, None, limits, &mut StageTimer::default()).await
        }
    };
    response.map(|response| response.status().as_u16()).map_err(|failed| failed.error)
}
