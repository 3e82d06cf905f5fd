//! The driver reads and writes the bytes of a socket, in the same task as the function that uses
//! it.
//!
//! ```text
//!  Open -- both sides closed, or protocol error --> Lingering -- end or timeout --> Ended
//!    +---------- I/O error or timeout ------------------------------------------------^
//! ```
//! `Lingering`: this side has shut down writing, and discards what the peer still sends. Otherwise
//! a reset could destroy the last bytes before the peer has read them.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use trine_core::upgrade::Upgraded;
use trine_websocket::{CloseCode, CloseFrame, Message};

use super::buffer::{self, BufferUse};
use super::closed::Closed;
use super::forward;
use super::queue::Written;
use super::state::{SharedSocket, SocketState, is_activity};
use super::timer::{SocketTimer, TimerAction};

pub(super) struct Driver {
    stream: Upgraded,
    shared: Arc<SharedSocket>,
    /// Received bytes that are not decoded yet: the beginning of a frame, or messages that the
    /// function has not taken.
    input: BytesMut,
    timer: SocketTimer,
    phase: Phase,
    /// Whether received messages are delivered to the function.
    delivers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Lingering,
    Ended,
}

/// The result of polling the driver.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DriverEvent {
    /// The state has changed, so the function of the socket must be polled.
    Progress,
    Ended,
}

impl Driver {
    pub(super) fn new(stream: Upgraded, shared: Arc<SharedSocket>) -> Driver {
        let timer = SocketTimer::new(&shared.config);
        let input = BytesMut::new();
        Driver { stream, shared, input, timer, phase: Phase::Open, delivers: true }
    }

    /// The function of the socket has ended: closes the connection with this frame.
    pub(super) fn on_function_end(&mut self, frame: CloseFrame) {
        self.delivers = false;
        let mut state = self.shared.lock();
        state.inbox = None;
        state.close(Closed::Local, Some(frame));
    }

    pub(super) fn is_open(&self) -> bool {
        self.shared.lock().codec.is_open()
    }

    pub(super) fn shut_down(&mut self) {
        let frame = CloseFrame::new(CloseCode::AWAY, "the server is shutting down");
        self.shared.lock().close(Closed::ShuttingDown, Some(frame));
    }

    /// Call it before polling the function, so that sending does not wake the current task.
    pub(super) fn unpark(&self) {
        self.shared.lock().unpark();
    }

    /// Reads and writes as much as possible.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<DriverEvent> {
        loop {
            forward::poll_forwards(&self.shared, cx);
            match self.phase {
                Phase::Ended => return Poll::Ready(DriverEvent::Ended),
                Phase::Lingering => ready!(self.poll_linger(cx)),
                Phase::Open => {
                    if ready!(self.poll_open(cx)) {
                        return Poll::Ready(DriverEvent::Progress);
                    }
                }
            }
        }
    }

    /// Ready with true if the function of the socket must be polled.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        // A separate reference, so that the lock does not borrow `self`.
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.unpark();
        let mut progress = match self.poll_write(cx, &mut state) {
            Ok(progress) => progress,
            Err(error) => return Poll::Ready(self.fail(cx, &mut state, error)),
        };
        if state.codec.is_closed() && state.queue.len() == 0 {
            self.phase = Phase::Lingering;
            progress |= state.wake_receiver(cx);
            progress |= state.wake_senders(cx);
            self.timer.on_closing();
            return Poll::Ready(progress);
        }
        match self.poll_read(cx, &mut state) {
            Ok(ReadOutcome::Progress) => {
                let deliverable = state.closed.is_some() || state.inbox.is_some();
                return Poll::Ready((deliverable && state.wake_receiver(cx)) || progress);
            }
            Ok(ReadOutcome::Nothing) => {}
            Err(error) => return Poll::Ready(self.fail(cx, &mut state, error)),
        }
        if !state.codec.is_open() {
            self.timer.on_closing();
            progress |= state.wake_receiver(cx);
        }
        if progress {
            return Poll::Ready(true);
        }
        let reading_paused = state.inbox.is_some();
        if let Poll::Ready(action) = self.timer.poll(cx, &shared.config, reading_paused) {
            return Poll::Ready(self.on_timer(cx, &mut state, action));
        }
        if state.queue.len() == 0 {
            state.queue.release_buffers();
        }
        state.park(cx);
        Poll::Pending
    }

    /// Writes the queue. Returns true if the function of the socket waited for that.
    fn poll_write(&mut self, cx: &mut Context<'_>, state: &mut SocketState) -> io::Result<bool> {
        if state.queue.len() == 0 {
            return Ok(false);
        }
        let mut written = Written::default();
        let result = state.queue.poll_write(cx, &mut self.stream, &mut written);
        self.timer.on_written(&written, result.is_ready());
        if let Poll::Ready(result) = result {
            result?;
            // TLS buffers written bytes; a plain socket has nothing to flush.
            if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) {
                flushed?;
            }
        }
        Ok(written.bytes > 0 && state.wake_senders(cx))
    }

    /// Reads until there is a message, or nothing more to read.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut SocketState,
    ) -> io::Result<ReadOutcome> {
        if state.inbox.is_some() || state.queue.len() > self.shared.config.max_queued_bytes {
            return Ok(ReadOutcome::Nothing);
        }
        loop {
            let SocketState { codec, queue, .. } = &mut *state;
            if !self.input.is_empty() {
                match codec.receive(&mut self.input, queue.tail()) {
                    Ok(Some(message)) => {
                        self.deliver(message, state);
                        return Ok(ReadOutcome::Progress);
                    }
                    Ok(None) if codec.is_closed() => return Ok(ReadOutcome::Progress),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::debug!(%error, "a WebSocket was closed for a protocol error");
                        state.closed.get_or_insert(Closed::Protocol(error));
                        return Ok(ReadOutcome::Progress);
                    }
                }
            }
            let missing = codec.missing();
            // An idle connection holds no buffer, except for the few bytes of an incomplete frame.
            if self.input.is_empty() {
                buffer::release(&mut self.input, BufferUse::Reading);
                if let Poll::Ready(ready) = self.stream.poll_read_ready(cx) {
                    ready?;
                } else {
                    return Ok(ReadOutcome::Nothing);
                }
            }
            match self.poll_fill(cx, missing) {
                Poll::Pending => {
                    if self.input.is_empty() {
                        buffer::release(&mut self.input, BufferUse::Reading);
                    } else {
                        let incomplete = BytesMut::from(&self.input[..]);
                        buffer::release(&mut self.input, BufferUse::Reading);
                        self.input = incomplete;
                    }
                    return Ok(ReadOutcome::Nothing);
                }
                Poll::Ready(filled) => filled?,
            }
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, missing: usize) -> Poll<io::Result<()>> {
        // Leaves room for another message of the same size. If that room is not filled, there is
        // nothing more to read, which saves a system call.
        let twice = (2 * missing.min(buffer::MAX_CAPACITY)).next_power_of_two();
        buffer::acquire(&mut self.input, BufferUse::Reading, twice);
        let read = ready!(poll_read_buf(cx, &mut self.stream, &mut self.input))?;
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.timer.on_bytes_received();
        Poll::Ready(Ok(()))
    }

    fn deliver(&mut self, message: Message, state: &mut SocketState) {
        match message {
            Message::Close(frame) => {
                state.closed.get_or_insert(Closed::Peer(frame));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            data => {
                if is_activity(&data) {
                    self.timer.on_message_received();
                }
                // After this side has closed, the function receives no messages.
                if self.delivers && state.codec.is_open() {
                    state.inbox = Some(data);
                }
            }
        }
    }

    fn on_timer(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut SocketState,
        action: TimerAction,
    ) -> bool {
        match action {
            TimerAction::SendPing => {
                let SocketState { codec, queue, .. } = &mut *state;
                // It only fails if the socket is closed, and then another timeout applies.
                let _ = codec.send(&Message::Ping(bytes::Bytes::new()), queue.tail());
                self.timer.on_ping_sent();
                false
            }
            TimerAction::CloseIdle => {
                let reason = "there was no message within `idle_timeout`";
                state.close(
                    Closed::TimedOut(reason),
                    Some(CloseFrame::new(CloseCode::AWAY, "idle for too long")),
                );
                state.wake_receiver(cx)
            }
            TimerAction::Drop(reason) => {
                tracing::debug!(reason, "the connection of a WebSocket was dropped");
                state.closed.get_or_insert(Closed::TimedOut(reason));
                self.end(cx, state)
            }
        }
    }

    /// The connection failed.
    fn fail(&mut self, cx: &mut Context<'_>, state: &mut SocketState, error: io::Error) -> bool {
        state.closed.get_or_insert_with(|| Closed::Lost(Arc::new(error)));
        self.end(cx, state)
    }

    /// Ends the driver. Returns true if the function of the socket must be polled.
    fn end(&mut self, cx: &mut Context<'_>, state: &mut SocketState) -> bool {
        self.phase = Phase::Ended;
        state.ended = true;
        let receiver = state.wake_receiver(cx);
        state.wake_senders(cx) || receiver
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        if self.timer.poll(cx, &shared.config, true).is_ready() {
            self.phase = Phase::Ended;
            return Poll::Ready(());
        }
        // If it fails, the following read fails too.
        let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        let ended = loop {
            self.input.clear();
            ready!(self.stream.poll_read_ready(cx)).ok();
            buffer::acquire(&mut self.input, BufferUse::Reading, 0);
            match poll_read_buf(cx, &mut self.stream, &mut self.input) {
                Poll::Ready(Ok(read)) if read > 0 => {}
                Poll::Ready(read) => break read.err(),
                Poll::Pending => {
                    buffer::release(&mut self.input, BufferUse::Reading);
                    return Poll::Pending;
                }
            }
        };
        tracing::trace!(?ended, "a WebSocket has ended");
        buffer::release(&mut self.input, BufferUse::Reading);
        self.phase = Phase::Ended;
        shared.lock().ended = true;
        Poll::Ready(())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum ReadOutcome {
    /// A message, or a change of the state.
    Progress,
    Nothing,
}

fn poll_read_buf(
    cx: &mut Context<'_>,
    stream: &mut Upgraded,
    into: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    // Reads into uninitialized memory. The future holds no bytes while it is pending.
    pin!(stream.read_buf(into)).poll(cx)
}
