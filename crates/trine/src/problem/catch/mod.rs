//! Catchers: functions that respond to problems in the application's own words.
//!
//! A catcher belongs to an application or a group ([`App::catch`](crate::App::catch),
//! [`Group::catch`](crate::Group::catch)) and is registered for some problems: those with a status,
//! with a range of statuses, all of them, or those behind which there is an error [`of`] a type. It
//! is a function like a handler, with extractors that do not read the body.
//!
//! ```
//! use trine::prelude::*;
//!
//! #[derive(Debug, Problem)]
//! #[problem(status = 409)]
//! struct Taken { name: String }
//!
//! async fn register(name: String) -> Result<NoContent, Taken> {
//!     Err(Taken { name })
//! }
//!
//! async fn taken(taken: Caught<Taken>) -> String {
//!     format!("{} is taken", taken.name)
//! }
//!
//! async fn not_found(uri: Uri) -> Html<String> {
//!     Html(format!("<h1>There is no {}</h1>", uri.path()))
//! }
//!
//! # #[trine::main]
//! # async fn main() {
//! let app = App::new()
//!     .route("/users", post(register))
//!     .catch(catch::of::<Taken>(), taken)
//!     .catch(404, not_found);
//!
//! let client = app.test().await;
//! client.post("/users").text("ann").await.expect_status(409).expect_text("ann is taken");
//! client.get("/nowhere").await.expect_status(404);
//! # }
//! ```
//!
//! # Which catcher responds
//! The catchers of the innermost group come first, then those of the groups around it, and last
//! those of the application. Within one group, a catcher for a type comes before one for a status,
//! a status before a range, and a narrow range before a wide one. Among equals the one that was
//! registered first wins. Exactly one catcher responds to a problem.
//!
//! A catcher gets the [`Problem`](struct@crate::Problem)s of the handlers, extractors, guards and
//! layers in its group, including those made while the body is read (408, 413). A catcher of the
//! application also gets the 404, 405 and 400 for requests that no route matches. It does not get:
//! - a response that is not a problem, whatever its status
//! - what the server refuses before the application gets it, such as a head that is too large
//! - the panic of a handler, unless it is registered for [`of::<Panic>()`](Panic)
//!
//! # The response of a catcher
//! A response with status 200 gets the status of the problem. The header fields of the problem
//! (`WWW-Authenticate`, `Allow`) and of layers are added, unless the catcher sets them itself.
//! `Vary` gets the names of both.
//!
//! A catcher fails if it panics, if one of its extractors refuses, if it returns a problem with a
//! status from 500 on, or if it responds to an error of the client with a status from 500 on. The
//! failure is logged, and the client gets the problem in its default form. If an extractor rejects
//! with a response below 500 that is not a problem, such as a redirect, that response is sent.
//!
//! # What a catcher sees of the request
//! Everything but the body, in the state in which the failing stage got it: with what the layers
//! and guards before that stage attached, such as a session or a [`Cached`](crate::Cached) value.
//! The response passes the same layers as the response of a handler. A session that the catcher
//! writes to is saved, and a cookie that it sets is sent.
//!
//! # Layout
//! - `when`: which problems a catcher is for
//! - `caught`: the extractor that gives a catcher its problem
//! - `catcher`: one catcher, and how its result becomes the response
//! - `scope`: the catchers of each route, inner ones first
//! - `boundary`: handles panics and the problems of mounted services, which handlers and layers
//!   cannot handle themselves
//! - `panics`: panics as errors

mod boundary;
mod catcher;
mod caught;
mod panics;
mod scope;
mod when;

pub use self::caught::Caught;
pub use self::panics::Panic;
pub use self::when::{IntoWhen, When, of};

pub(crate) use self::boundary::DispatchOptions;
pub(crate) use self::catcher::Catcher;
pub(crate) use self::scope::{CatcherScope, EnclosingCatchers, RouteCatchers};
