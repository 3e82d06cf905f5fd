//! HTTP/3 with the crate `h3`.

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use quinn::Connection as Quic;
use trine_server::{NativeUpgrades, ServerConfig};

use super::protocol::{Client, Exchange, Protocol, Server};
use super::service;
use crate::common::{self, within};
use crate::http3::peer;

pub struct Http3;

pub struct Connection(peer::Client);

type Stream = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

pub struct Request {
    stream: Stream,
    status: Option<u16>,
}

async fn quic(server: &Server) -> Option<Quic> {
    let config = peer::client_config(server.certificate.as_ref().unwrap(), b"h3");
    let connecting =
        peer::endpoint().connect_with(config, server.running.address, "localhost").unwrap();
    connecting.await.ok()
}

impl Protocol for Http3 {
    type Client = Connection;

    async fn start(config: ServerConfig) -> Server {
        let (place, certificate) = peer::place(&config);
        let config = ServerConfig { listeners: vec![place], ..config };
        let running = common::run(config, NativeUpgrades(tower::service_fn(service::answer)));
        Server { running, certificate: Some(certificate) }
    }

    async fn connect(server: &Server) -> Connection {
        Connection(peer::Client::over(within(quic(server)).await.unwrap()).await)
    }

    async fn is_served(server: &Server) -> bool {
        // A UDP port gives no sign that no server reads from it.
        let Ok(Some(quic)) = tokio::time::timeout(Duration::from_secs(2), quic(server)).await
        else {
            return false;
        };
        Connection(peer::Client::over(quic).await).ask("GET", "/hello").await.whole
    }

    async fn half_a_head(server: &Server) {
        let client = peer::Raw::over(within(quic(server)).await.unwrap()).await;
        let head = peer::head("GET", "/hello", &[]);
        let (_send, mut receive) = client.open(&head[..head.len() - 1]).await;
        assert_eq!(peer::status(&within(receive.read_to_end(10_000)).await.unwrap()), 408);
    }
}

impl Client for Connection {
    type Exchange = Request;

    async fn begin(&mut self, method: &str, target: &str) -> Request {
        let mut stream = self.0.start(peer::request(method, target)).await;
        if method != "POST" {
            within(stream.finish()).await.unwrap();
        }
        Request { stream, status: None }
    }

    async fn ended(&mut self) {
        within(self.0.quic.closed()).await;
    }
}

impl Exchange for Request {
    async fn send(&mut self, bytes: &str) {
        within(self.stream.send_data(Bytes::copy_from_slice(bytes.as_bytes()))).await.unwrap();
    }

    async fn end(&mut self) {
        within(self.stream.finish()).await.unwrap();
    }

    async fn head(&mut self) -> Option<u16> {
        if self.status.is_none() {
            self.status = Some(within(self.stream.recv_response()).await.ok()?.status().as_u16());
        }
        self.status
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ()> {
        match self.stream.recv_data().await {
            Ok(Some(mut data)) => Ok(Some(data.copy_to_bytes(data.remaining()).to_vec())),
            Ok(None) => Ok(None),
            Err(_) => Err(()),
        }
    }
}
