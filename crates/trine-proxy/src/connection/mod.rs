//! A connection to an upstream, and one request on it.
//!
//! An HTTP/1 connection is moved by the request that holds it, in the client's own task: no spawn,
//! no task switch, and a client that goes away ends both. An HTTP/2 connection is shared, so it has
//! a task.

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

use crate::config::ProxyConfig;
use crate::connection::stream::Stream;
use crate::connection::timer::{Clock, Over};
use crate::error::{Fault, ProxyError};
use crate::request::body::{Outgoing, Progress, Stage};

#[derive(Debug)]
pub(crate) enum Conn {
    H1(H1),
    H2(H2),
}

/// An HTTP/1 connection that one request holds, or that is idle.
#[derive(Debug)]
pub(crate) struct H1 {
    pub(crate) send: http1::SendRequest<Outgoing>,
    pub(crate) io: Box<http1::Connection<TokioIo<Stream>, Outgoing>>,
    /// There is nothing more to move.
    pub(crate) ended: bool,
    /// Whether anything happened while it was idle.
    pub(crate) stirred: Arc<Stirred>,
    pub(crate) clock: Clock,
}

/// What an idle connection wakes: it has no task, so it only notes that there is something to look
/// at.
#[derive(Debug, Default)]
pub(crate) struct Stirred(AtomicBool);

/// A handle to an HTTP/2 connection.
#[derive(Debug, Clone)]
pub(crate) struct H2 {
    pub(crate) send: http2::SendRequest<Outgoing>,
    /// The requests on it; each [`Share`] is one.
    pub(crate) streams: Arc<AtomicUsize>,
}

/// One request on an HTTP/2 connection.
#[derive(Debug)]
pub(crate) struct Share(Arc<AtomicUsize>);

/// A request that got no answer.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: ProxyError,
    /// The request, where nothing of it was sent.
    pub(crate) unsent: Option<Box<Request<Outgoing>>>,
    /// The connection broke, so that another one may do better.
    pub(crate) broke: bool,
}

impl H1 {
    /// Moves the connection; what it moved is found where it was sent to.
    pub(crate) fn poll_io(&mut self, cx: &mut Context<'_>) {
        if !self.ended {
            // An error is told to the request as well.
            self.ended = self.io.poll_without_shutdown(cx).is_ready();
        }
    }

    /// Lets it come to rest after its answer, without waiting. Whether it can take a request: it is
    /// alive, and nothing came that nobody asked for.
    pub(crate) fn settle(&mut self) -> bool {
        self.clock.clear();
        self.clock.set_last(None);
        self.stirred.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.stirred));
        self.poll_io(&mut Context::from_waker(&waker));
        !self.ended && self.send.is_ready()
    }

    /// Whether it still can: nothing happened since, or nothing that matters.
    pub(crate) fn is_fresh(&mut self) -> bool {
        !self.stirred.0.load(Ordering::Relaxed) || self.settle()
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Outgoing>,
        progress: Option<&Progress>,
        config: &ProxyConfig,
    ) -> Result<Response<Incoming>, Failed> {
        let mut answer = pin!(self.send.try_send_request(request));
        let mut watch = Watch::new(progress, config);
        poll_fn(|cx| {
            loop {
                let ended = self.ended;
                self.poll_io(cx);
                if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                    return Poll::Ready(answer.map_err(|error| failed(error, progress)));
                }
                if self.ended && ended {
                    return Poll::Ready(Err(Failed::of(Fault::Closed)));
                } else if !self.ended {
                    return watch.poll(cx, &mut self.clock).map(|fault| Err(Failed::of(fault)));
                }
            }
        })
        .await
    }
}

impl H2 {
    /// Takes a stream, if the connection lives and has one.
    pub(crate) fn share(&self, most: usize) -> Option<Share> {
        if self.send.is_closed() {
            return None;
        }
        let taken = self.streams.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |streams| {
            (streams < most).then_some(streams + 1)
        });
        taken.ok().map(|_| Share(Arc::clone(&self.streams)))
    }

    /// As [`H1::exchange`].
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Outgoing>,
        progress: Option<&Progress>,
        config: &ProxyConfig,
        clock: &mut Clock,
    ) -> Result<Response<Incoming>, Failed> {
        let mut answer = pin!(self.send.try_send_request(request));
        let mut watch = Watch::new(progress, config);
        poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer.map_err(|error| failed(error, progress))),
            Poll::Pending => watch.poll(cx, clock).map(|fault| Err(Failed::of(fault))),
        })
        .await
    }
}

impl Wake for Stirred {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whose turn it is while a request is on its way, and how long that may take.
struct Watch<'a> {
    progress: Option<&'a Progress>,
    config: &'a ProxyConfig,
    seen: Option<(Stage, u32)>,
}

impl<'a> Watch<'a> {
    fn new(progress: Option<&'a Progress>, config: &'a ProxyConfig) -> Watch<'a> {
        Watch { progress, config, seen: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>, clock: &mut Clock) -> Poll<Fault> {
        loop {
            let (stage, parts) =
                self.progress.map_or((Stage::Sent, 0), |body| (body.stage(), body.parts()));
            if self.seen != Some((stage, parts)) {
                self.seen = Some((stage, parts));
                match stage {
                    Stage::Held => clock.start(self.config.continue_timeout),
                    Stage::Sending => clock.start(self.config.send_timeout),
                    Stage::Sent => clock.start(self.config.response_timeout),
                    // The server that feeds the body knows how long a client may take.
                    Stage::Client | Stage::Failed => clock.clear(),
                }
            }
            return match clock.poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Over::Total) => Poll::Ready(Fault::TotalTimeout),
                Poll::Ready(Over::Stage) => match (stage, self.progress) {
                    (Stage::Held, Some(progress)) => {
                        progress.release();
                        clock.start(self.config.send_timeout);
                        continue;
                    }
                    (Stage::Sent, _) => Poll::Ready(Fault::ResponseTimeout),
                    _ => Poll::Ready(Fault::SendTimeout),
                },
            };
        }
    }
}

impl Failed {
    pub(crate) fn of(fault: Fault) -> Failed {
        Failed { error: ProxyError::new(fault), unsent: None, broke: fault == Fault::Closed }
    }
}

/// Tells whose fault it is from what hyper says.
fn failed(mut error: TrySendError<Request<Outgoing>>, progress: Option<&Progress>) -> Failed {
    let unsent = error.take_message().map(Box::new);
    let error = error.into_error();
    let fault = if progress.is_some_and(|progress| progress.stage() == Stage::Failed) {
        Fault::Body
    } else if error.is_parse() {
        Fault::Malformed
    } else {
        Fault::Closed
    };
    Failed { error: ProxyError::because(fault, error), unsent, broke: fault == Fault::Closed }
}

/// A pinned, boxed future that can cross threads.
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
