//! Servers of a service that the tests send requests to, and the clients of the test kit.

#[cfg(target_os = "linux")]
pub mod child;
pub mod tls;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::task::JoinHandle;
use trine_core::Body;
use trine_server::{
    Bound, Http2, HttpService, MakeWorker, NativeUpgrades, Server, ServerConfig, ServerError,
    ServerHandle,
};
pub use trine_testkit::http1::{Client, body, exchange, status};
pub use trine_testkit::{pki, wait::within};

pub struct Running {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    pub task: JoinHandle<Result<(), ServerError>>,
}

impl Running {
    /// Shuts the server down and waits for its end.
    pub async fn stop(self) {
        self.handle.shutdown();
        within(self.task).await.unwrap().unwrap();
    }

    /// Aborts the server, without waiting for clients that are still connected.
    pub async fn stop_by_force(self) {
        self.handle.abort();
        within(self.task).await.unwrap().unwrap();
    }
}

/// Two workers on a port that the system chooses.
pub fn config() -> ServerConfig {
    ServerConfig { port: 0, workers: 2, signals: false, ..ServerConfig::default() }
}

/// The same configuration with HTTP/1 only. With HTTP/2, its preface would not be an error.
pub fn http1_alone() -> ServerConfig {
    ServerConfig { http2: Http2 { enabled: false, ..Http2::default() }, ..config() }
}

/// Binds the listeners. For HTTP/3 the system chooses a TCP port, and the client of another test
/// may use the UDP port of that number. Another port is tried then.
pub fn bind(config: ServerConfig) -> Bound {
    for _ in 0..10 {
        match Server::new(config.clone()).bind() {
            Err(ServerError::Bind { source, .. }) if source.kind() == ErrorKind::AddrInUse => {}
            bound => return bound.unwrap(),
        }
    }
    Server::new(config).bind().unwrap()
}

/// Serves a service with the native upgrades of Trine, whatever features other crates of the build
/// enable.
pub fn start_with<S: HttpService + Clone + Send + Sync>(
    config: ServerConfig,
    service: S,
) -> Running {
    run(config, NativeUpgrades(service))
}

pub fn run<M: MakeWorker>(config: ServerConfig, make: M) -> Running {
    let bound = bind(config);
    let (address, handle) = (bound.local_addr(), bound.handle());
    Running { address, handle, task: tokio::spawn(bound.serve(make)) }
}

/// Serves [`kitchen`].
pub fn start(config: ServerConfig) -> Running {
    start_with(config, tower::service_fn(kitchen))
}

type Kitchen = Result<Response<Body>, Infallible>;

fn text(text: impl Into<Body>) -> Response<Body> {
    Response::new(text.into())
}

fn with(status: u16, name: &'static str, value: &'static str, body: Body) -> Response<Body> {
    Response::builder().status(status).header(name, value).body(body).unwrap()
}

fn stream(chunks: Vec<Result<Frame<Bytes>, &'static str>>) -> Body {
    Body::new(StreamBody::new(futures_util::stream::iter(chunks)))
}

fn data(text: &'static str) -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// A service with many kinds of responses, which the path selects.
pub async fn kitchen(request: Request<Body>) -> Kitchen {
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/hello" => text("hello"),
        "/echo" => Response::new(request.into_body()),
        "/uri" => text(request.uri().to_string()),
        "/host" => text(request.headers()["host"].to_str().unwrap().to_owned()),
        "/length" => match request.into_body().bytes().await {
            Ok(bytes) => text(bytes.len().to_string()),
            Err(error) => with(400, "x-error", "body", Body::from(error.to_string())),
        },
        "/trailers" => {
            let collected = request.into_body().collect().await.unwrap();
            text(format!("{:?}", collected.trailers().map(|trailers| trailers["x-sum"].clone())))
        }
        "/ignore" => text("ignored"),
        "/refuse" => with(413, "x-why", "large", Body::from("too large")),
        "/empty" => Response::builder().status(204).body(Body::empty()).unwrap(),
        "/same" => with(304, "etag", "\"x\"", Body::from("never sent")),
        "/close" => with(200, "connection", "close", Body::from("bye")),
        "/stream" => text(stream(vec![data("one"), data(""), data("two"), data("three")])),
        "/stream-trailers" => {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("6"));
            text(stream(vec![data("sum"), Ok(Frame::trailers(trailers))]))
        }
        "/sized" => with(200, "content-length", "6", stream(vec![data("one"), data("two")])),
        "/long" => with(200, "content-length", "3", stream(vec![data("one"), data("two")])),
        "/long-nothing" => with(200, "content-length", "0", stream(vec![data("one")])),
        "/long-frame" => with(200, "content-length", "3", stream(vec![data("three")])),
        "/short" => with(200, "content-length", "9", stream(vec![data("one"), data("two")])),
        "/broken" => text(stream(vec![data("one"), Err("the source failed")])),
        "/large" => text(vec![b'x'; 1_000_000]),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            text("slow")
        }
        "/late" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            match request.into_body().bytes().await {
                Ok(bytes) => text(bytes.len().to_string()),
                Err(error) => with(400, "x-error", "body", Body::from(error.to_string())),
            }
        }
        "/never" => std::future::pending().await,
        "/panic" => panic!("as asked"),
        "/interim" => {
            Response::builder().status(StatusCode::PROCESSING).body(Body::empty()).unwrap()
        }
        _ => Response::builder().status(404).body(Body::empty()).unwrap(),
    })
}
