//! Whose cryptography.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::error::TlsError;

/// A provider that somebody gave. Two are equal where they are one and the same.
#[derive(Debug, Clone)]
pub(super) struct Provider(pub(super) Arc<CryptoProvider>);

impl PartialEq for Provider {
    fn eq(&self, other: &Provider) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Provider {}

/// The given one, else that of the features. Never the default of the process: two crates that each turn a provider on would
/// make rustls panic.
pub(super) fn choose(given: Option<&Provider>) -> Result<Arc<CryptoProvider>, TlsError> {
    match given {
        Some(Provider(given)) => Ok(Arc::clone(given)),
        None => default_provider(),
    }
}

/// The provider of cryptography that the features name: aws-lc-rs, else ring.
///
/// # Errors
/// When they name none.
pub fn default_provider() -> Result<Arc<CryptoProvider>, TlsError> {
    of_features()
}

#[cfg(feature = "aws-lc-rs")]
#[expect(clippy::unnecessary_wraps, reason = "the same shape with every set of features")]
fn of_features() -> Result<Arc<CryptoProvider>, TlsError> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape with every set of features")]
fn of_features() -> Result<Arc<CryptoProvider>, TlsError> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
fn of_features() -> Result<Arc<CryptoProvider>, TlsError> {
    Err(TlsError::new(
        "the features of trine-server",
        "there is no cryptography: turn on `tls` (aws-lc-rs) or `ring`, or give one by `Tls::provider`",
    ))
}
