//! From PEM to a chain of certificates with its key, its names and its time.

use std::borrow::Cow;
use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

#[cfg(feature = "acme")]
use super::acme::{self, Managed, State};
use super::error::TlsError;

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Pem {
        chain: Pem,
        key: Pem,
    },
    /// The names in it.
    #[cfg(feature = "self-signed")]
    SelfSigned(Vec<String>),
    /// Got and renewed by the server.
    #[cfg(feature = "acme")]
    Acme(Box<Managed>),
}

/// PEM, as a file or as its text.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pem {
    File(PathBuf),
    Text(Arc<[u8]>),
}

/// A certificate that can be shown.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) certified: Arc<CertifiedKey>,
    /// What it is valid for, in lower case. Without those that are addresses: no client may ask for
    /// one by name.
    pub(super) names: Vec<String>,
}

/// What a source gives.
#[derive(Debug)]
pub(super) enum Supply {
    Loaded(Loaded),
    /// Whatever is there at the time, for these names.
    #[cfg(feature = "acme")]
    Acme(Arc<State>, Vec<String>),
}

impl Source {
    pub(super) fn new(chain: Pem, key: Pem) -> Source {
        Source::Pem { chain, key }
    }

    /// Reads everything and checks that it fits together. What is only odd is logged.
    pub(super) fn load(&self, provider: &CryptoProvider) -> Result<Supply, TlsError> {
        match self {
            Source::Pem { chain, key } => load(chain, key, provider).map(Supply::Loaded),
            #[cfg(feature = "self-signed")]
            Source::SelfSigned(names) => {
                let (chain, key) = super::self_signed::make(names)?;
                load(&Pem::text(chain), &Pem::text(key), provider).map(Supply::Loaded)
            }
            #[cfg(feature = "acme")]
            Source::Acme(managed) => {
                acme::settings(managed)?;
                let names =
                    managed.settings.domains.iter().map(|name| name.to_ascii_lowercase()).collect();
                Ok(Supply::Acme(Arc::clone(&managed.state), names))
            }
        }
    }

    #[cfg(feature = "acme")]
    pub(super) fn managed(&self) -> Option<&Managed> {
        if let Source::Acme(managed) = self { Some(managed) } else { None }
    }

    #[cfg(feature = "acme")]
    pub(super) fn managed_mut(&mut self) -> Option<&mut Managed> {
        if let Source::Acme(managed) = self { Some(managed) } else { None }
    }

    /// The files that it is made of.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let pems = match self {
            Source::Pem { chain, key } => [Some(chain), Some(key)],
            #[cfg(feature = "self-signed")]
            Source::SelfSigned(_) => [None, None],
            #[cfg(feature = "acme")]
            Source::Acme(_) => [None, None],
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
            format!("expected the private key of the first certificate in {chain}, got that of another one"),
        ),
        rustls::Error::InvalidCertificate(_) => {
            TlsError::new(chain, format!("the first certificate cannot be read: {error}"))
        }
        error => TlsError::new(key, format!("the private key cannot be used: {error}")),
    })?;
    let names = inspect(chain, &certified.cert[0])?;
    Ok(Loaded { certified: Arc::new(certified), names })
}

/// The names of a certificate. One whose time is over, or not come yet, is worth a warning and no
/// more: an expired one is better than no service, and the clock may be wrong.
fn inspect(chain: &Pem, der: &CertificateDer<'_>) -> Result<Vec<String>, TlsError> {
    let unreadable = |error| {
        TlsError::new(chain, format!("the first certificate cannot be read (X.509): {error}"))
    };
    let certificate = Certificate::from_der(der).map_err(unreadable)?;
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

impl Pem {
    pub(super) fn text(text: impl Into<Vec<u8>>) -> Pem {
        Pem::Text(text.into().into())
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Pem::File(path) => Some(path),
            Pem::Text(_) => None,
        }
    }

    /// At least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let text = self.read()?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = certificates.map_err(|error| self.malformed(&error))?;
        if certificates.is_empty() {
            return Err(TlsError::new(
                self,
                format!("expected `-----BEGIN CERTIFICATE-----`, got {}", found(&text)),
            ));
        }
        Ok(certificates)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let text = self.read()?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                let hint = if contains(&text, "ENCRYPTED PRIVATE KEY") {
                    "; decrypt it first: `openssl pkey -in encrypted.pem -out key.pem`"
                } else {
                    ""
                };
                let found = found(&text);
                TlsError::new(
                    self,
                    format!("expected `-----BEGIN PRIVATE KEY-----`, got {found}{hint}"),
                )
            }
            error => self.malformed(&error),
        })
    }

    fn read(&self) -> Result<Cow<'_, [u8]>, TlsError> {
        match self {
            Pem::Text(text) => Ok(Cow::Borrowed(text)),
            Pem::File(path) => match std::fs::read(path) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(error) => Err(TlsError::new(
                    self,
                    format!("expected a PEM file, but it cannot be read: {error}"),
                )),
            },
        }
    }

    fn malformed(&self, error: &pem::Error) -> TlsError {
        TlsError::new(self, format!("expected PEM, but it is malformed: {error}"))
    }
}

impl Display for Pem {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Pem::File(path) => path.display().fmt(f),
            Pem::Text(_) => f.write_str("the PEM text"),
        }
    }
}

impl std::fmt::Debug for Pem {
    // The text may be a private key.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self, f)
    }
}

/// What a PEM file holds instead of what was looked for.
fn found(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let headers: Vec<&str> =
        text.lines().filter(|line| line.starts_with("-----BEGIN ")).take(3).collect();
    match &*headers {
        [] if text.trim().is_empty() => "an empty file".to_owned(),
        [] => "no PEM at all (DER? convert it: `openssl x509 -inform der` or `openssl pkey -inform der`)"
            .to_owned(),
        headers => format!("`{}`", headers.join("`, `")),
    }
}

fn contains(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}
