//! The messages of a topic as events.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use serde::Serialize;
use trine_core::BoxError;

use super::event::Event;
use crate::topic::{Form, Lagged, Message, Subscription};

/// The messages of a topic as events, each written once for all clients. [`Subscription::events`]
/// makes it.
///
/// Each event has the id of its message, so that a client that comes back goes on behind it. Where
/// messages are missing, an event with the name `lagged` says how many, or `null` where nobody
/// knows.
#[derive(Debug)]
pub struct Events<T: Send + Sync + 'static> {
    messages: Subscription<T>,
    write: fn(&T) -> Result<Event, BoxError>,
}

impl<T: Send + Sync + 'static> Subscription<T> {
    /// The messages as events with JSON.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::sse::{LastEventId, Sse};
    ///
    /// #[get("/prices")]
    /// async fn prices(topic: State<trine::Topic<f64>>, last: Option<LastEventId>) -> impl IntoResponse {
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

    /// The messages as events that `write` makes. It is called once for a message; the id is added.
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
    pub fn events_by(self, write: fn(&T) -> Result<Event, BoxError>) -> Events<T> {
        Events { messages: self, write }
    }
}

/// What [`Message::encoded`] keeps under.
struct AsEvent;

impl<T: Send + Sync + 'static> Events<T> {
    fn event(&self, message: &Message<T>) -> Result<Event, BoxError> {
        let write = self.write;
        // Two functions of one address are the same.
        let form = Form::of::<AsEvent>(write as usize as u64);
        let made = message.encoded(form, |message| {
            Ok(write(message.value())?.id(message.id().to_string()).into_bytes())
        });
        made.map(Event::whole)
    }
}

impl<T: Send + Sync + 'static> Stream for Events<T> {
    type Item = Result<Event, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.messages).poll_next(cx));
        Poll::Ready(next.map(|next| match next {
            Ok(message) => self.event(&message),
            Err(lagged) => Ok(missing(lagged)),
        }))
    }
}

fn missing(lagged: Lagged) -> Event {
    let text = lagged.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    Event::whole(Bytes::from(format!("event: lagged\ndata: {text}\n\n")))
}
