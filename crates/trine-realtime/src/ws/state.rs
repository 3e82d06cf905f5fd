//! The state that the handles of a socket and its driver share.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use trine_core::BoxError;
use trine_websocket::{CloseFrame, Codec, Message, Prepared, WebSocketConfig};

use super::closed::Closed;
use super::queue::Queue;

#[derive(Debug)]
pub(super) struct SharedSocket {
    pub(super) config: Arc<WebSocketConfig>,
    /// The negotiated subprotocol.
    pub(super) protocol: Option<Box<str>>,
    state: Mutex<SocketState>,
}

#[derive(Debug)]
pub(super) struct SocketState {
    pub(super) codec: Codec,
    pub(super) queue: Queue,
    /// One received message. Nothing more is read until the function takes it.
    pub(super) inbox: Option<Message>,
    pub(super) forwards: Forwards,
    pub(super) closed: Option<Closed>,
    /// Whether the connection has ended, so that nothing more is written.
    pub(super) ended: bool,
    receiver: Option<Waker>,
    /// The tasks that wait for room in the queue, or for the queue to be empty.
    senders: Vec<Waker>,
    driver: Option<Waker>,
    /// Whether the driver must be woken when a handle changes the state.
    parked: bool,
}

impl SharedSocket {
    pub(super) fn new(
        config: Arc<WebSocketConfig>,
        protocol: Option<Box<str>>,
        codec: Codec,
    ) -> Arc<SharedSocket> {
        Arc::new(SharedSocket {
            config,
            protocol,
            state: Mutex::new(SocketState {
                codec,
                queue: Queue::default(),
                inbox: None,
                forwards: Forwards::default(),
                closed: None,
                ended: false,
                receiver: None,
                senders: Vec::new(),
                driver: None,
                parked: false,
            }),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, SocketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut state = self.lock();
        if let Some(message) = state.inbox.take() {
            // The driver can read the next message.
            state.wake_driver();
            return Poll::Ready(Some(message));
        }
        if state.closed.is_some() {
            return Poll::Ready(None);
        }
        state.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when a message of `len` bytes can be queued without more than `max_len` bytes waiting.
    pub(super) fn poll_room(
        &self,
        cx: &Context<'_>,
        len: usize,
        max_len: usize,
    ) -> Poll<Result<(), Closed>> {
        let mut state = self.lock();
        if let Some(closed) = state.refusal() {
            return Poll::Ready(Err(closed));
        }
        if state.has_room(len, max_len) {
            return Poll::Ready(Ok(()));
        }
        state.register_sender(cx);
        Poll::Pending
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let mut state = self.lock();
        match (&state.closed, state.queue.len(), state.ended) {
            (_, 0, _) => Poll::Ready(Ok(())),
            (Some(closed), _, true) => Poll::Ready(Err(closed.clone())),
            _ => {
                state.register_sender(cx);
                Poll::Pending
            }
        }
    }

    /// Queues a message, even if there is no room for it.
    pub(super) fn push(&self, message: Message) -> Result<(), Closed> {
        let mut state = self.lock();
        if let Some(closed) = state.refusal() {
            return Err(closed);
        }
        let SocketState { codec, queue, .. } = &mut *state;
        let is_activity = is_activity(&message);
        // The codec only refuses messages when the socket is closed, which was checked above.
        if let Ok(payload) = codec.send_owned(message, queue.tail())
            && !payload.is_empty()
        {
            queue.push(payload);
        }
        if is_activity {
            queue.mark_message();
        }
        state.wake_driver();
        Ok(())
    }

    pub(super) fn push_prepared(&self, prepared: &Prepared) -> Result<(), Closed> {
        let mut state = self.lock();
        if let Some(closed) = state.refusal() {
            return Err(closed);
        }
        if let Ok(frame) = state.codec.send_prepared(prepared) {
            state.queue.push(frame);
        }
        if is_activity(prepared.message()) {
            state.queue.mark_message();
        }
        state.wake_driver();
        Ok(())
    }

    /// Whether there is room for a message of `len` bytes.
    pub(super) fn has_room(&self, len: usize) -> Result<bool, Closed> {
        let state = self.lock();
        match state.refusal() {
            Some(closed) => Err(closed),
            None => Ok(state.has_room(len, self.config.max_queued_bytes)),
        }
    }

    pub(super) fn forward(&self, forward: Forward) {
        let mut state = self.lock();
        if state.refusal().is_none() {
            state.forwards.push(forward);
            state.wake_driver();
        }
    }

    pub(super) fn close(&self, frame: Option<CloseFrame>) {
        let mut state = self.lock();
        state.close(Closed::Local, frame);
        state.wake_driver();
    }
}

/// Whether a message counts as activity, which keeps a connection from being idle. Empty messages,
/// pings and pongs do not count.
pub(super) fn is_activity(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_)) && !message.as_bytes().is_empty()
}

impl SocketState {
    /// The reason why nothing more can be sent. `None` while the socket is open.
    fn refusal(&self) -> Option<Closed> {
        self.closed.clone().or_else(|| (!self.codec.is_open()).then_some(Closed::Local))
    }

    fn has_room(&self, len: usize, max_len: usize) -> bool {
        self.queue.len() == 0 || self.queue.len().saturating_add(len) <= max_len
    }

    fn register_sender(&mut self, cx: &Context<'_>) {
        if !self.senders.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.senders.push(cx.waker().clone());
        }
    }

    /// Sends a close frame, unless one was sent already. Of several reasons, the first one is kept.
    pub(super) fn close(&mut self, reason: Closed, frame: Option<CloseFrame>) {
        let SocketState { codec, queue, .. } = self;
        codec.close(frame, queue.tail());
        self.closed.get_or_insert(reason);
    }

    fn wake_driver(&mut self) {
        if std::mem::take(&mut self.parked)
            && let Some(driver) = &self.driver
        {
            driver.wake_by_ref();
        }
    }

    /// The driver is running, and checks the whole state before it parks again.
    pub(super) fn unpark(&mut self) {
        self.parked = false;
    }

    /// The driver waits; handles wake it.
    pub(super) fn park(&mut self, cx: &Context<'_>) {
        self.parked = true;
        if !self.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.driver = Some(cx.waker().clone());
        }
    }

    /// Wakes the task that waits for a message or the end. Returns true if it is the current task,
    /// which is not woken.
    #[must_use]
    pub(super) fn wake_receiver(&mut self, cx: &Context<'_>) -> bool {
        let Some(receiver) = self.receiver.take() else { return false };
        let is_current = receiver.will_wake(cx.waker());
        if !is_current {
            receiver.wake();
        }
        is_current
    }

    /// Wakes the tasks that wait for room. Returns true if the current task, which is not woken, is
    /// among them.
    #[must_use]
    pub(super) fn wake_senders(&mut self, cx: &Context<'_>) -> bool {
        let mut is_current = false;
        for sender in std::mem::take(&mut self.senders) {
            if sender.will_wake(cx.waker()) {
                is_current = true;
            } else {
                sender.wake();
            }
        }
        is_current
    }
}

/// The streams that are forwarded to one socket.
#[derive(Default)]
pub(super) struct Forwards(pub(super) Vec<Forward>);

pub(super) type Forward = Pin<Box<dyn MessageStream + Send>>;

/// A stream of messages to send.
pub(super) trait MessageStream {
    fn poll_message(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Prepared, BoxError>>>;
}

impl<S, M, E> MessageStream for S
where
    S: Stream<Item = Result<M, E>>,
    M: Into<Prepared>,
    E: Into<BoxError>,
{
    fn poll_message(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Prepared, BoxError>>> {
        self.poll_next(cx).map(|next| next.map(|item| item.map(Into::into).map_err(Into::into)))
    }
}

impl Forwards {
    pub(super) fn push(&mut self, forward: Forward) {
        self.0.push(forward);
    }
}

impl std::fmt::Debug for Forwards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} streams", self.0.len())
    }
}
