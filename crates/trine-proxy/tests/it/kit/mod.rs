//! The servers and clients of the tests, all over real sockets.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test takes what it needs")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use trine_core::Body;
use trine_proxy::Proxy;
use trine_server::{Server, ServerConfig, ServerHandle};
pub use trine_testkit::http1::talk;
pub use trine_testkit::wait::{until, within};

/// The proxy under Trine's server, which is stopped on drop.
pub struct Front {
    pub address: SocketAddr,
    pub handle: ServerHandle,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

pub fn front(proxy: Proxy) -> Front {
    front_with(proxy, ServerConfig::default())
}

pub fn front_with(proxy: Proxy, config: ServerConfig) -> Front {
    let config = ServerConfig { port: 0, workers: 1, signals: false, ..config };
    let bound = Server::new(config).bind().unwrap();
    let (address, handle) = (bound.local_addr(), bound.handle());
    tokio::spawn(bound.serve(proxy));
    Front { address, handle }
}

/// A real HTTP server (hyper, either protocol) that answers with a function and counts its
/// connections.
pub struct Upstream {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Upstream {
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn upstream<F, Fut>(answer: F) -> Upstream
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    upstream_on(listener, answer)
}

pub fn upstream_on<F, Fut>(listener: TcpListener, answer: F) -> Upstream
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let task = tokio::spawn(async move {
        let mut serving = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            serving.spawn(async move {
                let service = service_fn(move |request| {
                    let answering = answer(request);
                    async move { Ok::<_, Infallible>(answering.await) }
                });
                let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                    .serve_connection_with_upgrades(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Upstream { address, connections, task }
}

/// An upstream that is not an HTTP server: the function gets each connection and its number, and
/// may send any bytes.
pub async fn raw<F, Fut>(serve: F) -> Upstream
where
    F: Fn(TcpStream, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let task = tokio::spawn(async move {
        let mut serving = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let number = count.fetch_add(1, Ordering::SeqCst);
            serving.spawn(serve(stream, number));
        }
    });
    Upstream { address, connections, task }
}

/// Reads a head up to and including its empty line.
pub async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Sends one request with a real client, on a connection of its own.
pub async fn send(address: SocketAddr, request: Request<Body>) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut send, conn) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(conn.with_upgrades());
    send.send_request(request).await.unwrap()
}

pub fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "example.com")
        .body(Body::empty())
        .unwrap()
}

pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let response = send(address, request("GET", path)).await;
    (response.status().as_u16(), text(response).await)
}

pub async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub fn whole(text: impl Into<Bytes>) -> Response<Body> {
    Response::new(Body::new(Full::new(text.into())))
}
