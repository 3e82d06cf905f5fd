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

/// The given one, else that of the features. Never the default of the process: two crates that each
/// turn a provider on would make rustls panic.
pub(super) fn choose(given: Option<&Provider>) -> Result<Arc<CryptoProvider>, TlsError> {
    match given {
        Some(Provider(given)) => Ok(Arc::clone(given)),
        None => default_provider(),
    }
}

/// The provider of cryptography that the features name: aws-lc-rs, else ring. Of its cipher suites
/// those of AES-256, which come first in rustls, come last: with SHA-384 they make a handshake a
/// tenth dearer, and no attack is known that AES-128 would not stop. Whoever must have them gives
/// `Tls::provider` the one of rustls.
///
/// # Errors
/// When they name none.
pub fn default_provider() -> Result<Arc<CryptoProvider>, TlsError> {
    let mut provider = of_features()?;
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite().as_str().is_some_and(|name| name.contains("AES_256")));
    Ok(Arc::new(provider))
}

#[cfg(feature = "aws-lc-rs")]
#[expect(clippy::unnecessary_wraps, reason = "the same shape with every set of features")]
fn of_features() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape with every set of features")]
fn of_features() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::ring::default_provider())
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
fn of_features() -> Result<CryptoProvider, TlsError> {
    Err(TlsError::new(
        "the features of trine-server",
        "there is no cryptography: turn on `tls` (aws-lc-rs) or `ring`, or give one by `Tls::provider`",
    ))
}
