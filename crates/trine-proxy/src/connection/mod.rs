//! A connection to an upstream, and one request on it.
//!
//! An HTTP/1 connection is driven by the request that holds it, in the client's own task: nothing
//! is spawned, no tasks are switched, and the request and its connection end if the client
//! disconnects. An HTTP/2 connection is shared, so it has a task of its own.
//!
//! # Layout
//! - `pool`: the open connections to one upstream; `connect`: opens one, with `tls` and `stream`
//! - this file: one request on a connection; `timer`: its only timer

pub(crate) mod connect;
pub(crate) mod pool;
pub(crate) mod stream;
pub(crate) mod timer;
#[cfg(feature = "tls-core")]
pub(crate) mod tls;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioIo;

use crate::config::limits::Limits;
use crate::connection::stream::Stream;
use crate::connection::timer::{Expired, StageTimer};
use crate::error::{Fault, ProxyError};
use crate::request::body::{RequestBody, SendProgress, Stage};

#[derive(Debug)]
pub(crate) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

/// An HTTP/1 connection, which one request holds or which is idle.
#[derive(Debug)]
pub(crate) struct Http1 {
    pub(crate) send: http1::SendRequest<RequestBody>,
    pub(crate) io: Box<http1::Connection<TokioIo<Stream>, RequestBody>>,
    /// The connection has ended and needs no more polls.
    pub(crate) ended: bool,
    /// Whether anything happened while the connection was idle.
    pub(crate) activity: Arc<Activity>,
    pub(crate) timer: StageTimer,
}

/// The waker of an idle connection. The connection has no task, so the waker only stores that
/// something has happened.
#[derive(Debug, Default)]
pub(crate) struct Activity(AtomicBool);

/// A handle to an HTTP/2 connection.
#[derive(Debug, Clone)]
pub(crate) struct Http2 {
    pub(crate) send: http2::SendRequest<RequestBody>,
    /// The number of requests on the connection: one for each [`StreamPermit`].
    pub(crate) streams: Arc<AtomicUsize>,
}

/// One request on an HTTP/2 connection.
#[derive(Debug)]
pub(crate) struct StreamPermit(Arc<AtomicUsize>);

/// The failure of a request before the head of its response.
#[derive(Debug)]
pub(crate) struct SendError {
    pub(crate) error: ProxyError,
    /// The request, if nothing of it was sent.
    pub(crate) unsent: Option<Box<Request<RequestBody>>>,
    /// The connection broke, so that the request may succeed on another one.
    pub(crate) broke: bool,
}

impl Http1 {
    /// Drives the connection. Its effects appear in the response future or in the response body.
    pub(crate) fn poll_io(&mut self, cx: &mut Context<'_>) {
        if !self.ended {
            // The response future reports an error too.
            self.ended = self.io.poll_without_shutdown(cx).is_ready();
        }
    }

    /// Makes the connection idle after a response, without waiting. Returns whether it can take
    /// another request: it is open, and no unexpected bytes have arrived.
    pub(crate) fn make_idle(&mut self) -> bool {
        self.timer.stop();
        self.timer.set_deadline(None);
        self.activity.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.activity));
        self.poll_io(&mut Context::from_waker(&waker));
        !self.ended && self.send.is_ready()
    }

    /// Whether an idle connection can still take a request.
    pub(crate) fn is_reusable(&mut self) -> bool {
        !self.activity.0.load(Ordering::Relaxed) || self.make_idle()
    }

    /// Sends a request and waits for the response head.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        progress: Option<&SendProgress>,
        limits: &Limits,
    ) -> Result<Response<Incoming>, SendError> {
        let mut answer = pin!(self.send.try_send_request(request));
        let mut watch = StageWatch::new(progress, limits);
        poll_fn(|cx| {
            loop {
                let ended = self.ended;
                self.poll_io(cx);
                if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                    return Poll::Ready(answer.map_err(|error| send_error(error, progress)));
                }
                if self.ended && ended {
                    return Poll::Ready(Err(SendError::new(Fault::Closed)));
                } else if !self.ended {
                    return watch.poll(cx, &mut self.timer).map(|fault| Err(SendError::new(fault)));
                }
            }
        })
        .await
    }
}

impl Http2 {
    /// Takes one of at most `max` streams. `None` if the connection is closed or has no free
    /// stream.
    pub(crate) fn take_stream(&self, max: usize) -> Option<StreamPermit> {
        if self.send.is_closed() {
            return None;
        }
        let acquired = self.streams.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |streams| {
            (streams < max).then_some(streams + 1)
        });
        acquired.ok().map(|_| StreamPermit(Arc::clone(&self.streams)))
    }

    /// Like [`Http1::exchange`].
    pub(crate) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        progress: Option<&SendProgress>,
        limits: &Limits,
        timer: &mut StageTimer,
    ) -> Result<Response<Incoming>, SendError> {
        let mut answer = pin!(self.send.try_send_request(request));
        let mut watch = StageWatch::new(progress, limits);
        poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer.map_err(|error| send_error(error, progress))),
            Poll::Pending => watch.poll(cx, timer).map(|fault| Err(SendError::new(fault))),
        })
        .await
    }
}

impl Wake for Activity {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Times the stages of a request up to the response head.
struct StageWatch<'a> {
    progress: Option<&'a SendProgress>,
    limits: &'a Limits,
    /// The stage and the number of frames sent, when the timer was last started.
    seen: Option<(Stage, u32)>,
}

impl<'a> StageWatch<'a> {
    fn new(progress: Option<&'a SendProgress>, limits: &'a Limits) -> StageWatch<'a> {
        StageWatch { progress, limits, seen: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>, timer: &mut StageTimer) -> Poll<Fault> {
        loop {
            let (stage, frames) =
                self.progress.map_or((Stage::Sent, 0), |body| (body.stage(), body.frames()));
            if self.seen != Some((stage, frames)) {
                self.seen = Some((stage, frames));
                match stage {
                    Stage::AwaitingContinue => timer.start(self.limits.continue_timeout),
                    Stage::Sending => timer.start(self.limits.send_timeout),
                    Stage::Sent => timer.start(self.limits.response_timeout),
                    // The server bounds the time that the client may take to send the body.
                    Stage::AwaitingClient | Stage::Failed => timer.stop(),
                }
            }
            return match timer.poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Expired::Request) => Poll::Ready(Fault::TotalTimeout),
                Poll::Ready(Expired::Stage) => match (stage, self.progress) {
                    (Stage::AwaitingContinue, Some(progress)) => {
                        progress.release();
                        timer.start(self.limits.send_timeout);
                        continue;
                    }
                    (Stage::Sent, _) => Poll::Ready(Fault::ResponseTimeout),
                    _ => Poll::Ready(Fault::SendTimeout),
                },
            };
        }
    }
}

impl SendError {
    pub(crate) fn new(fault: Fault) -> SendError {
        SendError { error: ProxyError::new(fault), unsent: None, broke: fault == Fault::Closed }
    }
}

/// Determines the party at fault for an error of hyper.
fn send_error(
    mut error: TrySendError<Request<RequestBody>>,
    progress: Option<&SendProgress>,
) -> SendError {
    let unsent = error.take_message().map(Box::new);
    let error = error.into_error();
    let fault = if progress.is_some_and(|progress| progress.stage() == Stage::Failed) {
        Fault::Body
    } else if error.is_parse() {
        Fault::Malformed
    } else {
        Fault::Closed
    };
    SendError {
        error: ProxyError::with_source(fault, error),
        unsent,
        broke: fault == Fault::Closed,
    }
}

/// A pinned, boxed future that can cross threads.
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
