//! A stream of events as a response.

use std::time::Duration;

use futures_core::Stream;
use http::{HeaderName, HeaderValue, header};
use trine_core::battery::Completion;
use trine_core::{Body, BoxError, IntoResponse, Response, Shutdown};

use super::body::{EventBody, KeptValues, PendingShutdown};
use super::event::Event;

/// Responds with a stream of events.
///
/// ```
/// use futures_util::stream;
/// use trine::prelude::*;
/// use trine::sse::{Event, Sse};
///
/// #[get("/count")]
/// async fn count() -> impl IntoResponse {
///     Sse::new(stream::iter([1, 2].map(|number| Event::json(&number))))
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![count]).test().await;
/// let response = client.get("/count").send().await;
/// assert_eq!(response.text(), "data: 1\n\ndata: 2\n\n");
/// # }
/// ```
///
/// Each event is sent at once. The response is marked so that `CompressionLayer` does not compress
/// it, whatever its predicate, and so that proxies do not cache, change or buffer it.
///
/// The response ends when the stream ends, when the client disconnects, and when the server shuts
/// down. The browser then reconnects by itself, and [`LastEventId`](super::LastEventId) is the last
/// event that it received.
///
/// # Errors
/// An `Err` of the stream is logged and aborts the connection, after which the browser reconnects.
///
/// # Limits
/// - When nothing was sent for 15 s, a comment is sent, so that proxies keep the connection open
///   and the server notices clients that are gone. [`Sse::heartbeat`] changes the interval.
/// - A client that reads too slowly holds back only its own stream: the stream is not polled while
///   `max_gathered_bytes` of the server wait for the client. A client that reads nothing is
///   disconnected after the server's `write_timeout`. Messages that a
///   [`Topic`](crate::topic::Topic) publishes meanwhile are subject to its `overflow`.
#[must_use = "a handler must return it"]
pub struct Sse<S> {
    events: S,
    heartbeat: Duration,
    retry: Option<Duration>,
    kept_values: KeptValues,
}

impl<S> Sse<S> {
    /// The default of [`Sse::heartbeat`].
    pub const HEARTBEAT: Duration = Duration::from_secs(15);

    /// A response with these events.
    ///
    /// ```
    /// # use futures_util::stream;
    /// # use trine::prelude::*;
    /// use trine::sse::{Event, Sse};
    ///
    /// let events = stream::iter([Ok::<_, trine::BoxError>(Event::text("tick"))]);
    /// let response = Sse::new(events).into_response();
    /// assert_eq!(response.headers()["content-type"], "text/event-stream");
    /// ```
    pub const fn new(events: S) -> Sse<S> {
        Sse { events, heartbeat: Sse::<S>::HEARTBEAT, retry: None, kept_values: Vec::new() }
    }

    /// Sends a comment when nothing else was sent for this long. The minimum is one second, the
    /// default [`Sse::HEARTBEAT`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures_util::stream;
    /// use trine::sse::{Event, Sse};
    ///
    /// let events = stream::pending::<Result<Event, trine::BoxError>>();
    /// let response = Sse::new(events).heartbeat(Duration::from_secs(5));
    /// assert_eq!(format!("{response:?}"), "Sse { heartbeat: 5s, .. }");
    /// ```
    pub fn heartbeat(mut self, interval: Duration) -> Sse<S> {
        self.heartbeat = interval.max(Duration::from_secs(1));
        self
    }

    /// Sets the time that the browser waits before it reconnects. By default browsers wait for some
    /// seconds.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures_util::stream;
    /// # use trine::prelude::*;
    /// # use trine::sse::{Event, Sse};
    /// #[get("/ticks")]
    /// async fn ticks() -> impl IntoResponse {
    ///     let ticks = stream::iter([Ok::<_, trine::BoxError>(Event::text("tick"))]);
    ///     Sse::new(ticks).retry(Duration::from_secs(10))
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![ticks]).test().await;
    /// assert_eq!(client.get("/ticks").send().await.text(), "retry: 10000\n\ndata: tick\n\n");
    /// # }
    /// ```
    pub fn retry(mut self, after: Duration) -> Sse<S> {
        self.retry = Some(after);
        self
    }

    /// Keeps a value until the stream ends or the client disconnects, for example a
    /// [`PresenceGuard`](crate::topic::PresenceGuard) or a semaphore permit.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::sse::Sse;
    /// use trine::topic::{Presence, Topic};
    ///
    /// type Members = Presence<(), String>;
    ///
    /// #[get("/news?{name}")]
    /// async fn news(
    ///     name: String,
    ///     topic: State<Topic<String>>,
    ///     members: State<Members>,
    /// ) -> impl IntoResponse {
    ///     Sse::new(topic.subscribe().events()).keep(members.enter((), name))
    /// }
    /// ```
    pub fn keep(mut self, value: impl Send + 'static) -> Sse<S> {
        self.kept_values.push(Box::new(value));
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
        let body =
            EventBody::new(self.events, self.heartbeat, first, shutdown.clone(), self.kept_values);
        let mut response = Response::new(Body::new(body));
        response
            .headers_mut()
            .extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
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

const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_TYPE, "text/event-stream"),
    // A layer that compresses every response would hold events back until its buffer is full. It
    // leaves responses alone that have a content coding already.
    (header::CONTENT_ENCODING, "identity"),
    (header::CACHE_CONTROL, "no-store, no-transform"),
    // By default nginx buffers responses.
    (HeaderName::from_static("x-accel-buffering"), "no"),
];
