//! The messages of a topic as events.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use serde::Serialize;
use trine_core::BoxError;

use super::event::Event;
use crate::topic::{Encoding, Lagged, Message, Subscription};

/// The messages of a topic as a stream of events, each serialized once for all clients.
/// [`Subscription::events`] makes it.
///
/// Each event has the id of its message, so that a client which reconnects resumes after it. In
/// place of missing messages, an event with the name `lagged` has their number as its data, or
/// `null` if the number is unknown.
#[derive(Debug)]
pub struct Events<T: Send + Sync + 'static> {
    messages: Subscription<T>,
    to_event: fn(&T) -> Result<Event, BoxError>,
}

impl<T: Send + Sync + 'static> Subscription<T> {
    /// The messages as events, with the value as JSON.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::sse::{LastEventId, Sse};
    ///
    /// #[get("/prices")]
    /// async fn prices(
    ///     topic: State<trine::Topic<f64>>,
    ///     last: Option<LastEventId>,
    /// ) -> impl IntoResponse {
    ///     Sse::new(topic.subscribe_since(last).events())
    /// }
    /// ```
    #[must_use]
    pub fn events(self) -> Events<T>
    where
        T: Serialize,
    {
        self.events_by(|value| Ok(Event::json(value)?))
    }

    /// The messages as events that `to_event` makes. It is called once per message, however many
    /// clients there are. The id is added to its result.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::sse::{Event, Sse};
    ///
    /// #[get("/news")]
    /// async fn news(topic: State<trine::Topic<String>>) -> impl IntoResponse {
    ///     Sse::new(topic.subscribe().events_by(|text| Ok(Event::text(text).name("news"))))
    /// }
    /// ```
    #[must_use]
    pub fn events_by(self, to_event: fn(&T) -> Result<Event, BoxError>) -> Events<T> {
        Events { messages: self, to_event }
    }
}

/// Names the encoding of messages as events.
struct EventEncoding;

impl<T: Send + Sync + 'static> Events<T> {
    fn event(&self, message: &Message<T>) -> Result<Event, BoxError> {
        let to_event = self.to_event;
        // The address distinguishes the functions of several routes.
        let encoding = Encoding::of::<EventEncoding>(to_event as usize as u64);
        let bytes = message.encoded(encoding, |message| {
            Ok(to_event(message.value())?.id(message.id().to_string()).into_bytes())
        });
        bytes.map(Event::from_finished)
    }
}

impl<T: Send + Sync + 'static> Stream for Events<T> {
    type Item = Result<Event, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.messages).poll_next(cx));
        Poll::Ready(next.map(|next| match next {
            Ok(message) => self.event(&message),
            Err(lagged) => Ok(lagged_event(lagged)),
        }))
    }
}

fn lagged_event(lagged: Lagged) -> Event {
    let text = lagged.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    Event::from_finished(Bytes::from(format!("event: lagged\ndata: {text}\n\n")))
}
