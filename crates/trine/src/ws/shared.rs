//! What the handles of a socket and its driver share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use trine_websocket::{CloseFrame, Codec, Message, Prepared, WebSocketConfig};

use super::closed::Closed;
use super::forward::{Forward, Forwards};
use super::queue::Queue;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<WebSocketConfig>,
    /// What was agreed on.
    pub(super) protocol: Option<Box<str>>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) codec: Codec,
    pub(super) queue: Queue,
    /// One message, read ahead. Nothing more is read before it is taken.
    pub(super) inbox: Option<Message>,
    pub(super) forwards: Forwards,
    pub(super) closed: Option<Closed>,
    /// Whether there is no stream any more.
    pub(super) over: bool,
    receiver: Option<Waker>,
    /// Those who wait for room in the queue, or for its end.
    senders: Vec<Waker>,
    driver: Option<Waker>,
    /// Whether the driver must be woken when there is something to write.
    parked: bool,
}

impl Shared {
    pub(super) fn new(
        config: Arc<WebSocketConfig>,
        protocol: Option<Box<str>>,
        codec: Codec,
    ) -> Arc<Shared> {
        Arc::new(Shared {
            config,
            protocol,
            state: Mutex::new(State {
                codec,
                queue: Queue::default(),
                inbox: None,
                forwards: Forwards::default(),
                closed: None,
                over: false,
                receiver: None,
                senders: Vec::new(),
                driver: None,
                parked: false,
            }),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut state = self.lock();
        if let Some(message) = state.inbox.take() {
            // There is room to read on.
            state.wake_driver();
            return Poll::Ready(Some(message));
        }
        if state.closed.is_some() {
            return Poll::Ready(None);
        }
        state.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when a message may be queued, of which `most` bytes may wait.
    pub(super) fn poll_room(
        &self,
        cx: &Context<'_>,
        len: usize,
        most: usize,
    ) -> Poll<Result<(), Closed>> {
        let mut state = self.lock();
        if let Some(closed) = state.refusal() {
            return Poll::Ready(Err(closed));
        }
        if state.has_room(len, most) {
            return Poll::Ready(Ok(()));
        }
        state.wait(cx);
        Poll::Pending
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let mut state = self.lock();
        match (&state.closed, state.queue.len(), state.over) {
            (_, 0, _) => Poll::Ready(Ok(())),
            (Some(closed), _, true) => Poll::Ready(Err(closed.clone())),
            _ => {
                state.wait(cx);
                Poll::Pending
            }
        }
    }

    /// Queues a message whether there is room or not.
    pub(super) fn push(&self, message: Message) -> Result<(), Closed> {
        let mut state = self.lock();
        if let Some(closed) = state.refusal() {
            return Err(closed);
        }
        let State { codec, queue, .. } = &mut *state;
        let says = says_something(&message);
        // What is refused here was refused above.
        if let Ok(payload) = codec.send_owned(message, queue.tail())
            && !payload.is_empty()
        {
            queue.push(payload);
        }
        if says {
            queue.said();
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
        if says_something(prepared.message()) {
            state.queue.said();
        }
        state.wake_driver();
        Ok(())
    }

    /// `Ok(false)` where there is no room.
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
        state.close(Closed::Here, frame);
        state.wake_driver();
    }
}

/// Whether a message keeps a connection from being idle: neither pings and pongs do, which the
/// other side must answer or may send unasked, nor messages of no byte.
pub(super) fn says_something(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_)) && !message.as_bytes().is_empty()
}

impl State {
    /// Why nothing more can be sent.
    fn refusal(&self) -> Option<Closed> {
        self.closed.clone().or_else(|| (!self.codec.is_open()).then_some(Closed::Here))
    }

    fn has_room(&self, len: usize, most: usize) -> bool {
        self.queue.len() == 0 || self.queue.len().saturating_add(len) <= most
    }

    fn wait(&mut self, cx: &Context<'_>) {
        if !self.senders.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.senders.push(cx.waker().clone());
        }
    }

    /// Says goodbye. The first reason is the one that is told.
    pub(super) fn close(&mut self, why: Closed, frame: Option<CloseFrame>) {
        let State { codec, queue, .. } = self;
        codec.close(frame, queue.tail());
        self.closed.get_or_insert(why);
    }

    fn wake_driver(&mut self) {
        if std::mem::take(&mut self.parked)
            && let Some(driver) = &self.driver
        {
            driver.wake_by_ref();
        }
    }

    /// The driver runs, and looks at everything before it parks again.
    pub(super) fn unpark(&mut self) {
        self.parked = false;
    }

    pub(super) fn park(&mut self, cx: &Context<'_>) {
        self.parked = true;
        if !self.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.driver = Some(cx.waker().clone());
        }
    }

    /// Tells whoever waits for a message, or for the end. True where that is the task that asks,
    /// which needs no waking.
    #[must_use]
    pub(super) fn tell_receiver(&mut self, cx: &Context<'_>) -> bool {
        let Some(receiver) = self.receiver.take() else { return false };
        let here = receiver.will_wake(cx.waker());
        if !here {
            receiver.wake();
        }
        here
    }

    /// The same for whoever waits for room.
    #[must_use]
    pub(super) fn tell_senders(&mut self, cx: &Context<'_>) -> bool {
        let mut here = false;
        for sender in std::mem::take(&mut self.senders) {
            if sender.will_wake(cx.waker()) {
                here = true;
            } else {
                sender.wake();
            }
        }
        here
    }
}
