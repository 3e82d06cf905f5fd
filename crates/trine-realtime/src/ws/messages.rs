//! The messages of a topic as messages of WebSockets.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::Serialize;
use trine_core::BoxError;
use trine_websocket::{Message, Prepared};

use crate::topic::{self, Encoding, Lagged, Subscription};

/// The messages of a topic as a stream for `Socket::forward`. Each is serialized and compressed
/// once for all clients. [`Subscription::messages`] makes it.
///
/// ```
/// # use trine::prelude::*;
/// #[get("/news")]
/// async fn news(topic: State<trine::Topic<String>>, ws: WebSocket) -> Response {
///     ws.on_upgrade(async move |mut socket| {
///         socket.forward(topic.subscribe().messages());
///         while socket.recv().await.is_some() {
///             topic.publish("hello".to_owned());
///         }
///     })
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().state(trine::Topic::<String>::new()).routes(routes![news]);
/// let mut socket = app.test().await.websocket("/news").await;
/// socket.send("anything new?").await;
/// assert_eq!(socket.text().await, r#""hello""#);
/// # }
/// ```
///
/// In place of missing messages the client receives the text `{"lagged":3}` with their number, or
/// `{"lagged":null}` if the number is unknown. With
/// [`Overflow::Disconnect`](crate::topic::Overflow::Disconnect) the stream ends with the error
/// [`Lagged`] instead, and the socket is closed with 1013, "try again later".
#[derive(Debug)]
pub struct Messages<T: Send + Sync + 'static> {
    messages: Subscription<T>,
    to_message: fn(&topic::Message<T>) -> Result<Message, BoxError>,
}

impl<T: Send + Sync + 'static> Subscription<T> {
    /// The messages as text messages of a WebSocket, with the value as JSON. Feature `ws`.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/prices")]
    /// async fn prices(topic: State<trine::Topic<f64>>, ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async move |mut socket| {
    ///         socket.forward(topic.subscribe().messages());
    ///         while socket.recv().await.is_some() {}
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn messages(self) -> Messages<T>
    where
        T: Serialize,
    {
        self.messages_by(|message| Ok(Message::Text(serde_json::to_string(message.value())?)))
    }

    /// The messages as `to_message` makes them. It is called once per message, however many sockets
    /// send it.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/news")]
    /// async fn news(topic: State<trine::Topic<String>>, ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async move |mut socket| {
    ///         // With the id, so that a page can resume after this message when it reconnects.
    ///         let news = topic.subscribe();
    ///         socket.forward(news.messages_by(|news| {
    ///             Ok(format!("{} {}", news.id(), news.value()).into())
    ///         }));
    ///         while socket.recv().await.is_some() {}
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn messages_by(
        self,
        to_message: fn(&topic::Message<T>) -> Result<Message, BoxError>,
    ) -> Messages<T> {
        Messages { messages: self, to_message }
    }
}

/// Names the encoding of messages for WebSockets.
struct WebSocketEncoding;

impl<T: Send + Sync + 'static> Messages<T> {
    fn message(&self, message: &topic::Message<T>) -> Result<Prepared, BoxError> {
        let to_message = self.to_message;
        // The address distinguishes the functions of several routes.
        let encoding = Encoding::of::<WebSocketEncoding>(to_message as usize as u64);
        message.encoded_as(encoding, |message| Ok(Prepared::new(to_message(message)?)))
    }
}

impl<T: Send + Sync + 'static> Stream for Messages<T> {
    type Item = Result<Prepared, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.messages).poll_next(cx));
        Poll::Ready(next.map(|next| match next {
            Ok(message) => self.message(&message),
            Err(lagged) if self.messages.is_ended() => Err(lagged.into()),
            Err(lagged) => Ok(lagged_message(lagged)),
        }))
    }
}

fn lagged_message(lagged: Lagged) -> Prepared {
    let missed = lagged.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    Prepared::new(format!("{{\"lagged\":{missed}}}"))
}
