//! THE loop of a connection of HTTP/2: take in what came, move on the streams that are ready, write
//! once, wait.
//!
//! Everything happens in the connection's own task, and futures need not be `Send`. `poll_ready`
//! and `call` are asked of one service, one stream after the other in the order in which they came,
//! so a service need not be `Clone`: it is made ready only when a head is there, and what was made
//! ready is called.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{PingPong, Reason, RecvStream};
use http::{Method, Request};
use tokio::time::Instant;
use trine_core::{Body, BodyError, ConnInfo};

use super::answer::Terms;
use super::body::Upload;
use super::frames::Offence;
use super::pipe::Pipe;
use super::request::{self, LastHost};
use super::stream::{Slot, State, Stream, Turn};
use super::times::{Due, Now, Times};
use super::tunnel::Offered;
use super::wake::{Mark, Queue};
use crate::config::limits::{Cancel, Limits};
use crate::error::RequestError;
use crate::seam::call::Failure;
use crate::seam::panics::{Panicked, caught};
use crate::seam::{HttpService, MakeConnection};
use crate::semantics::date;
use crate::server::shutdown::Drain;
use crate::transport::io::Io;

/// What the service says of another request.
enum Readiness {
    Ready,
    Pending,
    Failed,
}

/// So often a turn looks for more before the runtime gets to do something else.
const ROUNDS: usize = 8;

pub(super) struct Driver<I, S: HttpService> {
    h2: Connection<Pipe<I>, Bytes>,
    pipe: Pipe<I>,
    pings: Option<PingPong>,
    service: S,
    /// The service was asked whether it is ready, and said no: it may hold a place in a queue.
    half_ready: bool,
    /// The service gave an error: the next stream gets a fresh one.
    spoiled: bool,
    slots: Vec<Slot<S>>,
    free: Vec<usize>,
    /// Streams that wait until the service is ready.
    waiting: VecDeque<usize>,
    /// Streams that are to be looked at in this turn.
    ready: Vec<usize>,
    /// The stream that is looked at, for a panic that interrupts it.
    current: Option<usize>,
    queue: Arc<Queue>,
    /// The connection's own waker.
    waker: Waker,
    look: bool,
    begun: u64,
    closing: bool,
    /// Whether the client may still have to read why the connection ends.
    linger: bool,
    times: Times,
    last_host: LastHost,
    limits: Arc<Limits>,
    drain: Arc<Drain>,
}

impl<I: Io, S: HttpService> Driver<I, S> {
    pub(super) fn new(
        mut h2: Connection<Pipe<I>, Bytes>,
        pipe: Pipe<I>,
        service: S,
        limits: Arc<Limits>,
        drain: Arc<Drain>,
    ) -> Driver<I, S> {
        let queue = Arc::new(Queue::default());
        Driver {
            pings: h2.ping_pong(),
            h2,
            pipe,
            service,
            half_ready: false,
            spoiled: false,
            slots: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            ready: Vec::new(),
            current: None,
            waker: Waker::from(Arc::clone(&queue)),
            queue,
            look: true,
            begun: 0,
            closing: false,
            linger: true,
            times: Times::new(&limits),
            last_host: LastHost::default(),
            limits,
            drain,
        }
    }

    /// One turn of the task. Ready when the connection is over.
    pub(super) fn poll<M>(&mut self, cx: &mut Context<'_>, make: &M, info: &ConnInfo) -> Poll<()>
    where
        M: MakeConnection<Service = S>,
    {
        self.queue.begin();
        date::look();
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

    /// Everything that can be done now, and one write.
    fn turn<M>(&mut self, make: &M, info: &ConnInfo) -> Poll<()>
    where
        M: MakeConnection<Service = S>,
    {
        // The one net for whatever services and their bodies do.
        match caught(|| self.work(make, info)) {
            Ok(Poll::Pending) => {}
            Err(Panicked) if self.after_panic() => self.waker.wake_by_ref(),
            Ok(Poll::Ready(())) | Err(Panicked) => return Poll::Ready(()),
        }
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        if let Poll::Ready(Err(_)) = self.pipe.poll_send(cx) {
            return Poll::Ready(());
        }
        self.look_at_the_clock(cx)
    }

    fn work<M>(&mut self, make: &M, info: &ConnInfo) -> Poll<()>
    where
        M: MakeConnection<Service = S>,
    {
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        for _ in 0..ROUNDS {
            if self.ready.is_empty() {
                self.look |= self.queue.take(&mut self.ready);
                // In the order in which they were woken.
                self.ready.reverse();
            }
            while let Some(key) = self.ready.pop() {
                self.go_on(key);
            }
            self.make_ready(make, info);
            if !std::mem::take(&mut self.look) {
                return Poll::Pending;
            }
            loop {
                match self.h2.poll_accept(cx) {
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        self.begin(request, respond, make, info)
                    }
                    Poll::Ready(Some(Err(error))) => {
                        tracing::debug!(%error, "a connection of HTTP/2 failed");
                        return Poll::Ready(());
                    }
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            let offence = self.pipe.ends().frames.offence.take();
            if let Some(offence) = offence {
                self.part(offence);
            }
        }
        self.look = true;
        self.waker.wake_by_ref();
        Poll::Pending
    }

    /// A stream that the client has begun.
    fn begin<M>(
        &mut self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        make: &M,
        info: &ConnInfo,
    ) where
        M: MakeConnection<Service = S>,
    {
        self.begun += 1;
        // Under `Cancel::Never` calls go on whose streams are gone, and h2 counts these no more.
        if self.open() >= (self.limits.http2.max_concurrent_streams as usize).saturating_mul(2) {
            self.part(Offence::Resets);
        }
        let key = self.free.pop().unwrap_or_else(|| self.new_slot());
        self.current = Some(key);
        let slot = &mut self.slots[key];
        let stream = respond.stream_id().as_u32();
        slot.stream.respond = Some(respond);
        let connect = *request.method() == Method::CONNECT;
        slot.stream.terms = Terms { head: *request.method() == Method::HEAD, connect };
        let mut request = request;
        let fragment = self.pipe.ends().frames.has_fragment(stream);
        let checked = request::check(&mut request, info, &self.limits, &mut self.last_host);
        if let Err(error) = if fragment { Err(RequestError::Target) } else { checked } {
            slot.stream.reject(error);
            return self.end(key);
        }
        let request = if connect {
            let (request, offered) = Offered::of(request, Arc::clone(&self.drain));
            slot.stream.offered = Some(offered);
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
                self.go_on(key);
            }
        }
    }

    fn new_slot(&mut self) -> usize {
        let key = self.slots.len();
        let mark = Mark::new(key, &self.queue);
        let waker = Waker::from(Arc::clone(&mark));
        self.slots.push(Slot { stream: Stream::free(), waker, mark });
        key
    }

    /// Whether the service is ready for the stream. Where it failed, the stream was told so.
    fn poll_ready<M>(&mut self, key: usize, make: &M, info: &ConnInfo) -> Readiness
    where
        M: MakeConnection<Service = S>,
    {
        if std::mem::take(&mut self.spoiled) {
            self.service = make.connection(info);
        }
        let slot = &mut self.slots[key];
        let polled = self.service.poll_ready(&mut Context::from_waker(&slot.waker));
        self.half_ready = polled.is_pending();
        match polled {
            Poll::Ready(Ok(())) => Readiness::Ready,
            Poll::Ready(Err(error)) => {
                slot.stream.refuse(&Failure::of(&error.into()));
                self.spoiled = true;
                Readiness::Failed
            }
            Poll::Pending => Readiness::Pending,
        }
    }

    fn call(&mut self, key: usize, request: Request<Body>) {
        let stream = &mut self.slots[key].stream;
        stream.call.set(Some(self.service.call(request)));
        stream.state = State::Called;
        self.go_on(key);
    }

    /// Those that wait for the service, in their order.
    fn make_ready<M>(&mut self, make: &M, info: &ConnInfo)
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
            // Nobody waits any more, and the service may hold a permit, or a place in a queue.
            self.service = make.connection(info);
        }
    }

    /// Looks at a stream that was woken.
    fn go_on(&mut self, key: usize) {
        self.current = Some(key);
        let Slot { stream, waker, mark } = &mut self.slots[key];
        mark.clear();
        let turn = stream.poll(&mut Context::from_waker(waker), &self.limits);
        self.spoiled |= turn == Turn::Failed;
        if turn != Turn::Pending {
            return self.end(key);
        }
        if let Some(at) = stream.deadline() {
            self.times.stream(at);
        }
        self.current = None;
    }

    fn end(&mut self, key: usize) {
        self.look = true;
        if matches!(self.slots[key].stream.state, State::Waiting(_)) {
            self.waiting.retain(|waiting| *waiting != key);
        }
        self.slots[key].stream.clear();
        self.free.push(key);
        self.current = None;
    }

    /// Whether the connection goes on. A panic of no stream is one of the protocol itself, whose
    /// state nobody knows then: it would panic again and again.
    #[cold]
    fn after_panic(&mut self) -> bool {
        let Some(key) = self.current.take() else {
            tracing::error!("a connection of HTTP/2 panicked outside of its streams; it ends");
            self.linger = false;
            return false;
        };
        self.waiting.retain(|waiting| *waiting != key);
        self.spoiled = true;
        let told = caught(|| self.slots[key].stream.after_panic());
        // What is dropped may panic too; the place is lost then, not the connection.
        if caught(|| self.slots[key].stream.clear()).is_ok() {
            self.free.push(key);
        }
        self.look = true;
        self.linger &= told.is_ok();
        told.is_ok()
    }

    fn open(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Takes no more streams, and ends when those that are open have ended (RFC 9113, 6.8).
    fn close(&mut self) {
        self.closing = true;
        self.look = true;
        self.h2.graceful_shutdown();
    }

    #[cold]
    fn part(&mut self, offence: Offence) {
        tracing::debug!(?offence, "a client does what serves no one; its connection ends");
        self.abort(match offence {
            Offence::Control | Offence::Resets => Reason::ENHANCE_YOUR_CALM,
            Offence::Protocol => Reason::PROTOCOL_ERROR,
            Offence::Compression => Reason::COMPRESSION_ERROR,
        });
    }

    #[cold]
    fn abort(&mut self, reason: Reason) {
        self.closing = true;
        self.look = true;
        self.h2.abrupt_shutdown(reason);
        self.waker.wake_by_ref();
    }

    fn look_at_the_clock(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // A tunnel has no place here, and is open all the same.
            let open = self.open() > 0 || self.h2.has_streams();
            let stands = {
                let ends = self.pipe.ends();
                Now {
                    received: ends.received,
                    incomplete: ends.frames.incomplete(),
                    stall: ends.patience.end(),
                    open,
                    begun: self.begun,
                    closing: self.closing,
                }
            };
            let Poll::Ready(due) = self.times.poll(cx, &stands, &self.limits) else {
                return Poll::Pending;
            };
            match due {
                Due::Head => {
                    tracing::debug!("a head did not arrive in time; its connection ends");
                    self.abort(Reason::ENHANCE_YOUR_CALM);
                    return Poll::Pending;
                }
                Due::Stall => {
                    tracing::debug!(
                        "a client did not read its answers in time; its connection ends"
                    );
                    self.linger = false;
                    return Poll::Ready(());
                }
                Due::Idle if self.closing => {
                    self.linger = false;
                    return Poll::Ready(());
                }
                Due::Idle => {
                    self.close();
                    self.waker.wake_by_ref();
                    return Poll::Pending;
                }
                Due::Ask => {
                    if let Some(pings) = &mut self.pings {
                        // The answer to the last one must be taken first. One that is on its way
                        // already will do.
                        let _ = pings.poll_pong(cx);
                        let _ = pings.send_ping(h2::Ping::opaque());
                    }
                }
                Due::Dead => {
                    tracing::debug!("a client does not answer; its connection ends");
                    self.linger = false;
                    return Poll::Ready(());
                }
                Due::Streams => self.expire(),
            }
        }
    }

    /// Ends the streams whose client's time is over.
    fn expire(&mut self) {
        let now = Instant::now();
        self.times.clear_streams();
        for key in 0..self.slots.len() {
            if self.slots[key].stream.expire(now) {
                self.current = Some(key);
                if caught(|| self.end(key)).is_err() {
                    self.after_panic();
                }
            } else if let Some(at) = self.slots[key].stream.deadline() {
                self.times.stream(at);
            }
        }
        self.waker.wake_by_ref();
    }

    /// The connection is over. What a service began it may have to end, and the client may still
    /// have to read why.
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
                    // Its answer is nobody's.
                    let _ = call.await;
                }
            }
        }
        let (pipe, linger, patience) =
            (self.pipe.clone(), self.linger, self.limits.discard_timeout);
        // What services leave behind may panic, and so may streams of a connection that did.
        let dropped = caught(move || drop(self));
        if !linger || dropped.is_err() {
            return;
        }
        let farewell = std::future::poll_fn(|cx| pipe.ends().poll_discard(cx));
        // A socket that is closed with unread bytes is reset, and a reset can destroy the farewell.
        let _ = tokio::time::timeout(patience, farewell).await;
    }
}
