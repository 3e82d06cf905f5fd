//! HTTP/1 with a client that sends raw bytes.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use trine_server::ServerConfig;

use super::protocol::{Client, Exchange, Protocol, Server};
use super::service;
use crate::common::{self, within};

pub struct Http1;

pub struct Connection(Arc<Mutex<TcpStream>>);

pub struct Request {
    stream: Arc<Mutex<TcpStream>>,
    tunnel: bool,
    status: Option<u16>,
    body: Body,
}

/// How the body of the response ends.
enum Body {
    Sized(usize),
    Chunked,
    Bytes,
}

impl Protocol for Http1 {
    type Client = Connection;

    async fn start(config: ServerConfig) -> Server {
        let config = ServerConfig { http2: common::http1_alone().http2, ..config };
        let running = common::start_with(config, tower::service_fn(service::answer));
        Server { running, certificate: None }
    }

    async fn connect(server: &Server) -> Connection {
        let stream = within(TcpStream::connect(server.running.address)).await.unwrap();
        Connection(Arc::new(Mutex::new(stream)))
    }

    async fn is_served(server: &Server) -> bool {
        let Ok(stream) = TcpStream::connect(server.running.address).await else { return false };
        let mut client = Connection(Arc::new(Mutex::new(stream)));
        client.ask("GET", "/hello").await.whole
    }

    async fn half_a_head(server: &Server) {
        let mut stream = within(TcpStream::connect(server.running.address)).await.unwrap();
        stream.write_all(b"GET /hello HTTP/1.1\r\nHo").await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

impl Client for Connection {
    type Exchange = Request;

    async fn begin(&mut self, method: &str, target: &str) -> Request {
        let coding = if method == "POST" { "Transfer-Encoding: chunked\r\n" } else { "" };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{coding}\r\n");
        // If the server is gone, the client notices when it reads the response.
        let _ = self.0.lock().await.write_all(head.as_bytes()).await;
        let tunnel = method == "CONNECT";
        Request { stream: Arc::clone(&self.0), tunnel, status: None, body: Body::Bytes }
    }

    async fn ended(&mut self) {
        let read = within(self.0.lock().await.read_u8()).await;
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }
}

impl Exchange for Request {
    async fn send(&mut self, bytes: &str) {
        let chunk = if self.tunnel {
            bytes.to_owned()
        } else {
            format!("{:x}\r\n{bytes}\r\n", bytes.len())
        };
        self.stream.lock().await.write_all(chunk.as_bytes()).await.unwrap();
    }

    async fn end(&mut self) {
        self.stream.lock().await.write_all(b"0\r\n\r\n").await.unwrap();
    }

    async fn head(&mut self) -> Option<u16> {
        if self.status.is_some() {
            return self.status;
        }
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(within(self.byte()).await?));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        self.body = match length {
            _ if self.tunnel => Body::Bytes,
            Some(length) => Body::Sized(length.parse().unwrap()),
            None if head.contains("transfer-encoding: chunked\r\n") => Body::Chunked,
            None => Body::Bytes,
        };
        self.status = Some(head["HTTP/1.1 ".len()..][..3].parse().unwrap());
        self.status
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ()> {
        let length = match &mut self.body {
            Body::Sized(length) => std::mem::take(length),
            Body::Chunked => self.chunk_size().await?,
            Body::Bytes => {
                let mut bytes = vec![0; 1024];
                let read = self.stream.lock().await.read(&mut bytes).await.map_err(|_| ())?;
                bytes.truncate(read);
                return Ok((read > 0).then_some(bytes));
            }
        };
        let chunked = matches!(self.body, Body::Chunked);
        let mut bytes = vec![0; length + if chunked { 2 } else { 0 }];
        self.stream.lock().await.read_exact(&mut bytes).await.map_err(|_| ())?;
        bytes.truncate(length);
        Ok((length > 0).then_some(bytes))
    }
}

impl Request {
    async fn byte(&mut self) -> Option<u8> {
        self.stream.lock().await.read_u8().await.ok()
    }

    async fn chunk_size(&mut self) -> Result<usize, ()> {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push(char::from(self.byte().await.ok_or(())?));
        }
        Ok(usize::from_str_radix(line.trim_end(), 16).unwrap())
    }
}
