//! The messages of a topic as messages of sockets.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::Serialize;
use trine_core::BoxError;
use trine_websocket::{Message, Prepared};

use crate::topic::{self, Form, Lagged, Subscription};

/// The messages of a topic as `Socket::forward` takes them, each written and
/// compressed once for all clients. [`Subscription::messages`] makes it.
///
/// Where messages are missing, the text `{"lagged":3}` says how many, or `{"lagged":null}` where
/// nobody knows. A client that
/// [`Overflow::Disconnect`](crate::topic::Overflow::Disconnect) lets go is closed with
/// 1013, which means: come back.
#[derive(Debug)]
pub struct Messages<T: Send + Sync + 'static> {
    messages: Subscription<T>,
    write: fn(&topic::Message<T>) -> Result<Message, BoxError>,
}

impl<T: Send + Sync + 'static> Subscription<T> {
    /// The messages as JSON in text messages of a WebSocket. Feature `ws`.
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

    /// The messages as `write` makes them. It is called once for a message, however many sockets
    /// send it.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/news")]
    /// async fn news(topic: State<trine::Topic<String>>, ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async move |mut socket| {
    ///         // With its id, so that a page can say where it was when it comes back.
    ///         let news = topic.subscribe().messages_by(|news| Ok(format!("{} {}", news.id(), **news).into()));
    ///         socket.forward(news);
    ///         while socket.recv().await.is_some() {}
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn messages_by(
        self,
        write: fn(&topic::Message<T>) -> Result<Message, BoxError>,
    ) -> Messages<T> {
        Messages { messages: self, write }
    }
}

/// What [`topic::Message::shared`] keeps under.
struct AsMessage;

impl<T: Send + Sync + 'static> Messages<T> {
    fn message(&self, message: &topic::Message<T>) -> Result<Prepared, BoxError> {
        let write = self.write;
        // Two functions of one address are the same.
        let form = Form::of::<AsMessage>(write as usize as u64);
        message.shared(form, |message| Ok(Prepared::new(write(message)?)))
    }
}

impl<T: Send + Sync + 'static> Stream for Messages<T> {
    type Item = Result<Prepared, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.messages).poll_next(cx));
        Poll::Ready(next.map(|next| match next {
            Ok(message) => self.message(&message),
            Err(lagged) if self.messages.is_over() => Err(lagged.into()),
            Err(lagged) => Ok(missing(lagged)),
        }))
    }
}

fn missing(lagged: Lagged) -> Prepared {
    let missed = lagged.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    Prepared::new(format!("{{\"lagged\":{missed}}}"))
}
