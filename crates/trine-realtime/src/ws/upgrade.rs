//! The extractor of a request for a WebSocket.

use std::future::Future;
use std::sync::{Arc, LazyLock};

use http::StatusCode;
use http::header::{HeaderValue, ORIGIN, VARY};
use trine_core::client::TrustedProxies;
use trine_core::extract::Head;
use trine_core::upgrade::{OnUpgrade, Protocol};
use trine_core::{
    Body, ConnInfo, Cx, FromRequest, IntoResponse as _, Problem, Rejection, Response,
};
use trine_websocket::handshake::{Handshake, HandshakeError};
use trine_websocket::{Codec, Role, WebSocketConfig};

use super::origin::{AllowedOrigins, RequestOrigin};
use super::socket::Socket;
use super::state::SharedSocket;
use super::task::{Outcome, run};

/// A request for a WebSocket. The handler returns the response of
/// [`on_upgrade`](WebSocket::on_upgrade).
///
/// ```
/// use trine::prelude::*;
/// use trine::ws::{Closed, WebSocket};
///
/// #[get("/echo")]
/// async fn echo(ws: WebSocket) -> Response {
///     ws.on_upgrade(async |mut socket| {
///         while let Some(message) = socket.recv().await {
///             socket.send(message).await?;
///         }
///         Ok::<(), Closed>(())
///     })
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![echo]).test().await;
/// let mut socket = client.websocket("/echo").await;
/// socket.send("hello").await;
/// assert_eq!(socket.text().await, "hello");
/// # }
/// ```
///
/// Guards, state, path parameters and layers work as in every other handler. All of them run before
/// the socket is opened.
///
/// # Errors
/// - 426 for a request that is not for a WebSocket, or for another version than 13
/// - 405 for a method other than `GET`
/// - 400 for a malformed key, subprotocol or extension
///
/// `Option` is `None` for a request that is not for a WebSocket.
///
/// # Limits
/// The [`WebSocketConfig`] of [`config`](WebSocket::config). Without it, the state of that type,
/// and without such a state the defaults.
#[derive(Debug)]
#[must_use = "a socket is opened by the answer of `on_upgrade`"]
pub struct WebSocket {
    handshake: Handshake,
    upgrade: OnUpgrade,
    config: Arc<WebSocketConfig>,
    protocol: Option<HeaderValue>,
    allowed_origins: AllowedOrigins,
    request_origin: RequestOrigin,
}

impl FromRequest for WebSocket {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let connect = connect(cx);
        let handshake =
            Handshake::read(cx.method(), cx.version(), cx.headers(), connect.as_deref());
        let handshake = handshake.map_err(reject)?;
        let request_origin = request_origin(cx);
        let config = cx.state::<WebSocketConfig>().unwrap_or_else(|_| Arc::clone(&DEFAULT));
        let Some(upgrade) = cx.extensions_mut().remove() else {
            return Err(Problem::internal(
                "`WebSocket`: the server cannot upgrade this request: the request has a body, or the \
                 server is not Trine's",
            )
            .into());
        };
        Ok(WebSocket {
            handshake,
            upgrade,
            config,
            protocol: None,
            allowed_origins: AllowedOrigins::Same,
            request_origin,
        })
    }
}

static DEFAULT: LazyLock<Arc<WebSocketConfig>> = LazyLock::new(Arc::default);

/// The value of `:protocol`, which a request over HTTP/2 has.
fn connect(cx: &Cx) -> Option<Box<str>> {
    cx.extensions().get::<Protocol>().map(|protocol| protocol.as_str().into())
}

/// The properties of the request that the check of the origin needs. Behind trusted proxies, the
/// host is the one that the browser requested.
fn request_origin(cx: &Cx) -> RequestOrigin {
    let origins: Vec<_> = cx.headers().get_all(ORIGIN).iter().cloned().collect();
    if origins.is_empty() {
        return RequestOrigin::default();
    }
    let unknown = ConnInfo::unknown();
    let trusted = cx.state::<TrustedProxies>().unwrap_or_default();
    let client = trusted.client(cx.conn().unwrap_or(&unknown), cx.headers(), cx.uri());
    RequestOrigin { origins, host: client.host, secure: client.secure }
}

fn reject(error: HandshakeError) -> Rejection {
    let problem = Problem::new(error.status()).detail(error.to_string());
    let problem = match error.header() {
        Some((name, value)) => problem.header(name, value),
        None => problem,
    };
    // `Option<WebSocket>` is `None` for an ordinary request.
    if error == HandshakeError::NotWebSocket { problem.absent().into() } else { problem.into() }
}

impl WebSocket {
    /// Selects the first of these subprotocols that the client offers, or none if it offers none of
    /// them. [`Socket::protocol`] returns the selected one.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/chat")]
    /// async fn chat(ws: WebSocket) -> Response {
    ///     ws.protocols(["chat.v2", "chat.v1"]).on_upgrade(async |socket| {
    ///         socket.send(socket.protocol().unwrap_or("none")).await
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![chat]).test().await;
    /// let mut socket = client.websocket("/chat").protocols(["chat.v1"]).await;
    /// assert_eq!(socket.text().await, "chat.v1");
    /// # }
    /// ```
    pub fn protocols<const N: usize>(mut self, supported: [&'static str; N]) -> WebSocket {
        let offered = self.handshake.protocols();
        let chosen = supported
            .into_iter()
            .find(|supported| offered.iter().any(|offered| offered == supported));
        self.protocol = chosen.map(HeaderValue::from_static);
        self
    }

    /// The subprotocols that the client offers, in its order of preference.
    #[must_use]
    pub fn requested_protocols(&self) -> &[String] {
        self.handshake.protocols()
    }

    /// Sets the limits for this socket.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::ws::WebSocketConfig;
    ///
    /// #[get("/small")]
    /// async fn small(ws: WebSocket) -> Response {
    ///     let config = WebSocketConfig { max_message_size: 1024, ..WebSocketConfig::default() };
    ///     ws.config(config).on_upgrade(async |mut socket| while socket.recv().await.is_some() {})
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![small]).test().await;
    /// let mut socket = client.websocket("/small").await;
    /// socket.send("x".repeat(2000)).await;
    /// assert_eq!(socket.close_code().await, Some(1009));
    /// # }
    /// ```
    pub fn config(mut self, config: impl Into<Arc<WebSocketConfig>>) -> WebSocket {
        self.config = config.into();
        self
    }

    /// Allows only pages of these origins, such as `https://app.example`, to open the socket. The
    /// default is to allow pages of the requested host. Clients other than browsers send no origin
    /// and are always allowed.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/live")]
    /// async fn live(ws: WebSocket) -> Response {
    ///     let ws = ws.origins(["https://app.example"]);
    ///     ws.on_upgrade(async |socket| socket.send("hello").await)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![live]).test().await;
    /// let mut socket = client.websocket("/live").header("origin", "https://app.example").await;
    /// assert_eq!(socket.text().await, "hello");
    /// # }
    /// ```
    pub fn origins<I: IntoIterator<Item: Into<String>>>(mut self, origins: I) -> WebSocket {
        self.allowed_origins =
            AllowedOrigins::Listed(origins.into_iter().map(Into::into).collect());
        self
    }

    /// Allows pages of every origin to open the socket, with the cookies of their visitors. This is
    /// for public data that does not depend on cookies.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/live")]
    /// async fn live(ws: WebSocket) -> Response {
    ///     ws.any_origin().on_upgrade(async |socket| socket.send("hello").await)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![live]).test().await;
    /// let mut socket = client.websocket("/live").header("origin", "https://other.example").await;
    /// assert_eq!(socket.text().await, "hello");
    /// # }
    /// ```
    pub fn any_origin(mut self) -> WebSocket {
        self.allowed_origins = AllowedOrigins::Any;
        self
    }

    /// Accepts the request: the response is 101, or 200 over HTTP/2, and the function then runs
    /// with the open socket. It may return `()` or a `Result`. A function that runs on after the
    /// connection is closed is not stopped: it ends when it notices that `recv` returns `None`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/live")]
    /// async fn live(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |socket| socket.send("hello").await)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![live]).test().await;
    /// let mut socket = client.websocket("/live").await;
    /// assert_eq!(socket.text().await, "hello");
    /// assert_eq!(socket.close_code().await, Some(1000));
    /// # }
    /// ```
    ///
    /// | the function | the client receives the close code |
    /// |---|---|
    /// | returns `()` or `Ok` | 1000 |
    /// | returns `Err`, or panics | 1011; the error is logged |
    /// | is running when the server begins to shut down | 1001 at once; `recv` returns `None` |
    ///
    /// # Errors
    /// For a page of an origin that is not allowed, the response is 403 and the function does not
    /// run.
    pub fn on_upgrade<F, Fut>(self, serve: F) -> Response
    where
        F: FnOnce(Socket) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        if let Err(detail) = self.allowed_origins.check(&self.request_origin) {
            let problem = Problem::new(StatusCode::FORBIDDEN).detail(detail);
            return problem.header(VARY, ORIGIN.into()).into_response();
        }
        let compression = self.handshake.compression(&self.config);
        let response = self.handshake.response(self.protocol.as_ref(), compression);
        let protocol = self.protocol.and_then(|protocol| protocol.to_str().ok().map(Box::from));
        let codec = Codec::new(Role::Server, &self.config, compression);
        let shared = SharedSocket::new(self.config, protocol, codec);
        let upgrade = self.upgrade;
        // This task replaces the task of the connection, which ends when the response is written.
        tokio::spawn(async move {
            let failed = |error: &_| tracing::debug!(%error, "a WebSocket was not opened");
            // Not a `match`, which would keep its temporaries as long as the socket is open.
            let Ok(stream) = upgrade.await.inspect_err(failed) else { return };
            run(stream, &shared, serve).await;
        });
        response.map(|()| Body::empty())
    }
}
