//! What moves the bytes of a socket, in the same task as the function that uses it.
//!
//! ```text
//!  Talking --- both said goodbye, or a rule was broken ---> Lingering --- the peer is gone, or time is over ---> Over
//!     +------------- the connection broke, or the peer was let go -----------------------------------------------^
//! ```
//! `Lingering`: our side is closed, and what the peer still sends is read into nothing, so that a
//! reset does not take our last words away from it.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use trine_server::upgrade::Upgraded;
use trine_websocket::{CloseCode, CloseFrame, Message};

use super::buffer::{self, For};
use super::clock::{Clock, Due};
use super::closed::Closed;
use super::forward;
use super::queue::Taken;
use super::shared::{Shared, State, says_something};

pub(super) struct Driver {
    stream: Upgraded,
    shared: Arc<Shared>,
    /// What was read and not understood yet: the start of a frame, or a message that nobody has
    /// asked for.
    input: BytesMut,
    clock: Clock,
    phase: Phase,
    /// Whether messages are still for somebody.
    listens: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Talking,
    Lingering,
    Over,
}

/// What a turn of the driver has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The function of the socket has something new to see.
    News,
    Over,
}

impl Driver {
    pub(super) fn new(stream: Upgraded, shared: Arc<Shared>) -> Driver {
        let clock = Clock::new(&shared.config);
        let input = BytesMut::new();
        Driver { stream, shared, input, clock, phase: Phase::Talking, listens: true }
    }

    /// The function of the socket has ended.
    pub(super) fn end(&mut self, frame: CloseFrame) {
        self.listens = false;
        let mut state = self.shared.lock();
        state.inbox = None;
        state.close(Closed::Here, Some(frame));
    }

    pub(super) fn is_open(&self) -> bool {
        self.shared.lock().codec.is_open()
    }

    pub(super) fn shut_down(&mut self) {
        let frame = CloseFrame::new(CloseCode::AWAY, "the server shuts down");
        self.shared.lock().close(Closed::ShuttingDown, Some(frame));
    }

    /// To be called before the function runs: what it sends needs no waking then.
    pub(super) fn unpark(&self) {
        self.shared.lock().unpark();
    }

    /// Moves whatever can be moved.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        loop {
            forward::pump(&self.shared, cx);
            match self.phase {
                Phase::Over => return Poll::Ready(Turn::Over),
                Phase::Lingering => ready!(self.poll_linger(cx)),
                Phase::Talking => {
                    if ready!(self.poll_talk(cx)) {
                        return Poll::Ready(Turn::News);
                    }
                }
            }
        }
    }

    /// True where there is news.
    fn poll_talk(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        // A handle of its own, so that the state can be held beside the stream.
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.unpark();
        let mut news = match self.poll_write(cx, &mut state) {
            Ok(news) => news,
            Err(error) => return Poll::Ready(self.lost(cx, &mut state, error)),
        };
        if state.codec.is_closed() && state.queue.len() == 0 {
            self.phase = Phase::Lingering;
            news |= state.tell_receiver(cx);
            news |= state.tell_senders(cx);
            self.clock.closing();
            return Poll::Ready(news);
        }
        match self.poll_read(cx, &mut state) {
            Ok(Read::Something) => {
                let told = state.closed.is_some() || state.inbox.is_some();
                return Poll::Ready((told && state.tell_receiver(cx)) || news);
            }
            Ok(Read::Nothing) => {}
            Err(error) => return Poll::Ready(self.lost(cx, &mut state, error)),
        }
        if !state.codec.is_open() {
            self.clock.closing();
            news |= state.tell_receiver(cx);
        }
        if news {
            return Poll::Ready(true);
        }
        let waits = state.inbox.is_some();
        if let Poll::Ready(due) = self.clock.poll(cx, &shared.config, waits) {
            return Poll::Ready(self.on_time(cx, &mut state, due));
        }
        if state.queue.len() == 0 {
            state.queue.rest();
        }
        state.park(cx);
        Poll::Pending
    }

    /// Writes what waits. True where somebody of this task waited for that.
    fn poll_write(&mut self, cx: &mut Context<'_>, state: &mut State) -> io::Result<bool> {
        if state.queue.len() == 0 {
            return Ok(false);
        }
        let mut taken = Taken::default();
        let written = state.queue.poll_write(cx, &mut self.stream, &mut taken);
        self.clock.wrote(&taken, written.is_ready());
        if let Poll::Ready(written) = written {
            written?;
            // TLS holds back what it has; a plain socket has nothing to flush.
            if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) {
                flushed?;
            }
        }
        Ok(taken.all > 0 && state.tell_senders(cx))
    }

    /// Reads until there is one message, or nothing more to read.
    fn poll_read(&mut self, cx: &mut Context<'_>, state: &mut State) -> io::Result<Read> {
        if state.inbox.is_some() || state.queue.len() > self.shared.config.max_queued_bytes {
            return Ok(Read::Nothing);
        }
        loop {
            let State { codec, queue, .. } = &mut *state;
            if !self.input.is_empty() {
                match codec.receive(&mut self.input, queue.tail()) {
                    Ok(Some(message)) => {
                        self.take(message, state);
                        return Ok(Read::Something);
                    }
                    Ok(None) if codec.is_closed() => return Ok(Read::Something),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::debug!(%error, "a WebSocket was closed");
                        state.closed.get_or_insert(Closed::Protocol(error));
                        return Ok(Read::Something);
                    }
                }
            }
            let missing = codec.missing();
            // Nothing is held while nothing comes, but the few bytes of a frame that has only
            // begun.
            if self.input.is_empty() {
                buffer::give(&mut self.input, For::Reading);
                if let Poll::Ready(ready) = self.stream.poll_read_ready(cx) {
                    ready?;
                } else {
                    return Ok(Read::Nothing);
                }
            }
            match self.poll_fill(cx, missing) {
                Poll::Pending => {
                    if self.input.is_empty() {
                        buffer::give(&mut self.input, For::Reading);
                    } else {
                        let begun = BytesMut::from(&self.input[..]);
                        buffer::give(&mut self.input, For::Reading);
                        self.input = begun;
                    }
                    return Ok(Read::Nothing);
                }
                Poll::Ready(filled) => filled?,
            }
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, missing: usize) -> Poll<io::Result<()>> {
        // With room for another one of its size: the next message is then read at once, and that
        // nothing is behind it is known without asking.
        let twice = (2 * missing.min(buffer::LARGEST_KEPT)).next_power_of_two();
        buffer::lend(&mut self.input, For::Reading, twice);
        let read = ready!(poll_read_buf(cx, &mut self.stream, &mut self.input))?;
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.clock.heard();
        Poll::Ready(Ok(()))
    }

    fn take(&mut self, message: Message, state: &mut State) {
        match message {
            Message::Close(frame) => {
                state.closed.get_or_insert(Closed::Peer(frame));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            data => {
                if says_something(&data) {
                    self.clock.spoke();
                }
                // Once closed from this side, nobody asks any more.
                if self.listens && state.codec.is_open() {
                    state.inbox = Some(data);
                }
            }
        }
    }

    fn on_time(&mut self, cx: &mut Context<'_>, state: &mut State, due: Due) -> bool {
        match due {
            Due::Ping => {
                let State { codec, queue, .. } = &mut *state;
                // Where it is closed, another time is due.
                let _ = codec.send(&Message::Ping(bytes::Bytes::new()), queue.tail());
                self.clock.pinged();
                false
            }
            Due::Idle => {
                let why = "nobody said anything within `idle_timeout`";
                state.close(
                    Closed::TimedOut(why),
                    Some(CloseFrame::new(CloseCode::AWAY, "idle for too long")),
                );
                state.tell_receiver(cx)
            }
            Due::LetGo(why) => {
                tracing::debug!(why, "a WebSocket was let go");
                state.closed.get_or_insert(Closed::TimedOut(why));
                self.over(cx, state)
            }
        }
    }

    fn lost(&mut self, cx: &mut Context<'_>, state: &mut State, error: io::Error) -> bool {
        state.closed.get_or_insert_with(|| Closed::Lost(Arc::new(error)));
        self.over(cx, state)
    }

    fn over(&mut self, cx: &mut Context<'_>, state: &mut State) -> bool {
        self.phase = Phase::Over;
        state.over = true;
        let receiver = state.tell_receiver(cx);
        state.tell_senders(cx) || receiver
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        if self.clock.poll(cx, &shared.config, true).is_ready() {
            self.phase = Phase::Over;
            return Poll::Ready(());
        }
        // What fails here, the read behind it will tell.
        let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        let ended = loop {
            self.input.clear();
            ready!(self.stream.poll_read_ready(cx)).ok();
            buffer::lend(&mut self.input, For::Reading, 0);
            match poll_read_buf(cx, &mut self.stream, &mut self.input) {
                Poll::Ready(Ok(read)) if read > 0 => {}
                Poll::Ready(read) => break read.err(),
                Poll::Pending => {
                    buffer::give(&mut self.input, For::Reading);
                    return Poll::Pending;
                }
            }
        };
        tracing::trace!(?ended, "a WebSocket has ended");
        buffer::give(&mut self.input, For::Reading);
        self.phase = Phase::Over;
        shared.lock().over = true;
        Poll::Ready(())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Read {
    Something,
    Nothing,
}

fn poll_read_buf(
    cx: &mut Context<'_>,
    stream: &mut Upgraded,
    into: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    // Into memory that nobody has cleared; it takes nothing where it is pending.
    pin!(stream.read_buf(into)).poll(cx)
}
