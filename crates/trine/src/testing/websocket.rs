//! The client side of a WebSocket.

use std::fmt::Debug;
use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use tokio::sync::oneshot;
use tokio::time::timeout;
use trine_core::BoxError;
use trine_server::upgrade::OnUpgrade;
use trine_websocket::handshake::ClientHandshake;

use super::{TestClient, TestRequest};
use crate::ws::{Closed, Message, Socket, WebSocketConfig, client};

/// A request for a WebSocket. Awaiting it sends the request and returns the open socket.
///
/// ```
/// use trine::prelude::*;
///
/// async fn greet(ws: WebSocket) -> Response {
///     ws.on_upgrade(async |socket| socket.send("hello").await)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/", get(greet)).test().await;
/// let mut socket = client.websocket("/").await;
/// assert_eq!(socket.text().await, "hello");
/// # }
/// ```
///
/// # Panics
/// Panics when it is awaited, if the response is not 101. The message shows the response.
#[derive(Debug)]
#[must_use = "the request is sent when this is awaited"]
pub struct TestWebSocket {
    request: TestRequest,
    config: WebSocketConfig,
    protocols: Vec<String>,
    location: &'static Location<'static>,
}

impl TestClient {
    /// Starts a request for a WebSocket. Feature `ws`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn greet(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |socket| socket.send("hello").await)
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(greet)).test().await;
    /// assert_eq!(client.websocket("/").await.text().await, "hello");
    /// # }
    /// ```
    #[track_caller]
    pub fn websocket(&self, target: impl AsRef<str>) -> TestWebSocket {
        let config = WebSocketConfig { compression: None, ..WebSocketConfig::default() };
        TestWebSocket {
            request: self.get(target),
            config,
            protocols: Vec::new(),
            location: Location::caller(),
        }
    }
}

impl TestWebSocket {
    /// Adds a header field, such as the `Origin` that a browser sends.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn user(headers: HeaderMap, ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async move |socket| {
    ///         socket.send(headers["x-user"].to_str().unwrap_or_default()).await
    ///     })
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(user)).test().await;
    /// assert_eq!(client.websocket("/").header("x-user", "Ann").await.text().await, "Ann");
    /// # }
    /// ```
    #[track_caller]
    pub fn header<K, V>(mut self, name: K, value: V) -> TestWebSocket
    where
        K: TryInto<HeaderName, Error: Into<BoxError>>,
        V: TryInto<HeaderValue, Error: Into<BoxError>>,
    {
        self.request = self.request.header(name, value);
        self
    }

    /// Offers subprotocols.
    pub fn protocols<const N: usize>(mut self, protocols: [&str; N]) -> TestWebSocket {
        self.protocols = protocols.map(str::to_owned).to_vec();
        self
    }

    /// Sets the limits of the client. The default is [`WebSocketConfig::default`] without
    /// compression.
    ///
    /// ```
    /// use trine::ws::WebSocketConfig;
    /// # use trine::prelude::*;
    /// # async fn greet(ws: WebSocket) -> Response {
    /// #     ws.on_upgrade(async |socket| socket.send("hello").await)
    /// # }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(greet)).test().await;
    /// let small = WebSocketConfig { max_message_size: 2, ..WebSocketConfig::default() };
    /// assert_eq!(client.websocket("/").config(small).await.recv().await, None);
    /// # }
    /// ```
    pub fn config(mut self, config: WebSocketConfig) -> TestWebSocket {
        self.config = config;
        self
    }

    async fn open(self) -> TestSocket {
        let TestWebSocket { mut request, config, protocols, location } = self;
        let handshake = ClientHandshake::new(protocols);
        let mut headers = http::HeaderMap::new();
        handshake.put(&config, &mut headers);
        for (name, value) in &headers {
            request = request.header(name.clone(), value.clone());
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        let tunnel = Tunnel::new(near);
        let request = request.extension(OnUpgrade::ready(far)).extension(tunnel.clone());
        let response = request.send_streaming().await;
        let agreed = match handshake.finish(&config, &response) {
            Ok(agreed) => agreed,
            Err(error) => {
                let body = response.into_body().bytes().await.unwrap_or_default();
                panic!("{location}: no WebSocket: {error}\n{}", String::from_utf8_lossy(&body));
            }
        };
        let opened = match tunnel.take() {
            Some(stream) => client::open(stream, config, agreed).await,
            None => None,
        };
        let Some((socket, done)) = opened else {
            panic!("{location}: the server accepted the WebSocket, but the connection is closed")
        };
        TestSocket { socket, _done: done, location }
    }
}

impl IntoFuture for TestWebSocket {
    type Output = TestSocket;
    type IntoFuture = Pin<Box<dyn Future<Output = TestSocket> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// The client side of an open WebSocket. Dropping it closes the connection with code 1000.
///
/// # Panics
/// A method panics if it does not receive what it expects within [`RECEIVE_TIMEOUT`].
#[derive(Debug)]
pub struct TestSocket {
    socket: Socket,
    _done: oneshot::Sender<()>,
    location: &'static Location<'static>,
}

/// The maximum time that a [`TestSocket`] waits for a message.
pub const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);

impl TestSocket {
    /// Sends a message.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # async fn echo(ws: WebSocket) -> Response {
    /// #     ws.on_upgrade(async |mut socket| {
    /// #         while let Some(message) = socket.recv().await {
    /// #             socket.send(message).await?;
    /// #         }
    /// #         Ok::<(), trine::ws::Closed>(())
    /// #     })
    /// # }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(echo)).test().await;
    /// let mut socket = client.websocket("/").await;
    /// socket.send("hello").await;
    /// assert_eq!(socket.text().await, "hello");
    /// # }
    /// ```
    pub async fn send(&self, message: impl Into<Message>) {
        if let Err(closed) = self.wait(self.socket.send(message)).await {
            panic!("the socket opened at {}: cannot send: {closed}", self.location);
        }
    }

    /// Waits for a message; `None` if the connection is closed.
    ///
    /// ```
    /// use trine::ws::Message;
    /// # use trine::prelude::*;
    /// # async fn greet(ws: WebSocket) -> Response {
    /// #     ws.on_upgrade(async |socket| socket.send("hello").await)
    /// # }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(greet)).test().await;
    /// let mut socket = client.websocket("/").await;
    /// assert_eq!(socket.recv().await, Some(Message::Text("hello".into())));
    /// assert_eq!(socket.recv().await, None);
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<Message> {
        match timeout(RECEIVE_TIMEOUT, self.socket.recv()).await {
            Ok(message) => message,
            Err(_) => {
                panic!(
                    "the socket opened at {}: nothing arrived within {RECEIVE_TIMEOUT:?}",
                    self.location
                )
            }
        }
    }

    /// Waits for a text message.
    pub async fn text(&mut self) -> String {
        match self.recv().await {
            Some(Message::Text(text)) => text,
            other => self.unexpected("a text", &other),
        }
    }

    /// Waits for a text message and parses it as JSON.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # async fn list(ws: WebSocket) -> Response {
    /// #     ws.on_upgrade(async |socket| socket.send("[1, 2]").await)
    /// # }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(list)).test().await;
    /// let list: Vec<u8> = client.websocket("/").await.json().await;
    /// assert_eq!(list, [1, 2]);
    /// # }
    /// ```
    pub async fn json<T: serde::de::DeserializeOwned>(&mut self) -> T {
        let text = self.text().await;
        match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => panic!("the socket opened at {}: {error} in {text}", self.location),
        }
    }

    /// Waits until the connection is closed. Returns the close code of the server; `None` if it
    /// sent none.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn leave(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |_socket| Ok::<(), trine::ws::Closed>(()))
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(leave)).test().await;
    /// assert_eq!(client.websocket("/").await.close_code().await, Some(1000));
    /// # }
    /// ```
    pub async fn close_code(&mut self) -> Option<u16> {
        match self.recv().await {
            None => {}
            other => self.unexpected("the end", &other),
        }
        match self.socket.closed() {
            Some(Closed::Peer(frame)) => frame.map(|frame| frame.code.as_u16()),
            _ => None,
        }
    }

    /// The underlying socket: to close it, to split it, or to send without waiting.
    ///
    /// ```
    /// use trine::ws::{CloseCode, Closed};
    /// # use trine::prelude::*;
    /// # async fn wait(ws: WebSocket) -> Response {
    /// #     ws.on_upgrade(async |mut socket| {
    /// #         while socket.recv().await.is_some() {}
    /// #         Ok::<(), Closed>(())
    /// #     })
    /// # }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(wait)).test().await;
    /// let mut socket = client.websocket("/").await;
    /// socket.socket().close(CloseCode::AWAY);
    /// assert_eq!(socket.recv().await, None);
    /// # }
    /// ```
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    async fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        match timeout(RECEIVE_TIMEOUT, what).await {
            Ok(done) => done,
            Err(_) => panic!("the socket opened at {}: the server does not read", self.location),
        }
    }

    fn unexpected(&self, expected: &str, got: &dyn Debug) -> ! {
        panic!(
            "the socket opened at {}: expected {expected}, got {got:?}; closed: {:?}",
            self.location,
            self.socket.closed()
        )
    }
}

/// The client side of a connection, in the extensions of the request. It is an in-memory pipe; a
/// client with a socket replaces the pipe by the socket.
#[derive(Clone)]
pub(super) struct Tunnel(std::sync::Arc<std::sync::Mutex<Option<Box<dyn Stream>>>>);

/// Any stream of bytes.
pub(super) trait Stream:
    tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send
{
}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Stream for T {}

impl Tunnel {
    fn new(stream: impl Stream + 'static) -> Tunnel {
        Tunnel(std::sync::Arc::new(std::sync::Mutex::new(Some(Box::new(stream)))))
    }

    fn take(&self) -> Option<Box<dyn Stream>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    #[cfg(feature = "test-server")]
    pub(super) fn put(&self, stream: impl Stream + 'static) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Box::new(stream));
    }
}
