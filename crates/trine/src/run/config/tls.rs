//! The keys of the certificate: which certificate they describe, and which keys exclude each other.

use std::path::PathBuf;

use trine_server::{Acme, Certificate};

use super::entry::Entry;
use super::error::ConfigError;
use super::location::Location;

/// The values of the keys, until all of them are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TlsKeys {
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) self_signed: bool,
    pub(super) acme: Acme,
    /// Where each of the keys was last set.
    locations: Vec<(&'static str, Location)>,
}

const KEYS: [&str; 4] = ["tls_cert", "tls_key", "tls_self_signed", "acme.domains"];

impl TlsKeys {
    /// Remembers where a key was set, for errors about a combination of keys.
    pub(super) fn record(&mut self, entry: &Entry) {
        if let Some(key) = KEYS.into_iter().find(|key| entry.names(key)) {
            self.locations.retain(|(known, _)| *known != key);
            self.locations.push((key, entry.location.clone()));
        }
    }

    /// The certificate that the keys describe together.
    pub(super) fn certificate(&self) -> Result<Certificate, ConfigError> {
        let orders = !self.acme.domains.is_empty();
        let files = self.cert.is_some() || self.key.is_some();
        if files && self.self_signed {
            return Err(self.error(
                "tls_self_signed",
                "`tls_self_signed` and `tls_cert`/`tls_key` exclude each other: remove one of them",
            ));
        }
        if orders && (files || self.self_signed) {
            return Err(self.error(
                "acme.domains",
                "`acme.domains`, `tls_cert`/`tls_key` and `tls_self_signed` exclude one another: \
                 keep one of them",
            ));
        }
        match (&self.cert, &self.key) {
            (Some(chain), Some(key)) => Ok(Certificate::files(chain, key)),
            (None, None) if self.self_signed => Ok(Certificate::SelfSigned),
            (None, None) if orders => Ok(self.acme.clone().into()),
            (None, None) => Ok(Certificate::None),
            (Some(_), None) => Err(self
                .error("tls_cert", "`tls_cert` is set, but `tls_key` is not: set both or neither")),
            (None, Some(_)) => Err(self
                .error("tls_key", "`tls_key` is set, but `tls_cert` is not: set both or neither")),
        }
    }

    fn error(&self, key: &str, text: &str) -> ConfigError {
        let location = self.locations.iter().find(|(known, _)| *known == key);
        let location = location.map_or_else(
            || Location::File { path: super::variables::DEFAULT_FILE.to_owned(), line: 1 },
            |(_, location)| location.clone(),
        );
        ConfigError::new(location, text.to_owned())
    }
}
