//! How a proxy was set up.

use std::sync::Arc;

use trine_server::TrustedProxies;

#[cfg(feature = "tls-core")]
use crate::error::{Fault, ProxyError};
use crate::request::forwarded::Via;
use crate::{Balance, Forwarding, HealthCheck, Host, ProxyConfig};

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config: ProxyConfig,
    pub(crate) balance: Balance,
    pub(crate) host: Host,
    pub(crate) forwarding: Forwarding,
    /// Whose word counts; where there is none, whom the application trusts.
    pub(crate) trusted: Option<TrustedProxies>,
    pub(crate) legacy: bool,
    pub(crate) via: Via,
    pub(crate) prefix: Option<Arc<str>>,
    pub(crate) check: Option<HealthCheck>,
    #[cfg(feature = "tls-core")]
    pub(crate) tls: Option<crate::connection::tls::Tls>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            config: ProxyConfig::default().settled(),
            balance: Balance::default(),
            host: Host::default(),
            forwarding: Forwarding::default(),
            trusted: None,
            legacy: true,
            via: Via::of("trine").unwrap_or_else(|| unreachable!("it is a token")),
            prefix: None,
            check: None,
            #[cfg(feature = "tls-core")]
            tls: None,
        }
    }
}

#[cfg(feature = "tls-core")]
impl Settings {
    pub(crate) fn tls(&self) -> Result<&crate::connection::tls::Tls, ProxyError> {
        self.tls.as_ref().ok_or_else(|| ProxyError::new(Fault::Tls))
    }
}
