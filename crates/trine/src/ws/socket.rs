//! The handles of an open connection.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use trine_core::BoxError;
use trine_websocket::{CloseFrame, Message, Prepared};

use super::closed::Closed;
use super::shared::Shared;

/// An open WebSocket. It lives until the function that was given to
/// [`WebSocket::on_upgrade`](super::WebSocket::on_upgrade) ends, and is then closed with 1000.
///
/// It is a stream of messages and a sink of them too. Pings are answered, and pongs and closes
/// taken notice of, without your doing.
#[derive(Debug)]
pub struct Socket(Sender);

impl Socket {
    pub(super) fn new(shared: &Arc<Shared>) -> Socket {
        Socket(Sender(Arc::clone(shared)))
    }

    /// The subprotocol that was agreed on.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.0.0.protocol.as_deref()
    }

    /// Waits for a text or binary message. `None` when the connection is closed;
    /// [`closed`](Socket::closed) tells why. It can be dropped at any time without losing a
    /// message.
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        poll_fn(|cx| self.0.0.poll_recv(cx))
    }

    /// See [`Sender::send`].
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn send(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Closed>> {
        self.0.send(message)
    }

    /// See [`Sender::try_send`].
    ///
    /// # Errors
    /// When the queue is full or the connection closed.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        self.0.try_send(message)
    }

    /// See [`Sender::send_prepared`].
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send_prepared(&self, prepared: &Prepared) -> Result<(), Closed> {
        self.0.send_prepared(prepared).await
    }

    /// See [`Sender::forward`].
    pub fn forward<S, M, E>(&self, stream: S)
    where
        S: Stream<Item = Result<M, E>> + Send + 'static,
        M: Into<Prepared>,
        E: Into<BoxError>,
    {
        self.0.forward(stream);
    }

    /// See [`Sender::flush`].
    ///
    /// # Errors
    /// When the connection ended before.
    pub async fn flush(&self) -> Result<(), Closed> {
        self.0.flush().await
    }

    /// See [`Sender::close`].
    pub fn close(&self, frame: impl Into<CloseFrame>) {
        self.0.close(frame);
    }

    /// Why it is closed; `None` while it is open.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.0.closed()
    }

    /// A handle to send with, for other tasks too.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.0.clone()
    }

    /// Both directions apart. The socket still ends with the function that it was given to.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        let receiver = Receiver(Arc::clone(&self.0.0));
        (self.0, receiver)
    }
}

/// Sends to a socket, from any task. Clones send to the same one.
#[derive(Debug, Clone)]
pub struct Sender(Arc<Shared>);

impl Sender {
    /// Sends a message. It waits while `max_queued_bytes` are waiting already, so that a slow
    /// client slows its sender down and nobody's memory fills up. When it returns, the message is
    /// on its way and not yet there.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn send(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Closed>> {
        let mut message = message.into();
        // No `async`: its state would hold the message twice, and an idle connection is as large as
        // its largest state.
        poll_fn(move |cx| {
            ready!(self.0.poll_room(cx, message.as_bytes().len(), self.0.config.max_queued_bytes))?;
            Poll::Ready(self.0.push(std::mem::replace(&mut message, Message::Text(String::new()))))
        })
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    /// When `max_queued_bytes` are waiting already, and when the connection is closed.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        let message = message.into();
        match self.0.has_room(message.as_bytes().len()) {
            Ok(true) => self.0.push(message).map_err(TrySendError::Closed),
            Ok(false) => Err(TrySendError::Full(message)),
            Err(closed) => Err(TrySendError::Closed(closed)),
        }
    }

    /// Sends a message that others are sent too: it is encoded and compressed once for all of them.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send_prepared(&self, prepared: &Prepared) -> Result<(), Closed> {
        let len = prepared.message().as_bytes().len();
        poll_fn(|cx| self.0.poll_room(cx, len, self.0.config.max_queued_bytes)).await?;
        self.0.push_prepared(prepared)
    }

    /// As [`send_prepared`](Sender::send_prepared), if there is room for it now.
    ///
    /// # Errors
    /// When `max_queued_bytes` are waiting already, and when the connection is closed.
    pub fn try_send_prepared(&self, prepared: &Prepared) -> Result<(), TrySendError> {
        match self.0.has_room(prepared.message().as_bytes().len()) {
            Ok(true) => self.0.push_prepared(prepared).map_err(TrySendError::Closed),
            Ok(false) => Err(TrySendError::Full(prepared.message().clone())),
            Err(closed) => Err(TrySendError::Closed(closed)),
        }
    }

    /// Sends whatever the stream gives from now on, while you do something else: the messages of a
    /// topic, most often. It goes with the socket; when it ends before, the socket is closed
    /// with 1000.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::ws::Message;
    ///
    /// /// Everybody hears what anybody says.
    /// #[get("/talk")]
    /// async fn talk(topic: State<trine::Topic<String>>, ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async move |mut socket| {
    ///         socket.forward(topic.subscribe().messages());
    ///         while let Some(Message::Text(text)) = socket.recv().await {
    ///             topic.publish(text);
    ///         }
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().state(trine::Topic::<String>::new()).routes(routes![talk]).test().await;
    /// let (mut ann, mut bob) = (client.websocket("/talk").await, client.websocket("/talk").await);
    /// # ann.send("Are you there?").await;
    /// # assert_eq!(ann.text().await, r#""Are you there?""#);
    /// bob.send("Hello, Ann").await;
    /// assert_eq!(ann.text().await, r#""Hello, Ann""#);
    /// # }
    /// ```
    ///
    /// # Errors
    /// An `Err` of the stream is logged and closes the socket with 1011; a
    /// [`Lagged`](crate::topic::Lagged) with 1013.
    ///
    /// # Limits
    /// The stream is asked for more while fewer than 16 KiB wait for the client, or
    /// `max_queued_bytes` if that is less. So a slow client holds back its stream and nobody else;
    /// what a topic does with what it publishes meanwhile, its
    /// [`overflow`](crate::topic::TopicConfig::overflow) says.
    pub fn forward<S, M, E>(&self, stream: S)
    where
        S: Stream<Item = Result<M, E>> + Send + 'static,
        M: Into<Prepared>,
        E: Into<BoxError>,
    {
        self.0.forward(Box::pin(stream));
    }

    /// Asks for a sign of life, beside those that the heartbeat asks for.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn ping(&self, payload: impl Into<Bytes>) -> Result<(), Closed> {
        self.send(Message::Ping(payload.into())).await
    }

    /// Waits until everything that was sent has been given to the system.
    ///
    /// # Errors
    /// When the connection ended before.
    pub async fn flush(&self) -> Result<(), Closed> {
        poll_fn(|cx| self.0.poll_flush(cx)).await
    }

    /// Says goodbye. What was sent before still goes out; the peer has `close_timeout` to answer.
    pub fn close(&self, frame: impl Into<CloseFrame>) {
        self.0.close(Some(frame.into()));
    }

    /// Why it is closed; `None` while it is open.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.0.lock().closed.clone()
    }
}

/// Receives from a socket.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

impl Receiver {
    /// See [`Socket::recv`].
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        poll_fn(|cx| self.0.poll_recv(cx))
    }
}

/// A message could not be sent at once.
#[derive(Debug, thiserror::Error)]
pub enum TrySendError {
    /// `max_queued_bytes` wait already; here is the message again.
    #[error("the client reads too slowly: its queue is full")]
    Full(Message),
    /// The connection is closed.
    #[error(transparent)]
    Closed(Closed),
}

impl Stream for Receiver {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.0.poll_recv(cx)
    }
}

impl Stream for Socket {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.0.0.poll_recv(cx)
    }
}

impl Sink<Message> for Sender {
    type Error = Closed;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.0.poll_room(cx, 1, self.0.config.max_queued_bytes)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Closed> {
        self.0.push(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.0.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.0.close(None);
        ready!(self.0.poll_flush(cx))?;
        Poll::Ready(Ok(()))
    }
}

impl Sink<Message> for Socket {
    type Error = Closed;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        Pin::new(&mut self.0).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Closed> {
        Pin::new(&mut self.0).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        Sink::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        Sink::poll_close(Pin::new(&mut self.0), cx)
    }
}
