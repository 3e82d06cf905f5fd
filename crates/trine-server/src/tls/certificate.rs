//! From PEM to a certificate chain with its key and its names.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_cert::Certificate as X509;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

#[cfg(feature = "acme")]
use super::acme::check;
#[cfg(feature = "acme")]
use super::acme::managed::Managed;
#[cfg(feature = "acme")]
use super::acme::state::State;
use super::error::TlsError;
use super::pem::Pem;

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateSource {
    Pem {
        chain: Pem,
        key: Pem,
    },
    /// The names of the certificate.
    #[cfg(feature = "self-signed")]
    SelfSigned(Vec<String>),
    /// Ordered and renewed by the server.
    #[cfg(feature = "acme")]
    Acme(Box<Managed>),
}

/// A certificate with its key.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) certified: Arc<CertifiedKey>,
    /// The host names that it is valid for, in lower case. IP addresses are left out, because
    /// clients cannot ask for them.
    pub(super) names: Vec<String>,
}

/// A certificate that is ready for handshakes.
#[derive(Debug)]
pub(super) enum Certificate {
    Loaded(Loaded),
    /// The current certificate of the state, for these names.
    #[cfg(feature = "acme")]
    Acme(Arc<State>, Vec<String>),
}

impl CertificateSource {
    pub(super) fn new(chain: Pem, key: Pem) -> CertificateSource {
        CertificateSource::Pem { chain, key }
    }

    /// Reads the certificate and checks that it matches its key. An expired one is only logged.
    pub(super) fn load(&self, provider: &CryptoProvider) -> Result<Certificate, TlsError> {
        match self {
            CertificateSource::Pem { chain, key } => {
                load(chain, key, provider).map(Certificate::Loaded)
            }
            #[cfg(feature = "self-signed")]
            CertificateSource::SelfSigned(names) => {
                let (chain, key) = super::self_signed::make(names)?;
                load(&Pem::text(chain), &Pem::text(key), provider).map(Certificate::Loaded)
            }
            #[cfg(feature = "acme")]
            CertificateSource::Acme(managed) => {
                check::settings(managed)?;
                let names =
                    managed.settings.domains.iter().map(|name| name.to_ascii_lowercase()).collect();
                Ok(Certificate::Acme(Arc::clone(&managed.state), names))
            }
        }
    }

    #[cfg(feature = "acme")]
    pub(super) fn managed(&self) -> Option<&Managed> {
        if let CertificateSource::Acme(managed) = self { Some(managed) } else { None }
    }

    #[cfg(feature = "acme")]
    pub(super) fn managed_mut(&mut self) -> Option<&mut Managed> {
        if let CertificateSource::Acme(managed) = self { Some(managed) } else { None }
    }

    /// The files that it is read from.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let pems = match self {
            CertificateSource::Pem { chain, key } => [Some(chain), Some(key)],
            #[cfg(feature = "self-signed")]
            CertificateSource::SelfSigned(_) => [None, None],
            #[cfg(feature = "acme")]
            CertificateSource::Acme(_) => [None, None],
        };
        pems.into_iter().flatten().filter_map(Pem::file)
    }
}

pub(super) fn load(chain: &Pem, key: &Pem, provider: &CryptoProvider) -> Result<Loaded, TlsError> {
    let certificates = chain.certificates()?;
    let private = key.private_key()?;
    let certified = CertifiedKey::from_der(certificates, private, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::new(
            key,
            format!("expected the private key of the first certificate in {chain}, got the key of another certificate"),
        ),
        rustls::Error::InvalidCertificate(_) => {
            TlsError::new(chain, format!("the first certificate cannot be read: {error}"))
        }
        error => TlsError::new(key, format!("the private key cannot be used: {error}")),
    })?;
    let names = names(chain, &certified.cert[0])?;
    Ok(Loaded { certified: Arc::new(certified), names })
}

/// The names of a certificate. If it has expired or is not valid yet, that is only logged: an
/// expired certificate is better than no service, and the clock may be wrong.
fn names(chain: &Pem, der: &CertificateDer<'_>) -> Result<Vec<String>, TlsError> {
    let unreadable = |error| {
        TlsError::new(chain, format!("the first certificate cannot be read (X.509): {error}"))
    };
    let certificate = X509::from_der(der).map_err(unreadable)?;
    let tbs = certificate.tbs_certificate();
    let now = SystemTime::now();
    let validity = tbs.validity();
    if validity.not_after.to_system_time() < now {
        tracing::warn!(certificate = %chain, ended = %validity.not_after, "the certificate has expired; clients will refuse it");
    } else if validity.not_before.to_system_time() > now {
        tracing::warn!(certificate = %chain, begins = %validity.not_before, "the certificate is not valid yet; clients will refuse it");
    }
    let names = tbs.get_extension::<SubjectAltName>().map_err(unreadable)?;
    let names = names.map(|(_, names)| names.0).unwrap_or_default();
    let dns = names.into_iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        _ => None,
    });
    Ok(dns.collect())
}
