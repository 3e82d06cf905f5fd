//! Answers that go on: topics, server-sent events and WebSockets.

pub mod sse;
pub mod topic;
#[cfg(feature = "ws")]
pub mod ws;
