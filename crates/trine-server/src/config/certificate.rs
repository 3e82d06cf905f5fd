//! The certificate of the HTTPS listener at `tls_port`.

use std::path::PathBuf;

use super::acme::Acme;

/// The certificate of the HTTPS listener at [`tls_port`](super::ServerConfig::tls_port).
///
/// It also serves the `https://` listeners that were read from text. For several certificates, or
/// for client certificates, use [`Listener::tls`](crate::Listener::tls).
///
/// ```
/// use trine_server::{Certificate, ServerConfig};
///
/// let certificate = Certificate::files("chain.pem", "key.pem");
/// let config = ServerConfig { certificate, tls_port: 443, ..ServerConfig::default() };
/// assert_eq!(config.resolved_listeners().len(), if cfg!(feature = "tls") { 2 } else { 1 });
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificate {
    /// There is no certificate, and so no HTTPS listener at `tls_port`.
    #[default]
    None,
    /// Two PEM files. Needs the feature `tls`.
    Files {
        /// The certificate chain, with the certificate of the server first.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// A certificate for `localhost` that the server signs itself, for development. Needs the
    /// feature `self-signed`.
    SelfSigned,
    /// A certificate that the server orders and renews. Needs the feature `acme`.
    Acme(Box<Acme>),
}

impl Certificate {
    /// A certificate from two PEM files: the chain, and the private key.
    #[must_use]
    pub fn files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Certificate {
        Certificate::Files { chain: chain.into(), key: key.into() }
    }

    /// The error message if the certificate needs a feature that is off. It names the configuration
    /// key and the feature.
    pub(super) fn missing_feature(&self) -> Option<&'static str> {
        match self {
            Certificate::Files { .. } if !cfg!(feature = "tls-core") => {
                Some("a certificate from files (`tls_cert`) needs the feature `tls`, which is off")
            }
            Certificate::SelfSigned if !cfg!(feature = "self-signed") => Some(
                "a self-signed certificate (`tls_self_signed`) needs the feature `self-signed`, which is off",
            ),
            Certificate::Acme(_) if !cfg!(feature = "acme") => {
                Some("`acme.domains` needs the feature `acme`, which is off")
            }
            _ => None,
        }
    }
}

impl From<Acme> for Certificate {
    fn from(acme: Acme) -> Certificate {
        Certificate::Acme(Box::new(acme))
    }
}
