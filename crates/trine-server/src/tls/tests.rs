//! Slow clients, on paused time. `tests/it/tls` has them on real sockets.

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
use crate::config::ServerConfig;
use crate::listen::Listen;
use crate::seam::{MakeWorker as _, Own};
use crate::server::enter::{Door, enter};
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

/// The client's end of a connection with the default configuration, what it trusts, and what ends
/// when the connection does.
async fn open() -> (DuplexStream, TlsConnector, JoinHandle<Duration>) {
    let (chain, key) = super::self_signed::make(&["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let trusted = builder.with_root_certificates(roots).with_no_client_auth();

    let config = Arc::new(ServerConfig::default());
    let listen = Listen::tls(([127, 0, 0, 1], 0).into(), Tls::from_pem(chain, key));
    let door = Arc::new(Door::new(&listen, &listen.address, &config).unwrap());
    let (client, server) = tokio::io::duplex(16 * 1024);
    let drain = Arc::new(Drain::default());
    let place = drain.enter(Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap());
    let worker = Arc::new(Own(tower::service_fn(service)).worker(0).await.unwrap());
    let ended = tokio::task::spawn_local(async move {
        let start = Instant::now();
        enter(server, ConnInfo::plain(None, None), door, worker, config, place).await;
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
async fn a_handshake_has_ten_seconds() {
    let paused = async {
        // Nothing; half a record; a record that promises more.
        for bytes in [&b""[..], &[22, 3], &[22, 3, 1, 0, 5, 1, 0, 1, 0, 0]] {
            let (mut client, _, ended) = open().await;
            client.write_all(bytes).await.unwrap();
            assert_eq!(ended.await.unwrap().as_secs(), 10, "{bytes:?}");
        }
        // Bytes that trickle buy no time.
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
async fn an_idle_connection_ends_with_a_word() {
    let paused = async {
        let (mut client, ended) = connect().await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(ended.await.unwrap().as_secs(), 75);
    };
    LocalSet::new().run_until(paused).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_let_go() {
    let paused = async {
        let (mut client, ended) = connect().await;
        client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(ended.await.unwrap().as_secs(), 30);
    };
    LocalSet::new().run_until(paused).await;
}

/// What TLS holds back must count as progress when it leaves, and only then.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_served_and_one_that_is_too_slow_is_not() {
    let paused = async {
        for (rate, served) in [(1_000, true), (100, false)] {
            let (mut client, ended) = connect().await;
            client
                .write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            client.flush().await.unwrap();
            // Below TLS: its own client would read a whole record at once.
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
