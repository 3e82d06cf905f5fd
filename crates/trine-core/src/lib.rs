//! The vocabulary of Trine: what a request carries into a handler, and what a handler returns.
//!
//! Library authors depend on this crate alone. It changes slowly, opens no sockets, routes nothing
//! and has no macros. Applications use the crate `trine`, which re-exports all of it.
//!
//! ```
//! use http::StatusCode;
//! use trine_core::extract::Head;
//! use trine_core::{Cx, FromRequest, IntoResponse, Problem, Rejection, Response};
//!
//! /// An extractor: the token of the header field `Authorization`.
//! struct Bearer(String);
//!
//! impl FromRequest for Bearer {
//!     type Reads = Head;
//!
//!     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
//!         let value = cx.headers().get("authorization").and_then(|value| value.to_str().ok());
//!         match value.and_then(|value| value.strip_prefix("Bearer ")) {
//!             Some(token) => Ok(Bearer(token.to_owned())),
//!             None => Err(Problem::unauthorized("expected a bearer token").absent().into()),
//!         }
//!     }
//! }
//!
//! /// A responder: 202 with the address of a job.
//! struct Accepted(u64);
//!
//! impl IntoResponse for Accepted {
//!     fn into_response(self) -> Response {
//!         (StatusCode::ACCEPTED, [("location", format!("/jobs/{}", self.0))], "").into_response()
//!     }
//! }
//!
//! assert_eq!(Accepted(7).into_response().headers()["location"], "/jobs/7");
//! ```
//!
//! # What a battery needs
//! A battery is a crate for one concern: sessions, files, a database. It depends on this crate and
//! on Tower, and usually consists of these parts:
//!
//! | part | with |
//! |---|---|
//! | the layer or the service | any Tower `Layer` or `Service` over [`Request`] and [`Response`]; [`Body`] wraps other bodies |
//! | the extractor, an argument of handlers | [`FromRequest`], which reads the [`Head`](extract::Head) or the [`Body`] |
//! | a value of the path or the query | [`FromParam`], and [`ToParam`] for links |
//! | the responder | [`IntoResponse`], or [`IntoResponseParts`] for header fields and cookies |
//! | errors | [`Problem`], made with `From` for the battery's error type |
//! | shared state | [`Cx::state`]; the application registers the value |
//! | what the launch audit checks | [`Needs::state`] and [`Needs::check`] in [`FromRequest::needs`] |
//! | the client and its connection | [`ConnInfo`]; [`client`] for clients behind trusted proxies |
//! | the matched route, for metrics and logs | [`RouteCx`] in the extensions of the request, [`RouteMeta`] |
//! | work that lasts longer than a request | [`Shutdown`], which says when the server drains |
//! | work that a response still needs from its request | [`Completion`](battery::Completion) |
//! | another protocol on the connection | [`upgrade`] (feature `upgrade`) |
//!
//! # Features
//! - `upgrade`: the module [`upgrade`], over the stream traits of tokio
//!
//! # Layout
//! In the order of a request:
//! - [`conn`]: the connection; [`client`]: the client behind trusted proxies; [`upgrade`]: other
//!   protocols on the connection
//! - [`body`]: the body of a request or a response; [`incoming`]: the body that a server fills on
//!   demand
//! - [`route`]: the matched route and its parameters; [`state`]: the values that an application
//!   holds; [`cx`]: a request as extractors see it
//! - [`extract`]: [`FromRequest`], the trait of extractors; [`needs`]: what they need at launch
//! - [`param`]: [`FromParam`], one value of a path or query; [`to_param`]: the opposite direction
//! - [`respond`]: [`IntoResponse`] and [`IntoResponseParts`]
//! - [`problem`]: [`Problem`], an error in the form of RFC 9457
//! - [`battery`]: [`Shutdown`] and [`Completion`](battery::Completion), which batteries share

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod battery;
pub mod body;
pub mod client;
pub mod conn;
pub mod extract;
#[doc(hidden)]
pub mod later;
mod panic_text;
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
pub use panic_text::panic_text;
#[doc(hidden)]
pub use param::scalars;
pub use param::to_param;
pub use param::{FromParam, LinkArg, Param, ToParam};
pub use problem::Problem;
#[doc(hidden)]
pub use request::recycle;
pub use request::{Cx, RouteCx, RouteMeta, cx, route};
pub use respond::{IntoResponse, IntoResponseParts};

/// A request, as the handlers and layers of Trine see it.
pub type Request<B = Body> = http::Request<B>;

/// A response, as the handlers and layers of Trine see it.
pub type Response<B = Body> = http::Response<B>;

/// Any error that can be sent to another thread.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
