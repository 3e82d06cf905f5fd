//! Which certificate a client is shown.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

#[cfg(feature = "acme")]
use super::acme::{self, State};
use super::certificate::{Loaded, Source, Supply};
use super::error::TlsError;

/// The certificates of a listener, by name.
#[derive(Debug)]
pub(super) struct Certificates {
    first: Shown,
    single: bool,
    /// `example.com`, and `*.example.com` as it stands in the certificate.
    names: HashMap<String, Shown>,
    /// Those that the server gets by itself.
    #[cfg(feature = "acme")]
    managed: Vec<Arc<State>>,
}

#[derive(Debug, Clone)]
enum Shown {
    This(Arc<CertifiedKey>),
    /// The one that is there at the time, if any.
    #[cfg(feature = "acme")]
    Newest(Arc<State>),
}

impl Shown {
    fn get(&self) -> Option<Arc<CertifiedKey>> {
        match self {
            Shown::This(certified) => Some(Arc::clone(certified)),
            #[cfg(feature = "acme")]
            Shown::Newest(state) => state.certificate(),
        }
    }
}

impl Certificates {
    pub(super) fn load(
        sources: &[Source],
        provider: &CryptoProvider,
    ) -> Result<Certificates, TlsError> {
        let mut first = None;
        let mut names = HashMap::new();
        #[cfg(feature = "acme")]
        let mut managed = Vec::new();
        for source in sources {
            let (shown, of_it) = match source.load(provider)? {
                Supply::Loaded(Loaded { certified, names }) => (Shown::This(certified), names),
                #[cfg(feature = "acme")]
                Supply::Acme(state, names) => {
                    managed.push(Arc::clone(&state));
                    (Shown::Newest(state), names)
                }
            };
            first.get_or_insert_with(|| shown.clone());
            for name in of_it {
                // Where two certificates have a name, the one that was given first is shown.
                names.entry(name).or_insert_with(|| shown.clone());
            }
        }
        let Some(first) = first else {
            return Err(TlsError::new("the settings of TLS", "there is no certificate"));
        };
        Ok(Certificates {
            first,
            single: sources.len() == 1,
            names,
            #[cfg(feature = "acme")]
            managed,
        })
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = name.filter(|_| !self.single) else { return self.first.get() };
        // rustls gives it in lower case.
        let exact = self.names.get(name);
        let found = exact.or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.names.get(&format!("*.{parent}"))
        });
        found.and_then(Shown::get)
    }

    /// What an authority is shown, which offers its own protocol and no other (RFC 8737, 3).
    #[cfg(feature = "acme")]
    fn proof(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.managed.iter().find_map(|state| state.tls_proof(name?))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        #[cfg(feature = "acme")]
        if !self.managed.is_empty()
            && hello.alpn().is_some_and(|offered| offered.eq([acme::PROTOCOL]))
        {
            return self.proof(hello.server_name());
        }
        self.find(hello.server_name())
    }
}
