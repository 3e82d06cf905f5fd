//! Server-sent events: a stream of events in a response that does not end, which browsers read with
//! `EventSource` ([WHATWG HTML,
//! 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)).
//!
//! # Layout
//! - [`Event`]: one event, as bytes
//! - [`Sse`]: a response with a stream of events; `body` sends them, and the heartbeat
//! - [`LastEventId`]: the event after which a reconnecting client resumes
//! - [`Events`]: the messages of a topic as events, each serialized once for all clients

mod body;
mod event;
mod events;
mod last_event_id;
mod response;

pub use self::event::Event;
pub use self::events::Events;
pub use self::last_event_id::LastEventId;
pub use self::response::Sse;
