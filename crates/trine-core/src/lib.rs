//! The vocabulary of Trine: what a request carries into a handler and what a handler gives back.
//!
//! Library authors depend on this crate alone. It changes slowly, opens no socket, routes nothing
//! and has no macros. Applications use the `trine` crate, which re-exports all of it.
//!
//! # Layout
//! In the order in which a request meets them:
//! - [`conn`]: what is known of the connection
//! - [`body`] and [`incoming`]: the body, and how a server fills it on demand
//! - [`route`]: the matched route and its parameters, which travel beside the request
//! - [`state`]: typed values that the application holds
//! - [`cx`]: one request, as extractors see it
//! - [`extract`]: [`FromRequest`], the one trait of extraction, and [`needs`], what it wants at
//!   launch
//! - [`param`]: [`FromParam`], one value of a path or query; [`to_param`]: the way back
//! - [`respond`]: [`IntoResponse`] and [`IntoResponseParts`]
//! - [`problem`]: [`Problem`], an error as RFC 9457 tells it
//! - [`battery`]: what a crate that adds one concern to an application builds on, on one page

pub mod battery;
pub mod body;
pub mod client;
pub mod conn;
pub mod extract;
#[doc(hidden)]
pub mod later;
pub mod param;
pub mod problem;
mod request;
pub mod respond;
pub mod state;
#[cfg(feature = "upgrade")]
pub mod upgrade;

pub use battery::Shutdown;
pub use body::incoming;
pub use body::{Body, BodyError};
pub use conn::{ConnInfo, TlsInfo, TlsVersion};
pub use extract::needs;
pub use extract::{FromRequest, Needs, Rejection};
#[doc(hidden)]
pub use param::scalars;
pub use param::to_param;
pub use param::{FromParam, LinkArg, Param, ToParam};
pub use problem::Problem;
#[doc(hidden)]
pub use request::recycle;
pub use request::{Cx, RouteCx, RouteMeta, cx, route};
pub use respond::{IntoResponse, IntoResponseParts};

/// A request as handlers and layers of Trine see it.
pub type Request<B = Body> = http::Request<B>;

/// A response as handlers and layers of Trine see it.
pub type Response<B = Body> = http::Response<B>;

/// Any error that can cross a thread.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
