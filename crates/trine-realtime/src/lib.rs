//! Topics that reach many subscribers, and server-sent events: a battery of Trine, over
//! `trine-core` alone.
//!
//! # Layout
//! - [`topic`]: a message for every subscriber; rooms by key; who is in which
//! - [`sse`]: a stream of events as a response
//! - `ws`: the messages of a topic as messages of WebSockets, feature `ws`

pub mod sse;
pub mod topic;
#[cfg(feature = "ws")]
pub mod ws;
