//! The application on a real socket, and a client for it. Feature `test-server`.

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

/// The application on a free port of the loopback interface, served as in production by two
/// workers, with the limits of `App::config` if that was called. It reads neither `trine.toml` nor
/// the environment.
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
/// The client opens one connection per request and speaks HTTP/1.1, by `hyper`. Any other client
/// can use the URL.
///
/// # Limits
/// - A response whose head does not arrive within [`RESPONSE_TIMEOUT`] fails the test.
/// - [`TestServer::stop`] waits for running requests, at most [`SHUTDOWN_TIMEOUT`]. Dropping the
///   server stops it at once.
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
    /// Serves the application for a test, on a free port of the loopback interface; see
    /// [`TestApp::serve`]. Feature `test-server`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let server = App::new().route("/", get(async || "hello")).test_server().await;
    /// server.client().get("/").await.expect_text("hello");
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics like [`App::test`], and also if the server cannot listen.
    pub async fn test_server(self) -> TestServer {
        self.test().serve().await
    }
}

impl TestApp {
    /// Starts the application and serves it on a free port of the loopback interface. Feature
    /// `test-server`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// struct Price { cents: u32 }
    /// let price = get(async |price: State<Price>| price.cents.to_string());
    /// let app = App::new().state(Price { cents: 5 }).route("/", price);
    /// let server = app.test().with_state(Price { cents: 7 }).serve().await;
    /// server.client().get("/").await.expect_text("7");
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics like awaiting a [`TestApp`], and also if the server cannot listen.
    pub async fn serve(self) -> TestServer {
        let server = self.app.configured().map_or_else(
            || ServerConfig { workers: 2, ..ServerConfig::default() },
            |config| config.server.clone(),
        );
        TestServer::start(self.start().await, &server)
    }
}

/// The maximum time that the client waits for the head of a response.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum time that [`TestServer::stop`] waits for running requests.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

impl TestServer {
    fn start(service: AppService, config: &ServerConfig) -> TestServer {
        let config = ServerConfig {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            signals: false,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
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

    /// The address of the server.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL, such as `http://127.0.0.1:40123`, without a slash at the end.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let server = App::new().test_server().await;
    /// assert_eq!(server.url(), format!("http://{}", server.addr()));
    /// # }
    /// ```
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of the server.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let server = App::new().test_server().await;
    /// server.client().get("/nowhere").await.expect_problem(404);
    /// # }
    /// ```
    #[must_use]
    pub fn client(&self) -> &TestClient {
        &self.client
    }

    /// Shuts the server down, as SIGTERM does: background tasks end, running requests are finished,
    /// and the shutdown hooks run.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let server = App::new().test_server().await;
    /// let addr = server.addr();
    /// server.stop().await;
    /// assert!(std::net::TcpStream::connect(addr).is_err());
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics if the server or a shutdown hook has failed.
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

/// Stops the server at once, without waiting for running requests.
impl Drop for TestServer {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

async fn send(addr: SocketAddr, request: Request) -> Result<Response, String> {
    match timeout(RESPONSE_TIMEOUT, exchange(addr, request)).await {
        Ok(answered) => answered,
        Err(_) => Err(format!("nothing arrived within {} s", RESPONSE_TIMEOUT.as_secs())),
    }
}

async fn exchange(addr: SocketAddr, request: Request) -> Result<Response, String> {
    #[cfg(feature = "ws")]
    let tunnel = request.extensions().get::<super::websocket::Tunnel>().cloned();
    let text = |what: &str, error: &dyn std::error::Error| format!("{what}: {error}");
    let stream = TcpStream::connect(addr).await.map_err(|error| text("cannot connect", &error))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| text("cannot start HTTP/1.1", &error))?;
    // The task ends with the body of the response, or with the server.
    tokio::spawn(connection.with_upgrades());
    #[cfg_attr(
        not(feature = "ws"),
        expect(unused_mut, reason = "only an upgrade changes the response")
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
