//! Which certificate a client is shown.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Loaded, Source};
use super::error::TlsError;

/// The certificates of a listener, by name.
#[derive(Debug)]
pub(super) struct Certificates {
    first: Arc<CertifiedKey>,
    single: bool,
    /// `example.com`, and `*.example.com` as it stands in the certificate.
    names: HashMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    pub(super) fn load(sources: &[Source], provider: &CryptoProvider) -> Result<Certificates, TlsError> {
        let loaded: Vec<Loaded> =
            sources.iter().map(|source| source.load(provider)).collect::<Result<_, _>>()?;
        let Some(first) = loaded.first().map(|first| Arc::clone(&first.certified)) else {
            return Err(TlsError::new("the settings of TLS", "there is no certificate"));
        };
        let single = loaded.len() == 1;
        let mut names = HashMap::new();
        for Loaded { certified, names: of_it } in loaded {
            for name in of_it {
                // Where two certificates have a name, the one that was given first is shown.
                names.entry(name).or_insert_with(|| Arc::clone(&certified));
            }
        }
        Ok(Certificates { first, single, names })
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = name.filter(|_| !self.single) else { return Some(Arc::clone(&self.first)) };
        // rustls gives it in lower case.
        let exact = self.names.get(name);
        let found = exact.or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.names.get(&format!("*.{parent}"))
        });
        found.map(Arc::clone)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}
