//! The foundation of batteries. A battery is a crate that adds one concern to an application, such
//! as sessions, files, jobs or a database.
//!
//! It depends on `trine-core` and on neither the framework nor the server, so it opens no
//! socket and registers no route. Everything that it offers is one of these:
//!
//! - **A value of the request**: a type that implements [`FromRequest`](crate::FromRequest) or
//!   [`FromParam`](crate::FromParam). Applications take it as an argument of a handler, or as a
//!   guard.
//! - **A response**: a type that implements [`IntoResponse`](crate::IntoResponse), or
//!   [`IntoResponseParts`](crate::IntoResponseParts) for header fields beside another response.
//! - **An error**: an `Error` whose `IntoResponse` makes a [`Problem`](crate::Problem).
//! - **A layer**: a `tower::Layer` around an application, a group or a route.
//! - **A state**: a value of any `Send + Sync` type, which applications add with `.state(…)` and
//!   handlers find by its type.
//!
//! While it serves a request, it gets the following from the application:
//!
//! - [`Cx`](crate::Cx): the request, its connection and the matched route.
//! - [`Cx::state`](crate::Cx::state): a state by its type. A battery's limits are such a state: its
//!   configuration struct with a `Default`, which an application may replace.
//! - [`FromRequest::needs`](crate::FromRequest::needs): names the states that an extractor needs,
//!   so that the application refuses to start without them instead of failing at the first request.
//! - [`Shutdown`]: a signal that the server begins to shut down, for responses and tasks without an
//!   end.
//! - [`Completion`]: work on a response that needs the request it answers.
//!
//! [`IntoResponse`](crate::IntoResponse) sees no request. A response that depends on one, or on a
//! state, uses a [`Completion`]. The crate `trine-realtime` is a complete example: topics are plain
//! states, `Sse` is a response that ends at the [`Shutdown`], and `LastEventId` is an extractor.

mod completion;
mod shutdown;

pub use self::completion::Completion;
pub use self::shutdown::{Shutdown, ShutdownBegun};
