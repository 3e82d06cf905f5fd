//! Slow clients, with paused time. `tests/it/tls` tests them with real sockets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use trine_core::{Body, ConnInfo};

use super::Tls;
use crate::config::limits::Limits;
use crate::forwarded::TrustedProxies;
use crate::listen::listener::Listener;
use crate::seam::{MakeWorker as _, NativeUpgrades};
use crate::server::connection::serve_connection;
use crate::server::setup::ListenerSetup;
use crate::server::shutdown::Drain;

const LARGE: usize = 1_000_000;

async fn service(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let body = if request.uri().path() == "/large" {
        Body::from(vec![b'x'; LARGE])
    } else {
        Body::from("hello")
    };
    Ok(Response::new(body))
}

/// The client side of a connection with the default configuration, a connector that trusts the
/// server, and a task that ends with the connection.
async fn open() -> (DuplexStream, TlsConnector, JoinHandle<Duration>) {
    let (chain, key) = super::self_signed::make(&["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let trusted = builder.with_root_certificates(roots).with_no_client_auth();

    let limits = Arc::new(Limits::default());
    let listener = Listener::tls(([127, 0, 0, 1], 0).into(), Tls::from_pem(chain, key));
    let proxies = Arc::new(TrustedProxies::default());
    let setup = ListenerSetup::new(&listener, &listener.address, &limits, &proxies).unwrap();
    let setup = Arc::new(setup);
    let (client, server) = tokio::io::duplex(16 * 1024);
    let drain = Arc::new(Drain::default());
    let guard = drain.register(Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap());
    let worker = Arc::new(NativeUpgrades(tower::service_fn(service)).worker(0).await.unwrap());
    let ended = tokio::task::spawn_local(async move {
        let start = Instant::now();
        serve_connection(server, ConnInfo::plain(None, None), setup, worker, limits, guard).await;
        start.elapsed()
    });
    (client, TlsConnector::from(Arc::new(trusted)), ended)
}

async fn connect() -> (TlsStream<DuplexStream>, JoinHandle<Duration>) {
    let (client, connector, ended) = open().await;
    let name = ServerName::try_from("localhost").unwrap();
    (connector.connect(name, client).await.unwrap(), ended)
}

#[tokio::test(start_paused = true)]
async fn a_handshake_times_out_after_ten_seconds() {
    let paused = async {
        // Nothing; half a record; a record that promises more.
        for bytes in [&b""[..], &[22, 3], &[22, 3, 1, 0, 5, 1, 0, 1, 0, 0]] {
            let (mut client, _, ended) = open().await;
            client.write_all(bytes).await.unwrap();
            assert_eq!(ended.await.unwrap().as_secs(), 10, "{bytes:?}");
        }
        // Single bytes do not extend the timeout.
        let (mut client, _, ended) = open().await;
        client.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
        while client.write_all(&[1]).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(ended.await.unwrap().as_secs(), 10);
    };
    LocalSet::new().run_until(paused).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_with_close_notify() {
    let paused = async {
        let (mut client, ended) = connect().await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(ended.await.unwrap().as_secs(), 75);
    };
    LocalSet::new().run_until(paused).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_disconnected() {
    let paused = async {
        let (mut client, ended) = connect().await;
        client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(ended.await.unwrap().as_secs(), 30);
    };
    LocalSet::new().run_until(paused).await;
}

/// Bytes that TLS holds back must count as progress when they are sent, and only then.
#[tokio::test(start_paused = true)]
async fn a_reader_above_the_minimum_rate_is_served_and_one_below_is_not() {
    let paused = async {
        for (rate, served) in [(1_000, true), (100, false)] {
            let (mut client, ended) = connect().await;
            client
                .write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            client.flush().await.unwrap();
            // It reads below TLS, since a TLS client would read a whole record at once.
            let socket = client.get_mut().0;
            let mut read = 0;
            let mut bytes = vec![0; rate];
            loop {
                match socket.read(&mut bytes).await {
                    Ok(0) | Err(_) => break,
                    Ok(more) => read += more,
                }
                sleep(Duration::from_secs(1)).await;
            }
            drop(client);
            let time = ended.await.unwrap();
            assert_eq!(read > LARGE, served, "{rate} a second: {read} bytes in {time:?}");
        }
    };
    LocalSet::new().run_until(paused).await;
}
