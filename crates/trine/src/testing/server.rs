//! The application on a real socket, and a client that talks to it. Feature `test-server`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use trine_core::{Body, Request, Response};
use trine_server::{Server, ServerConfig, ServerError, ServerHandle};

use super::{TestApp, TestClient};
use crate::AppService;
use crate::declare::app::App;

/// The application on a free port of the loopback, served as in production: by two workers, and
/// within the limits of `App::config` where that was called. It takes nothing from the environment.
///
/// ```
/// use trine::prelude::*;
///
/// async fn hello() -> &'static str { "Hello!" }
///
/// # #[trine::main]
/// # async fn main() {
/// let server = App::new().route("/", get(hello)).test_server().await;
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// server.client().get("/").await.expect_text("Hello!");
/// server.stop().await;
/// # }
/// ```
///
/// The client opens a connection for each request and speaks HTTP/1.1 by `hyper`. Any other client
/// can use the URL.
///
/// # Limits
/// - A response that has not begun after [`PATIENCE`] fails the test.
/// - [`TestServer::stop`] waits for requests that run, at most [`DRAIN`], which the server ends
///   then. Dropping the server ends it at once.
#[derive(Debug)]
pub struct TestServer {
    addr: SocketAddr,
    url: String,
    client: TestClient,
    service: AppService,
    handle: ServerHandle,
    served: Option<JoinHandle<Result<(), ServerError>>>,
}

impl App {
    /// Serves the application for a test, on a free port of the loopback; see [`TestApp::serve`].
    ///
    /// # Panics
    /// As [`App::test`], and when no port can be had.
    pub async fn test_server(self) -> TestServer {
        self.test().serve().await
    }
}

impl TestApp {
    /// Starts it and serves it on a free port of the loopback. Feature `test-server`.
    ///
    /// # Panics
    /// As where it is awaited, and when no port can be had.
    pub async fn serve(self) -> TestServer {
        let server = self.app.configured().map_or_else(
            || ServerConfig { workers: 2, ..ServerConfig::default() },
            |config| config.server.clone(),
        );
        TestServer::start(self.start().await, &server)
    }
}

/// How long the client waits for the head of a response.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long the server waits at its end for requests that run.
pub const DRAIN: Duration = Duration::from_secs(2);

impl TestServer {
    fn start(service: AppService, config: &ServerConfig) -> TestServer {
        let config = ServerConfig {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            signals: false,
            shutdown_timeout: DRAIN,
            ..config.clone()
        };
        let bound = match Server::new(config).bind() {
            Ok(bound) => bound,
            Err(error) => panic!("the test server does not start: {error}"),
        };
        let (addr, handle) = (bound.local_addr(), bound.handle());
        let client =
            TestClient::over(&addr.to_string(), move |request| Box::pin(send(addr, request)));
        let client = client.knowing(service.clone());
        let served = tokio::spawn(bound.serve(service.clone()));
        TestServer {
            addr,
            url: format!("http://{addr}"),
            client,
            service,
            handle,
            served: Some(served),
        }
    }

    /// The address, for clients of one's own.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base of its URLs, such as `http://127.0.0.1:40123`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of it.
    #[must_use]
    pub fn client(&self) -> &TestClient {
        &self.client
    }

    /// Ends it as SIGTERM does: tells the background tasks, waits until the server is over, and
    /// runs the hooks of the end.
    ///
    /// # Panics
    /// When the server or a hook failed.
    pub async fn stop(mut self) {
        self.service.begin_shutdown();
        self.handle.shutdown();
        let Some(served) = self.served.take() else { return };
        match served.await {
            Ok(Ok(())) => self.client.shutdown().await,
            Ok(Err(error)) => panic!("the test server failed: {error}"),
            Err(error) => panic!("the test server panicked: {error}"),
        }
    }
}

/// Ends it at once: nobody is left who could wait.
impl Drop for TestServer {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

async fn send(addr: SocketAddr, request: Request) -> Result<Response, String> {
    match timeout(PATIENCE, exchange(addr, request)).await {
        Ok(answered) => answered,
        Err(_) => Err(format!("nothing came within {} s", PATIENCE.as_secs())),
    }
}

async fn exchange(addr: SocketAddr, request: Request) -> Result<Response, String> {
    #[cfg(feature = "ws")]
    let tunnel = request.extensions().get::<super::websocket::Tunnel>().cloned();
    let text = |what: &str, error: &dyn std::error::Error| format!("{what}: {error}");
    let stream = TcpStream::connect(addr).await.map_err(|error| text("cannot connect", &error))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| text("cannot start HTTP/1.1", &error))?;
    // It ends with the response's body, or with the server.
    tokio::spawn(connection.with_upgrades());
    #[cfg_attr(
        not(feature = "ws"),
        expect(unused_mut, reason = "only an upgrade takes something out of it")
    )]
    let mut response = sender
        .send_request(request)
        .await
        .map_err(|error| text("the exchange broke off", &error))?;
    #[cfg(feature = "ws")]
    if let Some(tunnel) = tunnel
        && response.status() == http::StatusCode::SWITCHING_PROTOCOLS
    {
        let upgraded = hyper::upgrade::on(&mut response).await;
        tunnel.put(TokioIo::new(upgraded.map_err(|error| text("the upgrade broke off", &error))?));
    }
    Ok(response.map(Body::new))
}
