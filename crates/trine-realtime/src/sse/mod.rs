//! Server-sent events: a stream of events in an answer that does not end, which every browser reads
//! with `EventSource` ([WHATWG HTML,
//! 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)).
//!
//! # Layout
//! - [`Event`]: one event, as bytes
//! - [`Sse`]: a stream of them as an answer; `feed` is its body, with the heartbeat
//! - [`LastEventId`]: where a client comes back
//! - [`Events`]: the messages of a topic as events, each written once for all clients

mod event;
mod events;
mod feed;
mod last_event_id;

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_core::Stream;
use http::{HeaderName, HeaderValue, header};
use trine_core::battery::Completion;
use trine_core::{Body, BoxError, IntoResponse, Response, Shutdown};

use self::feed::Feed;

pub use self::event::Event;
pub use self::events::Events;
pub use self::last_event_id::LastEventId;

/// Answers with a stream of events.
///
/// ```
/// use std::time::Duration;
/// use futures_util::{Stream, StreamExt as _, stream};
/// use trine::prelude::*;
/// use trine::sse::{Event, Sse};
///
/// /// Counts to three, once a second.
/// #[get("/count")]
/// async fn count() -> impl IntoResponse {
///     Sse::new(stream::iter(1..=3).then(|number| async move {
///         tokio::time::sleep(Duration::from_secs(1)).await;
///         Event::json(&number)
///     }))
/// }
/// ```
///
/// Each event leaves at once: `text/event-stream` is not compressed by `CompressionLayer`, with any
/// predicate, and proxies are told not to cache, change or buffer it.
///
/// It ends when the stream does, when the client goes, and when the server shuts down; the browser
/// comes back by itself, and says in [`LastEventId`] where it was.
///
/// # Errors
/// An `Err` of the stream is logged and breaks the connection off; the browser comes back.
///
/// # Limits
/// - Where nothing else was sent for 15 s, a comment is: proxies keep the connection, and a client
///   that is gone is noticed. [`Sse::heartbeat`] sets another time.
/// - A client that reads too slowly holds back its stream, and nobody else: at most
///   `max_gathered_bytes` wait for it, then the
///   stream is not asked for more. One that reads nothing is let go after
///   `write_timeout`. What a [`Topic`](crate::topic::Topic)
///   does with what it publishes meanwhile, its `overflow` says.
#[must_use = "it has to be answered with"]
pub struct Sse<S> {
    events: S,
    heartbeat: Duration,
    retry: Option<Duration>,
    kept: Kept,
}

/// What goes when the client does.
type Kept = Vec<Box<dyn Any + Send>>;

impl<S> Sse<S> {
    /// How long nothing is sent before a comment is.
    pub const HEARTBEAT: Duration = Duration::from_secs(15);

    /// An answer of these events.
    pub const fn new(events: S) -> Sse<S> {
        Sse { events, heartbeat: Sse::<S>::HEARTBEAT, retry: None, kept: Vec::new() }
    }

    /// Sends a comment where nothing else was sent for this long. Less than a second is a second.
    pub fn heartbeat(mut self, every: Duration) -> Sse<S> {
        self.heartbeat = every.max(Duration::from_secs(1));
        self
    }

    /// Tells the browser how long it should wait before it comes back. Browsers wait for some
    /// seconds by default.
    pub fn retry(mut self, after: Duration) -> Sse<S> {
        self.retry = Some(after);
        self
    }

    /// Keeps a value until the stream has ended or its client is gone: a place among those who are
    /// [here](crate::topic::Here), a permit.
    pub fn keep(mut self, value: impl Send + 'static) -> Sse<S> {
        self.kept.push(Box::new(value));
        self
    }
}

impl<S, E> IntoResponse for Sse<S>
where
    S: Stream<Item = Result<Event, E>> + Send + 'static,
    E: Into<BoxError>,
{
    fn into_response(self) -> Response {
        let shutdown = PendingShutdown::default();
        let first = self.retry.map(Event::retry);
        let body = Feed::new(self.events, self.heartbeat, first, shutdown.clone(), self.kept);
        let mut response = Response::new(Body::new(body));
        response
            .headers_mut()
            .extend(HEAD.map(|(name, value)| (name, HeaderValue::from_static(value))));
        Completion::attach(&mut response, move |_, cx| {
            if let Some(of_the_app) = Shutdown::of(cx) {
                let _ = shutdown.set(of_the_app);
            }
        });
        response
    }
}

impl<S> std::fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sse").field("heartbeat", &self.heartbeat).finish_non_exhaustive()
    }
}

const HEAD: [(HeaderName, &str); 4] = [
    (header::CONTENT_TYPE, "text/event-stream"),
    // A layer that compresses whatever it meets would hold events back until it has enough of them.
    // It leaves alone what has a coding already.
    (header::CONTENT_ENCODING, "identity"),
    (header::CACHE_CONTROL, "no-store, no-transform"),
    // nginx gathers answers unless it is told not to.
    (HeaderName::from_static("x-accel-buffering"), "no"),
];

/// The shutdown of the application, which the body learns when the response leaves its handler.
type PendingShutdown = Arc<OnceLock<Shutdown>>;
