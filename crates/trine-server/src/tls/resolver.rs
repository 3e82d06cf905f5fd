//! Which certificate a client receives.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

#[cfg(feature = "acme")]
use super::acme::challenge;
#[cfg(feature = "acme")]
use super::acme::state::State;
use super::certificate::{Certificate, CertificateSource, Loaded};
use super::error::TlsError;

/// The certificates of a listener, by name.
#[derive(Debug)]
pub(super) struct CertificateResolver {
    first: Entry,
    single: bool,
    /// `example.com`, and `*.example.com` as the certificate contains it.
    names: HashMap<String, Entry>,
    /// The certificates that the server orders.
    #[cfg(feature = "acme")]
    managed: Vec<Arc<State>>,
}

#[derive(Debug, Clone)]
enum Entry {
    Loaded(Arc<CertifiedKey>),
    /// The current certificate of the state, if there is one.
    #[cfg(feature = "acme")]
    Acme(Arc<State>),
}

impl Entry {
    fn get(&self) -> Option<Arc<CertifiedKey>> {
        match self {
            Entry::Loaded(certified) => Some(Arc::clone(certified)),
            #[cfg(feature = "acme")]
            Entry::Acme(state) => state.certificate(),
        }
    }
}

impl CertificateResolver {
    pub(super) fn load(
        sources: &[CertificateSource],
        provider: &CryptoProvider,
    ) -> Result<CertificateResolver, TlsError> {
        let mut first = None;
        let mut names = HashMap::new();
        #[cfg(feature = "acme")]
        let mut managed = Vec::new();
        for source in sources {
            let (entry, its_names) = match source.load(provider)? {
                Certificate::Loaded(Loaded { certified, names }) => {
                    (Entry::Loaded(certified), names)
                }
                #[cfg(feature = "acme")]
                Certificate::Acme(state, names) => {
                    managed.push(Arc::clone(&state));
                    (Entry::Acme(state), names)
                }
            };
            first.get_or_insert_with(|| entry.clone());
            for name in its_names {
                // If two certificates have the same name, the first one is used.
                names.entry(name).or_insert_with(|| entry.clone());
            }
        }
        let Some(first) = first else {
            return Err(TlsError::new("the TLS settings", "there is no certificate"));
        };
        Ok(CertificateResolver {
            first,
            single: sources.len() == 1,
            names,
            #[cfg(feature = "acme")]
            managed,
        })
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = name.filter(|_| !self.single) else { return self.first.get() };
        // rustls converts it to lower case.
        let exact = self.names.get(name);
        let found = exact.or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.names.get(&format!("*.{parent}"))
        });
        found.and_then(Entry::get)
    }

    /// The certificate that answers the challenge of an authority, which offers only its own
    /// protocol (RFC 8737, 3).
    #[cfg(feature = "acme")]
    fn challenge_certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.managed.iter().find_map(|state| state.challenge_certificate(name?))
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        #[cfg(feature = "acme")]
        if !self.managed.is_empty()
            && hello.alpn().is_some_and(|offered| offered.eq([challenge::ALPN]))
        {
            return self.challenge_certificate(hello.server_name());
        }
        self.find(hello.server_name())
    }
}
