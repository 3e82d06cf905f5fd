//! The provider of cryptography.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::error::TlsError;

/// A provider from the settings. Two are equal if they are the same allocation.
#[derive(Debug, Clone)]
pub(super) struct Provider(pub(super) Arc<CryptoProvider>);

impl PartialEq for Provider {
    fn eq(&self, other: &Provider) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Provider {}

/// The provider of the settings, or else the provider of the enabled features. It is never the
/// default of the process: if two crates enable a provider each, rustls panics.
pub(super) fn choose(given: Option<&Provider>) -> Result<Arc<CryptoProvider>, TlsError> {
    match given {
        Some(Provider(given)) => Ok(Arc::clone(given)),
        None => default_provider(),
    }
}

/// The provider of cryptography of the enabled features: aws-lc-rs, or else ring.
///
/// The cipher suites with AES-256, which rustls prefers, come last: with SHA-384 they make a
/// handshake a tenth more expensive, and no known attack breaks AES-128. To require AES-256, pass
/// the provider of rustls to [`Tls::provider`](super::Tls::provider).
///
/// ```
/// let provider = trine_server::tls::default_provider()?;
/// let first = provider.cipher_suites[0].suite();
/// assert_eq!(first.as_str(), Some("TLS13_AES_128_GCM_SHA256"));
/// # Ok::<_, trine_server::tls::TlsError>(())
/// ```
///
/// # Errors
/// If neither feature is enabled.
pub fn default_provider() -> Result<Arc<CryptoProvider>, TlsError> {
    let mut provider = of_features()?;
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite().as_str().is_some_and(|name| name.contains("AES_256")));
    Ok(Arc::new(provider))
}

#[cfg(feature = "aws-lc-rs")]
#[expect(clippy::unnecessary_wraps, reason = "the same signature with every set of features")]
fn of_features() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature with every set of features")]
fn of_features() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::ring::default_provider())
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
fn of_features() -> Result<CryptoProvider, TlsError> {
    Err(TlsError::new(
        "the features of trine-server",
        "there is no provider of cryptography: enable `tls` (aws-lc-rs) or `ring`, or pass one to `Tls::provider`",
    ))
}
