//! SIGHUP under load: upstreams and certificates change, and no request fails.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::kit::{Gateway, until, upstream, write};

/// Clients that send requests all the time, and a count of the responses.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: tokio::task::JoinSet<()>,
}

impl Load {
    fn start() -> Load {
        Load { stop: Arc::default(), asked: Arc::default(), clients: tokio::task::JoinSet::new() }
    }

    /// Adds a client that repeats this request. A request that fails makes the test fail.
    fn add<F: Future<Output = ()> + Send>(&mut self, ask: impl Fn() -> F + Send + 'static) {
        let (stop, asked) = (Arc::clone(&self.stop), Arc::clone(&self.asked));
        self.clients.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                tokio::time::timeout(Duration::from_secs(10), ask()).await.expect("no answer");
                asked.fetch_add(1, Ordering::SeqCst);
            }
        });
    }

    /// Waits until this many more requests were answered.
    async fn pass(&self, more: usize) {
        let enough = self.asked.load(Ordering::SeqCst) + more;
        until("more answers", async || self.asked.load(Ordering::SeqCst) >= enough).await;
    }

    async fn end(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a request failed");
        }
    }
}

#[tokio::test]
async fn upstreams_change_under_load_and_no_request_fails() {
    let (one, two) = (upstream("one").await, upstream("two").await);
    let routes = |url: &str| {
        format!(
            "[gateway]\nroutes = ['site']\naccess_log = false\n[routes.site]\nupstreams = ['{url}']\n"
        )
    };
    let gateway = Gateway::start(&routes(one.url()));
    let mut load = Load::start();
    for at in 0..6 {
        let (url, kept) = (format!("{}/x", gateway.url), reqwest::Client::new());
        load.add(move || {
            // Half of the clients keep their connections, and half open new ones.
            let client = if at % 2 == 0 { kept.clone() } else { reqwest::Client::new() };
            let asked = client.post(&url).body("body").send();
            async move {
                let answer = asked.await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(answer.text().await.unwrap().contains(" POST /x 4 "));
            }
        });
    }
    for round in 0..10 {
        let (url, name) = if round % 2 == 0 { (two.url(), "two ") } else { (one.url(), "one ") };
        write(gateway.folder.path(), &routes(url));
        gateway.process.signal("HUP");
        until("the new route", async || gateway.get("/x").await.1.starts_with(name)).await;
        load.pass(20).await;
    }
    load.end().await;
}

/// Writes a new certificate for `localhost` and returns it.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// Connects with these trusted certificates, sends a request, and returns the certificate of the
/// server.
async fn ask(address: String, trusted: Vec<CertificateDer<'static>>) -> CertificateDer<'static> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    let config = rustls::ClientConfig::builder_with_provider(
        rustls::crypto::aws_lc_rs::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(roots)
    .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    stream
        .write_all(b"GET /x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("one GET /x"), "{answer}");
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn certificates_change_under_load_and_no_request_fails() {
    let one = upstream("one").await;
    let folder = tempfile::tempdir().unwrap();
    let mut made = vec![certificate(folder.path())];
    let gateway = Gateway::start_in(
        folder,
        &format!(
            "tls_cert = 'cert.pem'\ntls_key = 'key.pem'\ntls_port = 0\n\
             [gateway]\nroutes = ['site']\n[routes.site]\nupstreams = ['{}']\n",
            one.url()
        ),
    );
    let address = gateway.tls.clone().unwrap();
    let trusted = Arc::new(std::sync::Mutex::new(made.clone()));
    let met = Arc::new(std::sync::Mutex::new(HashSet::new()));
    let mut load = Load::start();
    for _ in 0..4 {
        let (address, trusted, met) = (address.clone(), Arc::clone(&trusted), Arc::clone(&met));
        load.add(move || {
            let asked = ask(address.clone(), trusted.lock().unwrap().clone());
            let met = Arc::clone(&met);
            async move {
                let shown = asked.await;
                met.lock().unwrap().insert(shown);
            }
        });
    }
    for _ in 0..3 {
        load.pass(10).await;
        // The clients trust the new certificate before the gateway uses it.
        let spare = tempfile::tempdir().unwrap();
        made.push(certificate(spare.path()));
        *trusted.lock().unwrap() = made.clone();
        load.pass(10).await;
        for file in ["key.pem", "cert.pem"] {
            std::fs::copy(spare.path().join(file), gateway.folder.path().join(file)).unwrap();
        }
        gateway.process.signal("HUP");
        let newest = made.last().cloned().unwrap();
        until("the new certificate", async || met.lock().unwrap().contains(&newest)).await;
    }
    load.end().await;
    assert_eq!(met.lock().unwrap().len(), 4);
}
