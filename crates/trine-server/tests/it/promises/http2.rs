//! HTTP/2 with the crate `h2`, in clear text by prior knowledge.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use trine_server::ServerConfig;

use super::protocol::{Client, Exchange, Protocol, Server};
use super::service;
use crate::common::{self, within};

pub struct Http2;

pub struct Connection {
    requests: SendRequest<Bytes>,
    running: JoinHandle<()>,
}

pub struct Request {
    answer: Option<ResponseFuture>,
    body: SendStream<Bytes>,
    status: Option<u16>,
    read: Option<RecvStream>,
}

async fn connect(stream: TcpStream) -> Result<Connection, h2::Error> {
    let (requests, connection) = h2::client::handshake(stream).await?;
    let running = tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(Connection { requests, running })
}

impl Protocol for Http2 {
    type Client = Connection;

    async fn start(config: ServerConfig) -> Server {
        let running = common::start_with(config, tower::service_fn(service::answer));
        Server { running, certificate: None }
    }

    async fn connect(server: &Server) -> Connection {
        connect(within(TcpStream::connect(server.running.address)).await.unwrap()).await.unwrap()
    }

    async fn is_served(server: &Server) -> bool {
        let Ok(stream) = TcpStream::connect(server.running.address).await else { return false };
        let Ok(mut client) = connect(stream).await else { return false };
        client.ask("GET", "/hello").await.whole
    }

    async fn half_a_head(server: &Server) {
        let mut stream = within(TcpStream::connect(server.running.address)).await.unwrap();
        // The preface without settings, and a HEADERS frame of 20 bytes of which two are sent.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        stream.write_all(b"\0\0\x14\x01\x05\0\0\0\x01\x82\x84").await.unwrap();
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    }
}

impl Client for Connection {
    type Exchange = Request;

    async fn begin(&mut self, method: &str, target: &str) -> Request {
        let uri = match method {
            "CONNECT" => target.to_owned(),
            _ => format!("http://localhost{target}"),
        };
        let request = http::Request::builder().method(method).uri(uri).body(()).unwrap();
        let mut requests = within(self.requests.clone().ready()).await.unwrap();
        let ended = !matches!(method, "POST" | "CONNECT");
        let (answer, body) = requests.send_request(request, ended).unwrap();
        Request { answer: Some(answer), body, status: None, read: None }
    }

    async fn ended(&mut self) {
        within(&mut self.running).await.unwrap();
    }
}

impl Exchange for Request {
    async fn send(&mut self, bytes: &str) {
        self.body.send_data(Bytes::copy_from_slice(bytes.as_bytes()), false).unwrap();
    }

    async fn end(&mut self) {
        self.body.send_data(Bytes::new(), true).unwrap();
    }

    async fn head(&mut self) -> Option<u16> {
        if let Some(answer) = self.answer.take() {
            let (head, body) = within(answer).await.ok()?.into_parts();
            self.status = Some(head.status.as_u16());
            self.read = Some(body);
        }
        self.status
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ()> {
        let read = self.read.as_mut().ok_or(())?;
        match read.data().await {
            None => Ok(None),
            Some(Ok(data)) => {
                let _ = read.flow_control().release_capacity(data.len());
                Ok(Some(data.to_vec()))
            }
            Some(Err(_)) => Err(()),
        }
    }
}
