//! Sockets whose messages are types of your own.

use std::future::Future;
use std::marker::PhantomData;

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trine_core::extract::Head;
use trine_core::{BoxError, Cx, FromRequest, Rejection, Response};
use trine_websocket::{CloseCode, CloseFrame, Message, Prepared, WebSocketConfig};

use super::closed::Closed;
use super::run::Outcome;
use super::socket::Socket;
use super::upgrade::WebSocket;

/// A [`WebSocket`] whose messages are `In` and `Out`, as JSON or in another [`MessageFormat`].
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
/// As [`WebSocket`]. A message that is no `In` closes the socket with 1007 and says where it is
/// wrong.
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
    /// Sets protocols, origins or limits: `ws.with(|ws| ws.any_origin())`.
    pub fn with(mut self, set: impl FnOnce(WebSocket) -> WebSocket) -> Self {
        self.ws = set(self.ws);
        self
    }

    /// Sets the limits for this socket.
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

/// An open socket whose messages are `In` and `Out`.
#[derive(Debug)]
pub struct TypedSocket<In, Out, Format = JsonText> {
    socket: Socket,
    types: Types<In, Out, Format>,
}

impl<In, Out, Format: MessageFormat> TypedSocket<In, Out, Format> {
    /// Waits for a message. `None` when the connection is closed, which it also is by a message
    /// that is no `In`.
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
                    "a message is not of its type; the WebSocket is closed with 1007"
                );
                self.socket.close(CloseFrame::new(CloseCode::INVALID, error));
                None
            }
        }
    }

    /// Sends a message; see [`Sender::send`](super::Sender::send).
    ///
    /// # Errors
    /// When the connection is closed, which it is with 1011 by a value that cannot be written.
    pub async fn send(&self, message: &Out) -> Result<(), Closed>
    where
        Out: Serialize,
    {
        match Format::write(message) {
            Ok(message) => self.socket.send(message).await,
            Err(error) => {
                tracing::error!(
                    error,
                    "a message cannot be written; the WebSocket is closed with 1011"
                );
                self.socket.close(CloseFrame::new(CloseCode::ERROR, "the server failed"));
                Err(Closed::Here)
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

    /// The socket beneath.
    #[must_use]
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }
}

/// How values become messages.
pub trait MessageFormat {
    /// Reads a message.
    ///
    /// # Errors
    /// With what is wrong with it, in words that the client is told; 123 bytes of them.
    fn read<T: DeserializeOwned>(message: &Message) -> Result<T, String>;

    /// Writes a message.
    ///
    /// # Errors
    /// With why it cannot be written; only the log is told.
    fn write<T: Serialize>(value: &T) -> Result<Message, String>;
}

/// JSON in text messages.
#[derive(Debug)]
pub struct JsonText;

impl MessageFormat for JsonText {
    fn read<T: DeserializeOwned>(message: &Message) -> Result<T, String> {
        let Some(text) = message.as_text() else {
            return Err("expected text that is JSON".to_owned());
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
