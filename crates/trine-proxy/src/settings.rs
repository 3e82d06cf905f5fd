//! How a proxy was set up.

use std::sync::Arc;

#[cfg(feature = "tls")]
use crate::error::{Fault, ProxyError};
use crate::{Balance, Forwarding, HealthCheck, Host, ProxyConfig};

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config: ProxyConfig,
    pub(crate) balance: Balance,
    pub(crate) host: Host,
    pub(crate) forwarding: Forwarding,
    pub(crate) legacy: bool,
    pub(crate) via: Arc<str>,
    pub(crate) prefix: Option<Arc<str>>,
    pub(crate) check: Option<HealthCheck>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Tls>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            config: ProxyConfig::default().settled(),
            balance: Balance::default(),
            host: Host::default(),
            forwarding: Forwarding::default(),
            legacy: true,
            via: Arc::from("trine"),
            prefix: None,
            check: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

#[cfg(feature = "tls")]
impl Settings {
    pub(crate) fn tls(&self) -> Result<&crate::tls::Tls, ProxyError> {
        self.tls.as_ref().ok_or_else(|| ProxyError::new(Fault::Tls))
    }
}
