//! The handles of an open socket.

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
use super::state::SharedSocket;

/// An open WebSocket, which sends and receives messages.
///
/// The function that was passed to [`WebSocket::on_upgrade`](super::WebSocket::on_upgrade) gets it.
/// When that function ends, the socket is closed with 1000. Pings, pongs and close frames are
/// handled without your help. The socket also implements `Stream` and `Sink`.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/greet")]
/// async fn greet(ws: WebSocket) -> Response {
///     ws.on_upgrade(async |mut socket| {
///         while let Some(message) = socket.recv().await {
///             let name = message.as_text().unwrap_or("stranger");
///             socket.send(format!("Hello, {name}!")).await?;
///         }
///         Ok::<(), trine::ws::Closed>(())
///     })
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![greet]).test().await;
/// let mut socket = client.websocket("/greet").await;
/// socket.send("Ann").await;
/// assert_eq!(socket.text().await, "Hello, Ann!");
/// # }
/// ```
#[derive(Debug)]
pub struct Socket(Sender);

impl Socket {
    pub(super) fn new(shared: &Arc<SharedSocket>) -> Socket {
        Socket(Sender(Arc::clone(shared)))
    }

    /// The negotiated subprotocol.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.0.0.protocol.as_deref()
    }

    /// Waits for a text or binary message. `None` when the connection is closed;
    /// [`closed`](Socket::closed) returns the reason.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/count")]
    /// async fn count(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |mut socket| {
    ///         while let Some(message) = socket.recv().await {
    ///             let _ = socket.send(message.as_bytes().len().to_string()).await;
    ///         }
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![count]).test().await.websocket("/count").await;
    /// socket.send("hello").await;
    /// assert_eq!(socket.text().await, "5");
    /// # }
    /// ```
    ///
    /// This method is cancel safe: dropping the future loses no message.
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
    /// When the queue is full, and when the connection is closed.
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
    /// When the connection ends before.
    pub async fn flush(&self) -> Result<(), Closed> {
        self.0.flush().await
    }

    /// See [`Sender::close`].
    pub fn close(&self, frame: impl Into<CloseFrame>) {
        self.0.close(frame);
    }

    /// The reason why the connection is closed. `None` while it is open.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// use trine::ws::Closed;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// # async fn close(ws: WebSocket) -> Response { ws.on_upgrade(async |_| ()) }
    /// # let mut client = App::new().route("/", get(close)).test().await.websocket("/").await;
    /// # let socket = client.socket();
    /// assert!(socket.recv().await.is_none());
    /// assert!(matches!(socket.closed(), Some(Closed::Peer(_))));
    /// # }
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.0.closed()
    }

    /// A handle that sends to this socket, also from other tasks.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/later")]
    /// async fn later(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |mut socket| {
    ///         let sender = socket.sender();
    ///         tokio::spawn(async move { sender.send("from another task").await });
    ///         while socket.recv().await.is_some() {}
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![later]).test().await.websocket("/later").await;
    /// assert_eq!(socket.text().await, "from another task");
    /// # }
    /// ```
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.0.clone()
    }

    /// Splits the socket into its two directions. It is still closed when the function that got it
    /// ends.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/echo")]
    /// async fn echo(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |socket| {
    ///         let (sender, mut receiver) = socket.split();
    ///         while let Some(message) = receiver.recv().await {
    ///             let _ = sender.send(message).await;
    ///         }
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![echo]).test().await.websocket("/echo").await;
    /// socket.send("hello").await;
    /// assert_eq!(socket.text().await, "hello");
    /// # }
    /// ```
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        let receiver = Receiver(Arc::clone(&self.0.0));
        (self.0, receiver)
    }
}

/// Sends to a socket, from any task. Clones send to the same socket.
#[derive(Debug, Clone)]
pub struct Sender(Arc<SharedSocket>);

impl Sender {
    /// Queues a message. It waits while the message would exceed `max_queued_bytes`, so that a slow
    /// client slows its sender down instead of filling the memory. When it returns, the message is
    /// queued; [`flush`](Sender::flush) waits until it is written.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/greet")]
    /// async fn greet(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |socket| socket.sender().send("hello").await)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![greet]).test().await.websocket("/greet").await;
    /// assert_eq!(socket.text().await, "hello");
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn send(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Closed>> {
        let mut message = message.into();
        // Not an async block, whose state would store the message twice: an idle connection is as
        // large as the largest state of its task.
        poll_fn(move |cx| {
            ready!(self.0.poll_room(cx, message.as_bytes().len(), self.0.config.max_queued_bytes))?;
            Poll::Ready(self.0.push(std::mem::replace(&mut message, Message::Text(String::new()))))
        })
    }

    /// Queues a message if there is room for it.
    ///
    /// # Errors
    /// When the message would exceed `max_queued_bytes`, and when the connection is closed.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        let message = message.into();
        match self.0.has_room(message.as_bytes().len()) {
            Ok(true) => self.0.push(message).map_err(TrySendError::Closed),
            Ok(false) => Err(TrySendError::Full(message)),
            Err(closed) => Err(TrySendError::Closed(closed)),
        }
    }

    /// Queues a message that many sockets send. It is encoded and compressed once for all of them.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # use trine::ws::Prepared;
    /// #[get("/motd")]
    /// async fn motd(text: State<Prepared>, ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async move |socket| socket.send_prepared(&text).await)
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().state(Prepared::new("hello")).routes(routes![motd]);
    /// assert_eq!(app.test().await.websocket("/motd").await.text().await, "hello");
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send_prepared(&self, prepared: &Prepared) -> Result<(), Closed> {
        let len = prepared.message().as_bytes().len();
        poll_fn(|cx| self.0.poll_room(cx, len, self.0.config.max_queued_bytes)).await?;
        self.0.push_prepared(prepared)
    }

    /// As [`send_prepared`](Sender::send_prepared), if there is room for the message.
    ///
    /// # Errors
    /// When the message would exceed `max_queued_bytes`, and when the connection is closed.
    pub fn try_send_prepared(&self, prepared: &Prepared) -> Result<(), TrySendError> {
        match self.0.has_room(prepared.message().as_bytes().len()) {
            Ok(true) => self.0.push_prepared(prepared).map_err(TrySendError::Closed),
            Ok(false) => Err(TrySendError::Full(prepared.message().clone())),
            Err(closed) => Err(TrySendError::Closed(closed)),
        }
    }

    /// Forwards a stream of messages, usually those of a topic, while the function of the socket
    /// does something else. The stream is dropped with the socket. When the stream ends first, the
    /// socket is closed with 1000.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::ws::Message;
    ///
    /// /// Sends each received message to all clients.
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
    /// let topic = trine::Topic::<String>::new();
    /// let client = App::new().state(topic).routes(routes![talk]).test().await;
    /// let (mut ann, mut bob) = (client.websocket("/talk").await, client.websocket("/talk").await);
    /// # ann.send("Are you there?").await;
    /// # assert_eq!(ann.text().await, r#""Are you there?""#);
    /// bob.send("Hello, Ann").await;
    /// assert_eq!(ann.text().await, r#""Hello, Ann""#);
    /// # }
    /// ```
    ///
    /// # Errors
    /// An `Err` of the stream is logged and closes the socket with 1011, or with 1013 if it is
    /// [`Lagged`](crate::topic::Lagged).
    ///
    /// # Limits
    /// The stream is polled while fewer than 16 KiB wait for the client, or `max_queued_bytes` if
    /// that is less. So a slow client holds back only its own stream. Messages that a topic
    /// publishes meanwhile are subject to its [`overflow`](crate::topic::TopicConfig::overflow).
    pub fn forward<S, M, E>(&self, stream: S)
    where
        S: Stream<Item = Result<M, E>> + Send + 'static,
        M: Into<Prepared>,
        E: Into<BoxError>,
    {
        self.0.forward(Box::pin(stream));
    }

    /// Sends a ping, in addition to those of the heartbeat.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn ping(&self, payload: impl Into<Bytes>) -> Result<(), Closed> {
        self.send(Message::Ping(payload.into())).await
    }

    /// Waits until all queued messages have been passed to the operating system.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn flush(&self) -> Result<(), Closed> {
        poll_fn(|cx| self.0.poll_flush(cx)).await
    }

    /// Closes the socket with this code and reason. Queued messages are still sent; the peer has
    /// `close_timeout` to answer.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// use trine::ws::{CloseCode, CloseFrame};
    ///
    /// #[get("/full")]
    /// async fn full(ws: WebSocket) -> Response {
    ///     ws.on_upgrade(async |socket| {
    ///         let frame = CloseFrame::new(CloseCode::TRY_AGAIN, "the room is full");
    ///         socket.sender().close(frame);
    ///     })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let mut socket = App::new().routes(routes![full]).test().await.websocket("/full").await;
    /// assert_eq!(socket.close_code().await, Some(1013));
    /// # }
    /// ```
    pub fn close(&self, frame: impl Into<CloseFrame>) {
        self.0.close(Some(frame.into()));
    }

    /// The reason why the connection is closed. `None` while it is open.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.0.lock().closed.clone()
    }
}

/// Receives from a socket. [`Socket::split`] makes it.
#[derive(Debug)]
pub struct Receiver(Arc<SharedSocket>);

impl Receiver {
    /// See [`Socket::recv`].
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        poll_fn(|cx| self.0.poll_recv(cx))
    }
}

/// A message could not be queued at once.
///
/// ```
/// use trine::ws::{Message, TrySendError};
///
/// let error = TrySendError::Full(Message::from("hello"));
/// assert_eq!(error.to_string(), "the client reads too slowly: its queue is full");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum TrySendError {
    /// The message would exceed `max_queued_bytes`. It is returned.
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
