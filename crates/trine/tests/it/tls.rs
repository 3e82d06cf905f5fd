//! TLS from the perspective of an application.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use trine::extract::ClientCertificate;
use trine::https::Hsts;
use trine::prelude::*;
use trine::tls::{ClientCertificates, Tls};
use trine_server::{Listener, Server, ServerConfig, ServerHandle};

struct Pki(CertifiedIssuer<'static, KeyPair>);

impl Pki {
    fn new() -> Pki {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Pki(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn client(&self, own: Option<(String, String)>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

#[get("/who")]
async fn who(client: ClientCertificate) -> String {
    format!("{} {}", client.der().len(), client.chain().count())
}

#[get("/maybe")]
async fn maybe(client: Option<ClientCertificate>) -> String {
    client.is_some().to_string()
}

#[get("/conn")]
async fn conn(conn: ConnInfo) -> String {
    let name = conn.tls.as_ref().and_then(|tls| tls.server_name.as_deref()).unwrap_or("none");
    format!("{} {name}", conn.secure)
}

/// Serves the application on one port with TLS and on one without.
async fn start(pki: &Pki) -> (std::net::SocketAddr, std::net::SocketAddr, ServerHandle) {
    let (chain, key) = pki.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let tls =
        Tls::from_pem(chain, key).client_authorities_pem(pki.0.pem(), ClientCertificates::Optional);
    let anywhere = ([127, 0, 0, 1], 0).into();
    let config = ServerConfig {
        listeners: vec![Listener::tls(anywhere, tls), Listener::tcp(anywhere)],
        workers: 1,
        signals: false,
        ..ServerConfig::default()
    };
    let app =
        App::new().routes(routes![who, maybe, conn]).layer(Hsts::new(Duration::from_secs(60)));
    let service = app.build().await.unwrap();
    let bound = Server::new(config).bind().unwrap();
    let addresses: Vec<_> = bound.local_addrs().filter_map(trine_server::Address::tcp).collect();
    let handle = bound.handle();
    tokio::spawn(bound.serve(service));
    (addresses[0], addresses[1], handle)
}

async fn ask(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    path: &str,
) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn handlers_identify_the_client_by_its_certificate() {
    let pki = Pki::new();
    let (secure, plain, handle) = start(&pki).await;
    let ann = pki.sign("ann", ExtendedKeyUsagePurpose::ClientAuth);
    let length = CertificateDer::from_pem_slice(ann.0.as_bytes()).unwrap().len();
    let known = pki.client(Some(ann));
    let unknown = pki.client(None);
    let name = ServerName::try_from("localhost").unwrap();
    let connect = async |client: &TlsConnector| {
        client.connect(name.clone(), TcpStream::connect(secure).await.unwrap()).await.unwrap()
    };
    assert!(ask(connect(&known).await, "/who").await.ends_with(&format!("\r\n\r\n{length} 1")));
    assert!(ask(connect(&known).await, "/maybe").await.ends_with("true"));
    assert!(ask(connect(&unknown).await, "/maybe").await.ends_with("false"));
    assert!(ask(connect(&unknown).await, "/conn").await.ends_with("true localhost"));
    for refused in [
        ask(connect(&unknown).await, "/who").await,
        ask(TcpStream::connect(plain).await.unwrap(), "/who").await,
    ] {
        assert!(
            refused.starts_with("HTTP/1.1 403 ")
                && refused.contains("this needs a client certificate"),
            "{refused}"
        );
    }
    handle.shutdown();
}

/// The header field must not be sent over a connection without TLS (RFC 6797, section 7.2).
#[tokio::test]
async fn hsts_is_sent_over_tls_only() {
    let pki = Pki::new();
    let (secure, plain, handle) = start(&pki).await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream =
        pki.client(None).connect(name, TcpStream::connect(secure).await.unwrap()).await.unwrap();
    let answer = ask(stream, "/maybe").await;
    assert!(answer.contains("strict-transport-security: max-age=60\r\n"), "{answer}");
    let answer = ask(TcpStream::connect(plain).await.unwrap(), "/maybe").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && !answer.contains("strict-transport"),
        "{answer}"
    );
    handle.shutdown();
}
