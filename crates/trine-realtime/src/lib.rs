//! Topics that reach many subscribers, server-sent events and WebSockets.
//!
//! This crate is a battery of Trine: it depends on `trine-core`, and on neither the framework nor
//! the server. Applications use it as [`trine::topic`](topic), [`trine::sse`](sse) and `trine::ws`:
//!
//! ```
//! use trine::prelude::*;
//! use trine::sse::{LastEventId, Sse};
//! use trine::topic::{Topic, TopicConfig};
//!
//! /// Streams the news, and resumes where a reconnecting browser stopped.
//! #[get("/news")]
//! async fn news(topic: State<Topic<String>>, last: Option<LastEventId>) -> impl IntoResponse {
//!     Sse::new(topic.subscribe_since(last).events())
//! }
//!
//! # #[trine::main]
//! # async fn main() {
//! let topic = Topic::with(TopicConfig { history: 100, ..TopicConfig::default() });
//! topic.publish("hello".to_owned());
//! topic.close();
//! let client = App::new().state(topic).routes(routes![news]).test().await;
//! let events = client.get("/news").send().await.text().to_owned();
//! assert!(events.starts_with("data: \"hello\"\n"), "{events}");
//! # }
//! ```
//!
//! # Layout
//! - [`topic`]: topics, rooms by key, presence, and carriers between processes
//! - [`sse`]: a stream of events as a response
//! - `ws`: WebSockets, and the messages of a topic as their messages; feature `ws`

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod sse;
pub mod topic;
#[cfg(feature = "ws")]
pub mod ws;

/// Whether a source file belongs to this crate. The error page leaves such files out.
#[doc(hidden)]
#[must_use]
pub fn is_ours(file: &str) -> bool {
    file!().strip_suffix("lib.rs").is_some_and(|folder| file.starts_with(folder))
}
