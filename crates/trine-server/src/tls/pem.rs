//! PEM: certificates and private keys as text.

use std::borrow::Cow;
use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;

/// PEM from a file, or as text.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Pem {
    File(PathBuf),
    Text(Arc<[u8]>),
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

    /// All certificates; there is at least one.
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

    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
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
    // The text may be a private key, so it is not shown.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self, f)
    }
}

/// Describes what a PEM file contains instead of what was expected.
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
