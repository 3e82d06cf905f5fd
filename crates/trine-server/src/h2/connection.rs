//! The loop of an HTTP/2 connection: accept new streams, move the streams that are ready, write
//! once, wait.
//!
//! Everything runs in the task of the connection, so futures need not be `Send`. All streams share
//! one service, which need not be `Clone`: it is made ready and called for one stream after the
//! other, in the order in which the streams arrived, and only once a head is there.

mod expire;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{PingPong, Reason, RecvStream};
use http::{Method, Request};
use trine_core::{Body, BodyError, ConnInfo};

use super::deadlines::Deadlines;
use super::frames::Violation;
use super::request::{self, LastHost};
use super::respond::ResponseTerms;
use super::stream::{Slot, State, Stream, StreamStatus};
use super::tunnel::PendingTunnel;
use super::upload::Upload;
use super::wakers::{StreamWaker, WakeQueue};
use super::wire::Wire;
use crate::config::limits::{Cancel, Limits};
use crate::error::RequestError;
use crate::seam::failure::Failure;
use crate::seam::panics::{Panicked, caught};
use crate::seam::{HttpService, MakeConnection};
use crate::semantics::date;
use crate::server::shutdown::Drain;
use crate::transport::io::Io;

/// Whether the service takes another request.
enum Readiness {
    Ready,
    Pending,
    Failed,
}

/// The number of rounds before the task yields to the runtime.
const ROUNDS: usize = 8;

/// The state of a connection.
pub(super) struct Driver<I, S: HttpService> {
    h2: Connection<Wire<I>, Bytes>,
    wire: Wire<I>,
    pings: Option<PingPong>,
    service: S,
    /// The last `poll_ready` was pending, so the service may hold a place in a queue.
    half_ready: bool,
    /// The service returned an error, so the next stream needs a new one.
    failed: bool,
    slots: Vec<Slot<S>>,
    free: Vec<usize>,
    /// The streams that wait for the service to become ready.
    waiting: VecDeque<usize>,
    /// The streams to be polled in this turn.
    ready: Vec<usize>,
    /// The stream that is being polled, in case it panics.
    current: Option<usize>,
    queue: Arc<WakeQueue>,
    /// The waker of the connection itself.
    waker: Waker,
    /// Whether `h2` has to be polled for new streams.
    poll_h2: bool,
    /// The number of streams so far.
    streams_begun: u64,
    closing: bool,
    /// Whether to wait for the client to read why the connection ends.
    linger: bool,
    deadlines: Deadlines,
    last_host: LastHost,
    limits: Arc<Limits>,
    drain: Arc<Drain>,
}

impl<I: Io, S: HttpService> Driver<I, S> {
    pub(super) fn new(
        mut h2: Connection<Wire<I>, Bytes>,
        wire: Wire<I>,
        service: S,
        limits: Arc<Limits>,
        drain: Arc<Drain>,
    ) -> Driver<I, S> {
        let queue = Arc::new(WakeQueue::default());
        Driver {
            pings: h2.ping_pong(),
            h2,
            wire,
            service,
            half_ready: false,
            failed: false,
            slots: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            ready: Vec::new(),
            current: None,
            waker: Waker::from(Arc::clone(&queue)),
            queue,
            poll_h2: true,
            streams_begun: 0,
            closing: false,
            linger: true,
            deadlines: Deadlines::new(&limits),
            last_host: LastHost::default(),
            limits,
            drain,
        }
    }

    /// Polls the connection. Ready when it has ended.
    pub(super) fn poll<M>(&mut self, cx: &mut Context<'_>, make: &M, info: &ConnInfo) -> Poll<()>
    where
        M: MakeConnection<Service = S>,
    {
        self.queue.begin();
        date::refresh();
        if self.drain.is_draining() && !self.closing {
            self.close();
        }
        for _ in 0..ROUNDS {
            match self.turn(make, info) {
                Poll::Ready(()) => return Poll::Ready(()),
                Poll::Pending if self.queue.end(cx.waker()) => return Poll::Pending,
                Poll::Pending => self.queue.begin(),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does everything that can be done now, and writes once.
    fn turn<M>(&mut self, make: &M, info: &ConnInfo) -> Poll<()>
    where
        M: MakeConnection<Service = S>,
    {
        // The only panic guard around services and their bodies.
        match caught(|| self.work(make, info)) {
            Ok(Poll::Pending) => {}
            Err(Panicked) if self.after_panic() => self.waker.wake_by_ref(),
            Ok(Poll::Ready(())) | Err(Panicked) => return Poll::Ready(()),
        }
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        if let Poll::Ready(Err(_)) = self.wire.poll_send(cx) {
            return Poll::Ready(());
        }
        self.poll_deadlines(cx)
    }

    fn work<M>(&mut self, make: &M, info: &ConnInfo) -> Poll<()>
    where
        M: MakeConnection<Service = S>,
    {
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        for _ in 0..ROUNDS {
            if self.ready.is_empty() {
                self.poll_h2 |= self.queue.take(&mut self.ready);
                // Streams are popped from the end, in the order in which they were woken.
                self.ready.reverse();
            }
            while let Some(key) = self.ready.pop() {
                self.poll_stream(key);
            }
            self.call_waiting(make, info);
            if !std::mem::take(&mut self.poll_h2) {
                return Poll::Pending;
            }
            loop {
                match self.h2.poll_accept(cx) {
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        self.begin(request, respond, make, info);
                    }
                    Poll::Ready(Some(Err(error))) => {
                        tracing::debug!(%error, "an HTTP/2 connection failed");
                        return Poll::Ready(());
                    }
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            let violation = self.wire.state().frames.violation.take();
            if let Some(violation) = violation {
                self.close_for(violation);
            }
        }
        self.poll_h2 = true;
        self.waker.wake_by_ref();
        Poll::Pending
    }

    /// Begins to serve a stream that the client has opened.
    fn begin<M>(
        &mut self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        make: &M,
        info: &ConnInfo,
    ) where
        M: MakeConnection<Service = S>,
    {
        self.streams_begun += 1;
        // Under `Cancel::Never`, calls continue after their streams are gone. h2 no longer counts
        // those streams.
        if self.open_streams()
            >= (self.limits.http2.max_concurrent_streams as usize).saturating_mul(2)
        {
            self.close_for(Violation::Resets);
        }
        let key = self.free.pop().unwrap_or_else(|| self.new_slot());
        self.current = Some(key);
        let slot = &mut self.slots[key];
        let stream = respond.stream_id().as_u32();
        slot.stream.respond = Some(respond);
        let connect = *request.method() == Method::CONNECT;
        slot.stream.terms = ResponseTerms { head: *request.method() == Method::HEAD, connect };
        let mut request = request;
        let fragment = self.wire.state().frames.has_fragment(stream);
        let checked = request::check(&mut request, info, &self.limits, &mut self.last_host);
        if let Err(error) = if fragment { Err(RequestError::Target) } else { checked } {
            slot.stream.reject(error);
            return self.end(key);
        }
        let request = if connect {
            let (request, tunnel) = PendingTunnel::offer(request, Arc::clone(&self.drain));
            slot.stream.tunnel = Some(tunnel);
            request
        } else {
            let cx = &mut Context::from_waker(&slot.waker);
            let (request, upload) = Upload::attach(request, cx, &self.limits);
            slot.stream.upload = upload;
            request
        };
        let ready = if self.waiting.is_empty() {
            self.poll_ready(key, make, info)
        } else {
            Readiness::Pending
        };
        match ready {
            Readiness::Ready => self.call(key, request),
            Readiness::Failed => self.end(key),
            Readiness::Pending => {
                self.slots[key].stream.state = State::Waiting(Box::new(request));
                self.waiting.push_back(key);
                self.poll_stream(key);
            }
        }
    }

    fn new_slot(&mut self) -> usize {
        let key = self.slots.len();
        let stream_waker = StreamWaker::new(key, &self.queue);
        let waker = Waker::from(Arc::clone(&stream_waker));
        self.slots.push(Slot { stream: Stream::free(), waker, stream_waker });
        key
    }

    /// Makes the service ready for the stream. If the service fails, the failure is sent.
    fn poll_ready<M>(&mut self, key: usize, make: &M, info: &ConnInfo) -> Readiness
    where
        M: MakeConnection<Service = S>,
    {
        if std::mem::take(&mut self.failed) {
            self.service = make.connection(info);
        }
        let slot = &mut self.slots[key];
        let polled = self.service.poll_ready(&mut Context::from_waker(&slot.waker));
        self.half_ready = polled.is_pending();
        match polled {
            Poll::Ready(Ok(())) => Readiness::Ready,
            Poll::Ready(Err(error)) => {
                slot.stream.fail(&Failure::of(&error.into()));
                self.failed = true;
                Readiness::Failed
            }
            Poll::Pending => Readiness::Pending,
        }
    }

    fn call(&mut self, key: usize, request: Request<Body>) {
        let stream = &mut self.slots[key].stream;
        stream.call.set(Some(self.service.call(request)));
        stream.state = State::Called;
        self.poll_stream(key);
    }

    /// Calls the service for the streams that wait for it, in their order.
    fn call_waiting<M>(&mut self, make: &M, info: &ConnInfo)
    where
        M: MakeConnection<Service = S>,
    {
        while let Some(key) = self.waiting.front().copied() {
            self.current = Some(key);
            match self.poll_ready(key, make, info) {
                Readiness::Pending => break,
                Readiness::Failed => self.end(key),
                Readiness::Ready => {
                    self.waiting.pop_front();
                    let state = std::mem::replace(&mut self.slots[key].stream.state, State::Free);
                    if let State::Waiting(request) = state {
                        self.call(key, *request);
                    }
                }
            }
        }
        self.current = None;
        if self.waiting.is_empty() && std::mem::take(&mut self.half_ready) {
            // No stream waits any more, but the service may hold a permit or a place in a queue.
            self.service = make.connection(info);
        }
    }

    /// Polls a stream that was woken.
    fn poll_stream(&mut self, key: usize) {
        self.current = Some(key);
        let Slot { stream, waker, stream_waker } = &mut self.slots[key];
        stream_waker.clear();
        let status = stream.poll(&mut Context::from_waker(waker), &self.limits);
        self.failed |= status == StreamStatus::Failed;
        if status != StreamStatus::Pending {
            return self.end(key);
        }
        if let Some(at) = stream.deadline(&self.limits) {
            self.deadlines.add_stream(at);
        }
        self.current = None;
    }

    fn end(&mut self, key: usize) {
        self.poll_h2 = true;
        if matches!(self.slots[key].stream.state, State::Waiting(_)) {
            self.waiting.retain(|waiting| *waiting != key);
        }
        self.slots[key].stream.clear();
        self.free.push(key);
        self.current = None;
    }

    /// Handles a panic. Returns whether the connection continues. A panic outside of a stream
    /// happened in `h2`, whose state is then unknown and would panic again.
    #[cold]
    fn after_panic(&mut self) -> bool {
        let Some(key) = self.current.take() else {
            tracing::error!("an HTTP/2 connection panicked outside of its streams; it ends");
            self.linger = false;
            return false;
        };
        self.waiting.retain(|waiting| *waiting != key);
        self.failed = true;
        let refused = caught(|| self.slots[key].stream.after_panic());
        // Dropping the stream may panic too. Then only the slot is lost, not the connection.
        if caught(|| self.slots[key].stream.clear()).is_ok() {
            self.free.push(key);
        }
        self.poll_h2 = true;
        self.linger &= refused.is_ok();
        refused.is_ok()
    }

    fn open_streams(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Accepts no more streams. The connection ends when the open streams have ended (RFC 9113,
    /// 6.8).
    fn close(&mut self) {
        self.closing = true;
        self.poll_h2 = true;
        self.h2.graceful_shutdown();
    }

    /// Ends the connection because of what the client did.
    #[cold]
    fn close_for(&mut self, violation: Violation) {
        tracing::debug!(
            ?violation,
            "a client broke a rule or a limit of HTTP/2; the connection ends"
        );
        self.abort(match violation {
            Violation::Control | Violation::Resets => Reason::ENHANCE_YOUR_CALM,
            Violation::Protocol => Reason::PROTOCOL_ERROR,
            Violation::Compression => Reason::COMPRESSION_ERROR,
        });
    }

    #[cold]
    fn abort(&mut self, reason: Reason) {
        self.closing = true;
        self.poll_h2 = true;
        self.h2.abrupt_shutdown(reason);
        self.waker.wake_by_ref();
    }

    /// Called when the connection has ended. Services may have to finish, and the client may still
    /// have to read why the connection ends.
    pub(super) async fn finish(mut self) {
        if self.drain.is_aborted() {
            return;
        }
        for slot in &mut self.slots {
            slot.stream.upload.fail(BodyError::Incomplete);
        }
        if self.limits.cancel == Cancel::Never {
            for slot in &mut self.slots {
                if let Some(call) = slot.stream.call.as_mut().as_pin_mut() {
                    // The client is gone, so the response is dropped.
                    let _ = call.await;
                }
            }
        }
        let (wire, linger, timeout) = (self.wire.clone(), self.linger, self.limits.discard_timeout);
        // Dropping the futures of services may panic, and so may streams of a connection that
        // panicked.
        let dropped = caught(move || drop(self));
        if !linger || dropped.is_err() {
            return;
        }
        let client_closes = std::future::poll_fn(|cx| wire.state().poll_discard(cx));
        // A socket that is closed with unread bytes is reset, and a reset can destroy our GOAWAY.
        let _ = tokio::time::timeout(timeout, client_closes).await;
    }
}
