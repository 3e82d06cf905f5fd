//! TLS to upstreams: trust, the protocols that are offered, the handshake.

use std::borrow::Cow;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connection::stream::Stream;
use crate::error::{Fault, ProxyError};
use crate::upstream::url::Upstream;

/// The TLS configuration for upstreams: one that offers HTTP/2 and HTTP/1.1, and one that offers
/// HTTP/1.1 alone, for connections that are to be upgraded.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

/// The reason why the certificates of [`Proxy::roots`](crate::Proxy::roots) cannot be used.
///
/// ```
/// use trine_proxy::Proxy;
///
/// # fn main() -> Result<(), trine_proxy::UpstreamError> {
/// let error = Proxy::to("https://internal.example")?.roots(b"").unwrap_err();
/// assert!(error.to_string().ends_with("there is no certificate in the text"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TlsError(Cow<'static, str>);

impl TlsError {
    pub(crate) const UNSET: TlsError = TlsError(Cow::Borrowed("no upstream uses TLS"));
}

impl Tls {
    /// Trusts the certificates that the system trusts.
    pub(crate) fn of_system() -> Result<Tls, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err(TlsError("the system has no trusted certificates".into()));
        }
        Tls::with_roots(roots)
    }

    /// Trusts only these certificates, in PEM.
    pub(crate) fn of_pem(pem: &[u8]) -> Result<Tls, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate =
                certificate.map_err(|error| TlsError(format!("not PEM: {error}").into()))?;
            roots
                .add(certificate)
                .map_err(|error| TlsError(format!("not a certificate: {error}").into()))?;
        }
        if roots.is_empty() {
            return Err(TlsError("there is no certificate in the text".into()));
        }
        Tls::with_roots(roots)
    }

    fn with_roots(roots: RootCertStore) -> Result<Tls, TlsError> {
        let failed = |error: &dyn std::fmt::Display| TlsError(error.to_string().into());
        let provider = default_provider().map_err(|error| failed(&error))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Tls::new(config))
    }

    pub(crate) fn new(mut config: ClientConfig) -> Tls {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        config.alpn_protocols.insert(0, b"h2".to_vec());
        Tls { both: Arc::new(config), http1 }
    }

    /// Performs the handshake. Returns whether ALPN selected HTTP/2.
    pub(crate) async fn handshake(
        &self,
        upstream: &Upstream,
        tcp: TcpStream,
        http1_only: bool,
    ) -> Result<(Stream, bool), ProxyError> {
        let (host, _) = upstream.address();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| ProxyError::with_source(Fault::Tls, error))?;
        let config = if http1_only { &self.http1 } else { &self.both };
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, tcp)
            .await
            .map_err(|error| ProxyError::with_source(Fault::Tls, error))?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Stream::Tls(Box::new(stream)), h2))
    }
}

/// The cryptography that the features select: aws-lc-rs, or else ring. The AES-256 cipher suites,
/// which rustls prefers, come last: with SHA-384 they make a handshake a tenth more expensive, and
/// no known attack breaks AES-128.
fn default_provider() -> Result<Arc<CryptoProvider>, TlsError> {
    let mut provider = selected_provider()?;
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite().as_str().is_some_and(|name| name.contains("AES_256")));
    Ok(Arc::new(provider))
}

#[cfg(feature = "tls")]
#[expect(clippy::unnecessary_wraps, reason = "the same signature with each set of features")]
fn selected_provider() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(all(feature = "ring", not(feature = "tls")))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature with each set of features")]
fn selected_provider() -> Result<CryptoProvider, TlsError> {
    Ok(rustls::crypto::ring::default_provider())
}

#[cfg(not(any(feature = "tls", feature = "ring")))]
fn selected_provider() -> Result<CryptoProvider, TlsError> {
    let reason = "turn on the feature `tls` or `ring` of trine-proxy, or call `Proxy::tls`";
    Err(TlsError(reason.into()))
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the certificates to verify upstreams with cannot be used: {}", self.0)
    }
}

impl std::error::Error for TlsError {}
