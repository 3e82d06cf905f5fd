//! Certificates of clients (mTLS).

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use trine_core::{Body, ConnInfo};
use trine_server::tls::{ClientCertificates, Tls};
use trine_server::{Listener, MakeConnection, MakeWorker, ServerConfig};

use crate::common::pki::{Authority, Signed, ask, connect, der};
use crate::common::{Running, body, config, run};

/// Reports what the connection knows about its client.
#[derive(Clone)]
struct Teller;

#[derive(Clone)]
struct Told(ConnInfo);

impl MakeWorker for Teller {
    type Worker = Teller;

    async fn worker(&self, _: usize) -> Result<Teller, trine_core::BoxError> {
        Ok(Teller)
    }
}

impl MakeConnection for Teller {
    type Service = Told;

    fn connection(&self, info: &ConnInfo) -> Told {
        Told(info.clone())
    }
}

impl tower::Service<Request<Body>> for Told {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() == "/names" {
            let host = request.headers()["host"].to_str().unwrap();
            let name = self.0.tls.as_ref().unwrap().server_name.as_deref();
            let text = format!("{host} {}", name.unwrap_or("none"));
            return std::future::ready(Ok(Response::new(Body::from(text))));
        }
        let tls = self.0.tls.as_ref().unwrap();
        assert!(self.0.secure && self.0.peer.is_some());
        let text = format!(
            "{:?} {} {:?} {:?} {}",
            tls.version,
            tls.cipher_suite,
            tls.server_name,
            tls.protocol,
            tls.client_certificates.first().map_or(0, bytes::Bytes::len)
        );
        std::future::ready(Ok(Response::new(Body::from(text))))
    }
}

pub(crate) fn mutual(authority: &Authority, presence: ClientCertificates) -> Running {
    let Signed { chain, key } = authority.sign(&["localhost"]);
    let tls = Tls::from_pem(chain, key).client_authorities_pem(authority.pem(), presence);
    run(
        ServerConfig {
            listeners: vec![Listener::tls(([127, 0, 0, 1], 0).into(), tls)],
            ..config()
        },
        Teller,
    )
}

#[tokio::test]
async fn the_service_sees_the_negotiated_parameters_and_the_client_certificate() {
    let authority = Authority::new("of the test");
    let server = mutual(&authority, ClientCertificates::Required);
    let ann = authority.sign_client("ann");
    let mut known = authority.trusted_by(Some(&ann));
    known.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut client = connect(server.address, "localhost", &Arc::new(known)).await.unwrap();
    let answer = ask(&mut client, "/").await.unwrap();
    let expected = format!(
        "Tls13 TLS13_AES_128_GCM_SHA256 Some(\"localhost\") Some(b\"http/1.1\") {}",
        der(&ann).len()
    );
    assert_eq!(body(&answer), expected);
    server.stop().await;
}

#[tokio::test]
async fn a_required_certificate_that_is_missing_or_foreign_ends_the_handshake() {
    let authority = Authority::new("of the test");
    let server = mutual(&authority, ClientCertificates::Required);
    let foreign = Authority::new("another").sign_client("mallory");
    // Signed by the right authority, but only for servers.
    let server_only = authority.sign_with(&["localhost"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    for (own, alert) in [
        (None, "CertificateRequired"),
        (Some(&foreign), "UnknownCA"),
        (Some(&server_only), "alert"),
    ] {
        let config = Arc::new(authority.trusted_by(own));
        // In TLS 1.3, the handshake of the client completes before the server has checked the
        // certificate. The client gets the alert with its first read.
        let refused = match connect(server.address, "localhost", &config).await {
            Ok(mut client) => ask(&mut client, "/").await.unwrap_err(),
            Err(refused) => refused,
        };
        assert!(refused.to_string().contains(alert), "{refused}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_optional_certificate_may_be_missing_but_not_foreign() {
    let authority = Authority::new("of the test");
    let server = mutual(&authority, ClientCertificates::Optional);
    let mut nobody =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    assert!(body(&ask(&mut nobody, "/").await.unwrap()).ends_with(" 0"));
    let foreign = Authority::new("another").sign_client("mallory");
    let config = Arc::new(authority.trusted_by(Some(&foreign)));
    let mut client = connect(server.address, "localhost", &config).await.unwrap();
    let refused = ask(&mut client, "/").await.unwrap_err().to_string();
    assert!(refused.contains("UnknownCA"), "{refused}");
    drop((nobody, client));
    server.stop().await;
}

/// A resumed session still has the client certificate of the original handshake.
#[tokio::test]
async fn a_resumed_session_keeps_its_client_certificate() {
    let authority = Authority::new("of the test");
    let server = mutual(&authority, ClientCertificates::Required);
    let ann = authority.sign_client("ann");
    let config = Arc::new(authority.trusted_by(Some(&ann)));
    for kind in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let mut client = connect(server.address, "localhost", &config).await.unwrap();
        let answer = ask(&mut client, "/").await.unwrap();
        assert!(body(&answer).ends_with(&format!(" {}", der(&ann).len())), "{answer}");
        assert_eq!(client.get_ref().1.handshake_kind(), Some(kind));
    }
    server.stop().await;
}

#[tokio::test]
async fn the_names_of_handshake_and_request_are_distinguished() {
    let authority = Authority::new("of the test");
    let server = mutual(&authority, ClientCertificates::Optional);
    let mut client =
        connect(server.address, "localhost", &Arc::new(authority.trusted())).await.unwrap();
    assert_eq!(body(&ask(&mut client, "/names").await.unwrap()), "a localhost");
    server.stop().await;
}

/// The session may belong to a client whose authority is no longer trusted.
#[tokio::test]
async fn a_session_from_before_a_reload_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("of the test");
    authority.sign(&["localhost"]).write(folder.path(), "a");
    let clients = folder.path().join("clients.pem");
    let [old, new] = ["old", "new"].map(Authority::new);
    std::fs::write(&clients, old.pem()).unwrap();
    let tls = Tls::from_files(folder.path().join("a.pem"), folder.path().join("a.key"))
        .client_authorities(&clients, ClientCertificates::Required);
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), tls);
    let server = run(ServerConfig { listeners: vec![listener], ..config() }, Teller);
    let ann = old.sign_client("ann");
    let known = Arc::new(authority.trusted_by(Some(&ann)));
    for _ in 0..2 {
        let mut client = connect(server.address, "localhost", &known).await.unwrap();
        ask(&mut client, "/").await.unwrap();
    }
    std::fs::write(&clients, new.pem()).unwrap();
    server.handle.reload_certificates().unwrap();
    let refused = match connect(server.address, "localhost", &known).await {
        Ok(mut client) => ask(&mut client, "/").await.unwrap_err(),
        Err(refused) => refused,
    };
    assert!(refused.to_string().contains("UnknownCA"), "{refused}");
    server.stop().await;
}
