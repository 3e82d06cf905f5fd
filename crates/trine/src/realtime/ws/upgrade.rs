//! The extractor: from a request to a socket.

use std::future::Future;
use std::sync::{Arc, LazyLock};

use http::StatusCode;
use http::header::{HeaderValue, ORIGIN, VARY};
use trine_core::extract::Head;
use trine_core::{
    Body, ConnInfo, Cx, FromRequest, IntoResponse as _, Problem, Rejection, Response,
};
use trine_server::TrustedProxies;
use trine_server::upgrade::OnUpgrade;
use trine_websocket::handshake::{Handshake, Refused};
use trine_websocket::{Codec, Role, WebSocketConfig};

use super::origin::{Asked, Origins};
use super::run::{Outcome, run};
use super::shared::Shared;
use super::socket::Socket;

/// A request that asks for a WebSocket. The handler answers it with what
/// [`on_upgrade`](WebSocket::on_upgrade) gives.
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
/// Everything else of the handler works as in any other: guards, state, path parameters, layers.
/// They have all run before the socket is there.
///
/// # Errors
/// 426 for a request that asks for no WebSocket, or another version than 13; 405 unless it is a
/// `GET`; 400 for a key, a subprotocol or an extension that is malformed. `Option` is `None` for a
/// request that asks for none.
///
/// # Limits
/// Those of [`WebSocketConfig`]: of [`config`](WebSocket::config), else of the application's state
/// of that type, else the defaults.
#[derive(Debug)]
#[must_use = "a socket is opened by the answer of `on_upgrade`"]
pub struct WebSocket {
    handshake: Handshake,
    upgrade: OnUpgrade,
    config: Arc<WebSocketConfig>,
    protocol: Option<HeaderValue>,
    origins: Origins,
    asked: Asked,
}

impl FromRequest for WebSocket {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let connect = connect(cx);
        let handshake =
            Handshake::read(cx.method(), cx.version(), cx.headers(), connect.as_deref());
        let handshake = handshake.map_err(refused)?;
        let asked = asked(cx);
        let config = cx.state::<WebSocketConfig>().unwrap_or_else(|_| Arc::clone(&DEFAULT));
        let Some(upgrade) = cx.extensions_mut().remove() else {
            return Err(Problem::internal(
                "`WebSocket`: the request asks for an upgrade, but the server offers none: it has a body, or came here \
                 through a server that is not Trine's",
            )
            .into());
        };
        Ok(WebSocket { handshake, upgrade, config, protocol: None, origins: Origins::Same, asked })
    }
}

static DEFAULT: LazyLock<Arc<WebSocketConfig>> = LazyLock::new(Arc::default);

#[cfg(feature = "http2")]
fn connect(cx: &Cx) -> Option<Box<str>> {
    cx.extensions().get::<trine_server::Protocol>().map(|protocol| protocol.as_str().into())
}

#[cfg(not(feature = "http2"))]
fn connect(_: &Cx) -> Option<Box<str>> {
    None
}

/// What the check of the origin reads. The host is that which the browser sees, whatever proxies of
/// ours stand between.
fn asked(cx: &Cx) -> Asked {
    let origins: Vec<_> = cx.headers().get_all(ORIGIN).iter().cloned().collect();
    if origins.is_empty() {
        return Asked::default();
    }
    let unknown = ConnInfo::unknown();
    let trusted = cx.state::<TrustedProxies>().unwrap_or_default();
    let client = trusted.client(cx.conn().unwrap_or(&unknown), cx.headers(), cx.uri());
    Asked { origins, host: client.host, secure: client.secure }
}

fn refused(refused: Refused) -> Rejection {
    let problem = Problem::new(refused.status()).detail(refused.to_string());
    let problem = match refused.header() {
        Some((name, value)) => problem.header(name, value),
        None => problem,
    };
    // An ordinary request is no broken one.
    if refused == Refused::NotWebSocket { problem.absent().into() } else { problem.into() }
}

impl WebSocket {
    /// Chooses the first of these subprotocols that the client speaks; none if it speaks none of
    /// them. [`Socket::protocol`] tells which.
    pub fn protocols<const N: usize>(mut self, ours: [&'static str; N]) -> WebSocket {
        let theirs = self.handshake.protocols();
        let chosen = ours.into_iter().find(|ours| theirs.iter().any(|theirs| theirs == ours));
        self.protocol = chosen.map(HeaderValue::from_static);
        self
    }

    /// The subprotocols that the client speaks, the one it likes most first.
    #[must_use]
    pub fn requested_protocols(&self) -> &[String] {
        self.handshake.protocols()
    }

    /// Sets the limits for this socket.
    pub fn config(mut self, config: impl Into<Arc<WebSocketConfig>>) -> WebSocket {
        self.config = config.into();
        self
    }

    /// Lets only pages of these origins, such as `https://app.example`, open a socket. Without it,
    /// pages of the same host as the request may. A client that is no browser says no origin and is
    /// not refused.
    pub fn origins<I: IntoIterator<Item: Into<String>>>(mut self, origins: I) -> WebSocket {
        self.origins = Origins::Listed(origins.into_iter().map(Into::into).collect());
        self
    }

    /// Lets the pages of the whole world open a socket, with the cookies of whoever looks at them:
    /// for sockets that give everybody the same.
    pub fn any_origin(mut self) -> WebSocket {
        self.origins = Origins::Any;
        self
    }

    /// Accepts: the answer is 101, and the function then runs with the open socket, until it
    /// returns or the connection is closed and it notices. It may return `()` or a `Result`.
    ///
    /// | the function | the client sees |
    /// |---|---|
    /// | returns, or returns `Ok` | 1000 |
    /// | returns `Err`, or panics | 1011; the error is logged |
    /// | is running when the server shuts down | 1001 at once; `recv` gives `None` |
    ///
    /// A page of an origin that is not allowed gets 403, and the function does not run.
    pub fn on_upgrade<F, Fut>(self, serve: F) -> Response
    where
        F: FnOnce(Socket) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        if let Err(detail) = self.origins.check(&self.asked) {
            let problem = Problem::new(StatusCode::FORBIDDEN).detail(detail);
            return problem.header(VARY, ORIGIN.into()).into_response();
        }
        let compression = self.handshake.compression(&self.config);
        let answer = self.handshake.answer(self.protocol.as_ref(), compression);
        let protocol = self.protocol.and_then(|protocol| protocol.to_str().ok().map(Box::from));
        let codec = Codec::new(Role::Server, &self.config, compression);
        let shared = Shared::new(self.config, protocol, codec);
        let upgrade = self.upgrade;
        // It takes the place of the connection's task, which ends when the answer is written.
        tokio::spawn(async move {
            let failed = |error: &_| tracing::debug!(%error, "a WebSocket did not begin");
            // No `match`: it would hold what it looks at for as long as the socket lives.
            let Ok(stream) = upgrade.await.inspect_err(failed) else { return };
            run(stream, &shared, serve).await;
        });
        answer.map(|()| Body::empty())
    }
}
