//! Pebble, the test authority by Let's Encrypt. It finds mistakes that the client and the authority
//! of these tests could share.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use trine_core::Body;
use trine_server::https::HttpsRedirect;
use trine_server::tls::Tls;
use trine_server::{Acme, AcmeChallenge, Listener, ServerConfig};

use super::site::ANYWHERE;
use crate::common::pki::{Authority, anything, ask, connect, trusting};
use crate::common::{Running, bind, body, config, within};

struct Pebble(Child);

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn is_here() -> bool {
    let here = Command::new("pebble").arg("--help").stderr(Stdio::null()).status().is_ok();
    assert!(here || std::env::var_os("REQUIRE_PEBBLE").is_none(), "pebble is missing");
    if !here {
        eprintln!("skipped: there is no pebble");
    }
    here
}

#[tokio::test]
async fn pebble_issues_a_certificate_by_each_challenge() {
    if !is_here() {
        return;
    }
    for challenge in [AcmeChallenge::TlsAlpn01, AcmeChallenge::Http01] {
        let folder = tempfile::tempdir().unwrap();
        let (directory, management) = (free(), free());
        let own = Authority::new("of the port of Pebble");
        own.sign(&["localhost"]).write(folder.path(), "pebble");
        let root = folder.path().join("root.pem");
        std::fs::write(&root, own.pem()).unwrap();
        let acme = Acme {
            poll_interval: Duration::from_millis(100),
            first_retry: Duration::from_millis(300),
            ..Acme::new(["localhost"])
                .contact("mailto:ops@example.com")
                .cache(folder.path().join("cache"))
                .directory(format!("https://localhost:{}/dir", directory.port()))
                .roots(&root)
                .challenge(challenge)
                .agree_to_terms()
        };
        let plain = Listener::redirect_to_https(ANYWHERE.into(), HttpsRedirect::new());
        let bound = bind(ServerConfig {
            listeners: vec![Listener::tls(ANYWHERE.into(), Tls::acme(acme)), plain],
            ..config()
        });
        let places: Vec<_> = bound.local_addrs().map(|address| address.tcp().unwrap()).collect();
        let settings = serde_json::json!({ "pebble": {
            "listenAddress": directory.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": folder.path().join("pebble.pem"),
            "privateKey": folder.path().join("pebble.key"),
            "tlsPort": places[0].port(),
            "httpPort": places[1].port(),
        }});
        let file = folder.path().join("pebble.json");
        std::fs::write(&file, settings.to_string()).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("pebble");
        command.arg("-config").arg(&file).arg("-strict");
        // Pebble rejects some nonces, and delays its validation as the real authority may. The
        // delay would only make the test slower, so it is switched off.
        command.env("PEBBLE_VA_NOSLEEP", "1").stdout(log.try_clone().unwrap()).stderr(log);
        let _pebble = Pebble(command.spawn().unwrap());
        let service = tower::service_fn(|_: Request<Body>| {
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::from("served"))))
        });
        let (address, handle) = (places[0], bound.handle());
        let running = Running {
            address,
            handle,
            task: tokio::spawn(bound.serve(trine_server::NativeUpgrades(service))),
        };
        let served = async {
            loop {
                if let Some(answer) = served(address, management).await {
                    break answer;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let Ok(answer) = tokio::time::timeout(Duration::from_secs(30), served).await else {
            panic!("{}", std::fs::read_to_string(folder.path().join("log")).unwrap());
        };
        assert!(answer.ends_with("served"), "{answer}");
        running.stop().await;
    }
}

/// The response to a client that trusts only what Pebble signs.
async fn served(address: SocketAddr, management: SocketAddr) -> Option<String> {
    let mut pebble = within(connect(management, "localhost", &anything())).await.ok()?;
    let root = ask(&mut pebble, "/roots/0").await.ok()?;
    let root = CertificateDer::from_pem_slice(body(&root).as_bytes()).unwrap();
    let mut client = connect(address, "localhost", &Arc::new(trusting(root))).await.ok()?;
    ask(&mut client, "/").await.ok()
}
