//! TLS to upstreams: trust, the protocols that are offered, the handshake.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::connection::stream::Stream;
use crate::error::{Fault, ProxyError};
use crate::upstream::Upstream;

/// What upstreams are asked for: both protocols, and HTTP/1 alone where a connection is to be
/// upgraded.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

/// Why the certificates of authorities cannot be used.
#[derive(Debug)]
pub struct TlsError(String);

impl Tls {
    /// Trusts what the system trusts.
    pub(crate) fn of_system() -> Result<Tls, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err(TlsError("the system has no certificate that could be trusted".to_owned()));
        }
        Tls::new(roots)
    }

    /// Trusts these certificates, in PEM, and no others.
    pub(crate) fn of_pem(pem: &[u8]) -> Result<Tls, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| TlsError(format!("not PEM: {error}")))?;
            roots
                .add(certificate)
                .map_err(|error| TlsError(format!("not a certificate: {error}")))?;
        }
        if roots.is_empty() {
            return Err(TlsError("there is no certificate in it".to_owned()));
        }
        Tls::new(roots)
    }

    fn new(roots: RootCertStore) -> Result<Tls, TlsError> {
        let wrong = |error: &dyn std::fmt::Display| TlsError(error.to_string());
        let provider = trine_server::tls::default_provider().map_err(|error| wrong(&error))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Tls::of(config))
    }

    pub(crate) fn of(mut config: ClientConfig) -> Tls {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        config.alpn_protocols.insert(0, b"h2".to_vec());
        Tls { both: Arc::new(config), http1 }
    }

    /// The handshake; true where HTTP/2 was agreed on.
    pub(crate) async fn handshake(
        &self,
        upstream: &Upstream,
        tcp: TcpStream,
        http1_only: bool,
    ) -> Result<(Stream, bool), ProxyError> {
        let (host, _) = upstream.address();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| ProxyError::because(Fault::Tls, error))?;
        let config = if http1_only { &self.http1 } else { &self.both };
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, tcp)
            .await
            .map_err(|error| ProxyError::because(Fault::Tls, error))?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Stream::Tls(Box::new(stream)), h2))
    }
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the certificates that upstreams are checked with cannot be used: {}", self.0)
    }
}

impl std::error::Error for TlsError {}
