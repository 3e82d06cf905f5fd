//! Sockets whose messages have types of the application.

use std::future::Future;
use std::marker::PhantomData;

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trine_core::extract::Head;
use trine_core::{BoxError, Cx, FromRequest, Rejection, Response};
use trine_websocket::{CloseCode, CloseFrame, Message, Prepared, WebSocketConfig};

use super::closed::Closed;
use super::socket::Socket;
use super::task::Outcome;
use super::upgrade::WebSocket;

/// A [`WebSocket`] that receives values of type `In` and sends values of type `Out`, as JSON or in
/// another [`MessageFormat`].
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use trine::prelude::*;
/// use trine::ws::{Closed, Ws};
///
/// #[derive(Deserialize)]
/// struct Ask { a: i64, b: i64 }
/// #[derive(Serialize)]
/// struct Sum { sum: i64 }
///
/// async fn add(ws: Ws<Ask, Sum>) -> Response {
///     ws.on_upgrade(async |mut socket| {
///         while let Some(Ask { a, b }) = socket.recv().await {
///             socket.send(&Sum { sum: a + b }).await?;
///         }
///         Ok::<(), Closed>(())
///     })
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/add", get(add)).test().await;
/// let mut socket = client.websocket("/add").await;
/// socket.send(r#"{ "a": 1, "b": 2 }"#).await;
/// assert_eq!(socket.text().await, r#"{"sum":3}"#);
/// # }
/// ```
///
/// # Errors
/// As [`WebSocket`]. A message that is not an `In` closes the socket with 1007, and the reason
/// names the wrong field.
#[derive(Debug)]
#[must_use = "a socket is opened by the answer of `on_upgrade`"]
pub struct Ws<In, Out, Format = JsonText> {
    ws: WebSocket,
    types: Types<In, Out, Format>,
}

type Types<In, Out, Format> = PhantomData<fn(In) -> (Out, Format)>;

impl<In, Out, Format> FromRequest for Ws<In, Out, Format> {
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Ws { ws: WebSocket::from_request(cx).await?, types: PhantomData })
    }
}

impl<In, Out, Format> Ws<In, Out, Format> {
    /// Sets subprotocols, origins or limits of the underlying [`WebSocket`].
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/prices")]
    /// async fn prices(ws: Ws<(), f64>) -> Response {
    ///     ws.with(|ws| ws.any_origin()).on_upgrade(async |socket| socket.send(&1.5).await)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![prices]).test().await;
    /// let request = client.websocket("/prices").header("origin", "https://other.example");
    /// let mut socket = request.await;
    /// assert_eq!(socket.text().await, "1.5");
    /// # }
    /// ```
    pub fn with(mut self, set: impl FnOnce(WebSocket) -> WebSocket) -> Self {
        self.ws = set(self.ws);
        self
    }

    /// Sets the limits for this socket.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// use trine::ws::WebSocketConfig;
    ///
    /// #[get("/small")]
    /// async fn small(ws: Ws<String, ()>) -> Response {
    ///     let config = WebSocketConfig { max_message_size: 1024, ..WebSocketConfig::default() };
    ///     ws.config(config).on_upgrade(async |mut socket| while socket.recv().await.is_some() {})
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![small]).test().await.websocket("/small").await;
    /// socket.send("x".repeat(2000)).await;
    /// assert_eq!(socket.close_code().await, Some(1009));
    /// # }
    /// ```
    pub fn config(self, config: WebSocketConfig) -> Self {
        self.with(|ws| ws.config(config))
    }

    /// See [`WebSocket::on_upgrade`].
    pub fn on_upgrade<F, Fut>(self, serve: F) -> Response
    where
        F: FnOnce(TypedSocket<In, Out, Format>) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
        In: 'static,
        Out: 'static,
        Format: 'static,
    {
        let types = self.types;
        self.ws.on_upgrade(move |socket| serve(TypedSocket { socket, types }))
    }
}

/// An open socket that receives `In` and sends `Out`. [`Ws::on_upgrade`] passes it to its function;
/// [`Ws`] has an example.
#[derive(Debug)]
pub struct TypedSocket<In, Out, Format = JsonText> {
    socket: Socket,
    types: Types<In, Out, Format>,
}

impl<In, Out, Format: MessageFormat> TypedSocket<In, Out, Format> {
    /// Waits for a message. `None` when the connection is closed. A message that is not an `In`
    /// closes it with 1007.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/sum")]
    /// async fn sum(ws: Ws<Vec<u32>, u32>) -> Response {
    ///     ws.on_upgrade(async |mut socket| {
    ///         while let Some(numbers) = socket.recv().await {
    ///             let _ = socket.send(&numbers.iter().sum()).await;
    ///         }
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![sum]).test().await.websocket("/sum").await;
    /// socket.send("[1, 2, 3]").await;
    /// assert_eq!(socket.text().await, "6");
    /// socket.send("hello").await;
    /// assert_eq!(socket.close_code().await, Some(1007));
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<In>
    where
        In: DeserializeOwned,
    {
        let message = self.socket.recv().await?;
        match Format::read(&message) {
            Ok(read) => Some(read),
            Err(error) => {
                tracing::debug!(
                    error,
                    "a received message has the wrong type; the WebSocket is closed with 1007"
                );
                self.socket.close(CloseFrame::new(CloseCode::INVALID, error));
                None
            }
        }
    }

    /// Sends a message; see [`Sender::send`](super::Sender::send).
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/dice")]
    /// async fn dice(ws: Ws<(), [u8; 2]>) -> Response {
    ///     ws.on_upgrade(async |socket| socket.send(&[3, 5]).await)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![dice]).test().await.websocket("/dice").await;
    /// assert_eq!(socket.text().await, "[3,5]");
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the connection is closed. A value that cannot be serialized closes it with 1011.
    pub async fn send(&self, message: &Out) -> Result<(), Closed>
    where
        Out: Serialize,
    {
        match Format::write(message) {
            Ok(message) => self.socket.send(message).await,
            Err(error) => {
                tracing::error!(
                    error,
                    "a message cannot be serialized; the WebSocket is closed with 1011"
                );
                self.socket.close(CloseFrame::new(CloseCode::ERROR, "the server failed"));
                Err(Closed::Local)
            }
        }
    }

    /// See [`Sender::forward`](super::Sender::forward).
    pub fn forward<S, M, E>(&self, stream: S)
    where
        S: Stream<Item = Result<M, E>> + Send + 'static,
        M: Into<Prepared>,
        E: Into<BoxError>,
    {
        self.socket.forward(stream);
    }

    /// The underlying socket.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// use trine::ws::CloseCode;
    ///
    /// #[get("/once")]
    /// async fn once(ws: Ws<u32, u32>) -> Response {
    ///     ws.on_upgrade(async |mut socket| {
    ///         let _ = socket.send(&7).await;
    ///         socket.socket().close(CloseCode::AWAY);
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![once]).test().await.websocket("/once").await;
    /// assert_eq!(socket.json::<u32>().await, 7);
    /// assert_eq!(socket.close_code().await, Some(1001));
    /// # }
    /// ```
    #[must_use]
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }
}

/// The format of typed messages: serializes values into messages, and deserializes them.
///
/// ```
/// use serde::Serialize;
/// use serde::de::DeserializeOwned;
/// use trine::ws::{JsonText, Message, MessageFormat};
///
/// /// JSON in binary messages.
/// struct JsonBytes;
///
/// impl MessageFormat for JsonBytes {
///     fn read<T: DeserializeOwned>(message: &Message) -> Result<T, String> {
///         serde_json::from_slice(message.as_bytes()).map_err(|error| error.to_string())
///     }
///
///     fn write<T: Serialize>(value: &T) -> Result<Message, String> {
///         serde_json::to_vec(value).map(Message::from).map_err(|error| error.to_string())
///     }
/// }
///
/// assert_eq!(JsonBytes::write(&7).unwrap(), Message::Binary("7".into()));
/// assert_eq!(JsonText::write(&7).unwrap(), Message::Text("7".into()));
/// ```
pub trait MessageFormat {
    /// Deserializes a message.
    ///
    /// # Errors
    /// With a text for the client; at most 123 bytes of it are sent.
    fn read<T: DeserializeOwned>(message: &Message) -> Result<T, String>;

    /// Serializes a message.
    ///
    /// # Errors
    /// With a text for the log; it is not sent to the client.
    fn write<T: Serialize>(value: &T) -> Result<Message, String>;
}

/// JSON in text messages.
#[derive(Debug)]
pub struct JsonText;

impl MessageFormat for JsonText {
    fn read<T: DeserializeOwned>(message: &Message) -> Result<T, String> {
        let Some(text) = message.as_text() else {
            return Err("expected a text message with JSON".to_owned());
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let read =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| error.to_string())?;
        reader.end().map_err(|error| error.to_string())?;
        Ok(read)
    }

    fn write<T: Serialize>(value: &T) -> Result<Message, String> {
        serde_json::to_string(value).map(Message::Text).map_err(|error| error.to_string())
    }
}
