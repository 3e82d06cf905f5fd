//! What HTTP/3 shares with the TLS of its listener: the certificates of both sides, and their
//! reload.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError};
use rustls::pki_types::CertificateDer;
use trine_server::tls::{ClientCertificates, Tls};
use trine_server::{Listener, ServerConfig};

use super::peer::{Client, config, endpoint};
use super::requests::Local;
use crate::common::pki::{Authority, Signed, der};
use crate::common::tls::SignedExt as _;
use crate::common::{self, within};

async fn connect(
    address: std::net::SocketAddr,
    authority: &Authority,
    own: Option<&Signed>,
) -> Result<Connection, ConnectionError> {
    let mut tls = authority.trusted_by(own);
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    within(endpoint().connect_with(config, address, "localhost").unwrap()).await
}

fn shown(connection: &Connection) -> Vec<u8> {
    let chain =
        connection.peer_identity().unwrap().downcast::<Vec<CertificateDer<'static>>>().unwrap();
    chain[0].to_vec()
}

#[tokio::test]
async fn new_connections_see_new_certificates_and_old_ones_stay_open() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("of the test");
    let first = authority.sign(&["localhost"]);
    first.write(folder.path(), "a");
    let tls = Tls::from_files(folder.path().join("a.pem"), folder.path().join("a.key"));
    let listeners = vec![Listener::tls(config().socket_addr(), tls).http3()];
    let config = ServerConfig { listeners, tls_watch: Duration::ZERO, ..config() };
    let server = common::start(config);

    let old = connect(server.address, &authority, None).await.unwrap();
    assert_eq!(shown(&old), der(&first));
    let second = authority.sign(&["localhost"]);
    second.write(folder.path(), "a");
    server.handle.reload_certificates().unwrap();
    let new = connect(server.address, &authority, None).await.unwrap();
    assert_eq!(shown(&new), der(&second));
    for connection in [old, new] {
        assert_eq!(Client::over(connection).await.get("/hello").await.text(), "hello");
    }
    server.stop().await;
}

#[tokio::test]
async fn clients_present_their_certificate() {
    let authority = Authority::new("of the test");
    let tls = authority
        .sign(&["localhost"])
        .tls()
        .client_authorities_pem(authority.pem(), ClientCertificates::Required);
    let listeners = vec![Listener::tls(config().socket_addr(), tls).http3()];
    let server = common::run(ServerConfig { listeners, ..config() }, Local);

    let own = authority.sign_client("ann");
    let mut client =
        Client::over(connect(server.address, &authority, Some(&own)).await.unwrap()).await;
    let told = client.get("/").await.text().to_owned();
    assert!(told.contains("client_certificates: [b\""), "{told}");

    // In TLS 1.3, a client may continue before the server has checked its certificate.
    let refused = match connect(server.address, &authority, None).await {
        Ok(connection) => within(connection.closed()).await,
        Err(error) => error,
    };
    assert!(matches!(refused, ConnectionError::ConnectionClosed(_)), "{refused}");
    server.stop().await;
}
