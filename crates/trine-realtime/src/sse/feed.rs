//! The body of an event stream: events as they come, a comment where none do, and the end.

use std::pin::Pin;
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
use super::{Kept, PendingShutdown};

pub(super) struct Feed<S> {
    events: Pin<Box<S>>,
    heartbeat: Heartbeat,
    /// What is sent before the first event.
    first: Option<Event>,
    shutdown: PendingShutdown,
    shutdown_begun: Option<ShutdownBegun>,
    over: bool,
    _kept: Kept,
}

impl<S> Feed<S> {
    pub(super) fn new(
        events: S,
        heartbeat: Duration,
        first: Option<Event>,
        shutdown: PendingShutdown,
        kept: Kept,
    ) -> Feed<S> {
        let heartbeat = Heartbeat { every: heartbeat, sent: Instant::now(), sleep: None };
        Feed {
            events: Box::pin(events),
            heartbeat,
            first,
            shutdown,
            shutdown_begun: None,
            over: false,
            _kept: kept,
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

impl<S, E> http_body::Body for Feed<S>
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
        if self.over {
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
                self.over = true;
                return Poll::Ready(Some(Err(error.into())));
            }
            Poll::Ready(None) => {
                self.over = true;
                return Poll::Ready(None);
            }
            Poll::Pending if self.heartbeat.poll(cx).is_ready() => {
                Event::whole(Bytes::from_static(b":\n\n"))
            }
            Poll::Pending => return Poll::Pending,
        };
        self.heartbeat.sent = Instant::now();
        Poll::Ready(Some(Ok(Frame::data(event.into_bytes()))))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

/// A sleep that is moved only when it fires, so that an event costs it nothing.
struct Heartbeat {
    every: Duration,
    sent: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Heartbeat {
    /// Ready when nothing was sent for long enough.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = later(self.sent, self.every);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            std::task::ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}
