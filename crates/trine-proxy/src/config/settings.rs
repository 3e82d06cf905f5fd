//! Everything that the builder methods of a proxy set.

use std::sync::Arc;

use trine_core::client::TrustedProxies;

use super::health_check::HealthCheck;
use super::limits::Limits;
use super::options::{Balance, Forwarding, Host};
#[cfg(feature = "tls-core")]
use crate::error::{Fault, ProxyError};
use crate::request::forwarded::via::Via;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) balance: Balance,
    pub(crate) host: Host,
    pub(crate) forwarding: Forwarding,
    /// `None` means the trusted proxies of the application.
    pub(crate) trusted: Option<TrustedProxies>,
    /// Whether upstreams get `X-Forwarded-*` as well as `Forwarded`.
    pub(crate) x_forwarded: bool,
    pub(crate) via: Via,
    /// The prefix that is removed from each path.
    pub(crate) prefix: Option<Arc<str>>,
    pub(crate) health_check: Option<HealthCheck>,
    #[cfg(feature = "tls-core")]
    pub(crate) tls: Result<crate::connection::tls::Tls, crate::connection::tls::TlsError>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: Limits::default(),
            balance: Balance::default(),
            host: Host::default(),
            forwarding: Forwarding::default(),
            trusted: None,
            x_forwarded: true,
            via: Via::new("trine").unwrap_or_else(|| unreachable!("it is a token")),
            prefix: None,
            health_check: None,
            #[cfg(feature = "tls-core")]
            tls: Err(crate::connection::tls::TlsError::UNSET),
        }
    }
}

#[cfg(feature = "tls-core")]
impl Settings {
    pub(crate) fn tls(&self) -> Result<&crate::connection::tls::Tls, ProxyError> {
        self.tls.as_ref().map_err(|error| ProxyError::with_source(Fault::Tls, error.clone()))
    }
}
