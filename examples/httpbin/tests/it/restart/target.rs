//! The address of the server, in clear text or over TLS.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

pub(crate) type Stream = Box<dyn Duplex>;

#[derive(Clone)]
pub(crate) struct Target {
    address: String,
    tls: Option<Arc<ClientConfig>>,
}

impl Target {
    pub(crate) fn plain(address: &str) -> Target {
        Target { address: address.to_owned(), tls: None }
    }

    pub(crate) fn secure(address: &str, certificate: &Certificate) -> Target {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.trusted.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Target { address: address.to_owned(), tls: Some(Arc::new(config)) }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Over TLS, the server has to choose `protocol` by ALPN.
    pub(crate) async fn connect(&self, protocol: &str) -> Result<Stream, String> {
        let stream =
            TcpStream::connect(&self.address).await.map_err(|error| format!("connect: {error}"))?;
        let Some(config) = &self.tls else { return Ok(Box::new(stream)) };
        let mut config = ClientConfig::clone(config);
        config.alpn_protocols = vec![protocol.into()];
        let name = ServerName::try_from("localhost").unwrap();
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = shaken.map_err(|error| format!("TLS handshake: {error}"))?;
        if stream.get_ref().1.alpn_protocol() != Some(protocol.as_bytes()) {
            return Err(format!("the server does not speak {protocol}"));
        }
        Ok(Box::new(stream))
    }
}

/// A self-signed certificate.
pub(crate) struct Certificate {
    trusted: CertificateDer<'static>,
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Certificate {
    pub(crate) fn new() -> Certificate {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Certificate {
            trusted: cert.der().clone(),
            chain: cert.pem(),
            key: signing_key.serialize_pem(),
        }
    }
}
