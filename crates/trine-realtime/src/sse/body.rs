//! The body of an event stream: events, a comment when there are none, and the end.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http_body::Frame;
use tokio::time::{Instant, Sleep};
use trine_core::BoxError;
use trine_core::Shutdown;
use trine_core::battery::ShutdownBegun;
use trine_core::later::later;

use super::event::Event;

/// Values that are dropped with the response body.
pub(super) type KeptValues = Vec<Box<dyn Any + Send>>;

/// The shutdown of the application, which the body learns when the response leaves its handler.
pub(super) type PendingShutdown = Arc<OnceLock<Shutdown>>;

pub(super) struct EventBody<S> {
    events: Pin<Box<S>>,
    heartbeat: Heartbeat,
    /// Sent before the events of the stream.
    first: Option<Event>,
    shutdown: PendingShutdown,
    shutdown_begun: Option<ShutdownBegun>,
    ended: bool,
    _kept_values: KeptValues,
}

impl<S> EventBody<S> {
    pub(super) fn new(
        events: S,
        heartbeat_interval: Duration,
        first: Option<Event>,
        shutdown: PendingShutdown,
        kept_values: KeptValues,
    ) -> EventBody<S> {
        let heartbeat =
            Heartbeat { interval: heartbeat_interval, last_sent: Instant::now(), sleep: None };
        EventBody {
            events: Box::pin(events),
            heartbeat,
            first,
            shutdown,
            shutdown_begun: None,
            ended: false,
            _kept_values: kept_values,
        }
    }

    fn is_shutting_down(&mut self, cx: &mut Context<'_>) -> bool {
        if self.shutdown_begun.is_none() {
            self.shutdown_begun = self.shutdown.get().map(Shutdown::begun);
        }
        let begun = self.shutdown_begun.as_mut();
        begun.is_some_and(|begun| Pin::new(begun).poll(cx).is_ready())
    }
}

impl<S, E> http_body::Body for EventBody<S>
where
    S: Stream<Item = Result<Event, E>>,
    E: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let event = match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None if self.is_shutting_down(cx) => Poll::Ready(None),
            None => self.events.as_mut().poll_next(cx),
        };
        let event = match event {
            Poll::Ready(Some(Ok(event))) => event,
            Poll::Ready(Some(Err(error))) => {
                self.ended = true;
                return Poll::Ready(Some(Err(error.into())));
            }
            Poll::Ready(None) => {
                self.ended = true;
                return Poll::Ready(None);
            }
            Poll::Pending if self.heartbeat.poll(cx).is_ready() => {
                Event::from_finished(Bytes::from_static(b":\n\n"))
            }
            Poll::Pending => return Poll::Pending,
        };
        self.heartbeat.last_sent = Instant::now();
        Poll::Ready(Some(Ok(Frame::data(event.into_bytes()))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// The timer of the heartbeat. It is reset only when it fires, so events cost it nothing.
struct Heartbeat {
    interval: Duration,
    last_sent: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Heartbeat {
    /// Ready when nothing was sent for the interval.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = later(self.last_sent, self.interval);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            std::task::ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}
