//! Catchers: functions that tell problems in the application's own words.
//!
//! A catcher belongs to an application or a group ([`App::catch`](crate::App::catch),
//! [`Group::catch`](crate::Group::catch)) and is told which problems it is for: a status, a range
//! of statuses, all of them, or an error [`of`] a type. It is an async function with extractors
//! that leave the body alone, and it returns whatever a handler returns.
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
//! # Which one
//! The catchers of the innermost group are asked first, then those of the group around it, last the
//! application's. Among those of one place a type goes before a status, a status before a range, a
//! narrow range before a wide one; among equals the first written. One catcher answers; nobody else
//! is asked.
//!
//! A catcher sees every [`Problem`](struct@crate::Problem): of handlers, extractors, guards and
//! layers in its group, those made while the body is read (408, 413), and, on the application, 404,
//! 405 and 400 where nobody wrote a handler. It does not see a response that is not a problem,
//! whatever its status; what the server refuses before the application gets it, such as a head that
//! is too large; nor the panic of a handler, unless it asks for it with [`of::<Panic>()`](Panic).
//!
//! # Its answer
//! Where it is a 200, it gets the status of the problem. Header fields of the problem
//! (`WWW-Authenticate`, `Allow`) and of layers stay, unless it sets them itself; `Vary` has the
//! names of both.
//!
//! It fails where it panics, where one of its extractors refuses, where its answer is a problem
//! from 500 on, and where it answers an error of the client with any response from 500 on. That is
//! logged, and the client gets the problem as it was. What an extractor rejects with below 500 that
//! is no problem, a redirect for example, is its answer.
//!
//! # What it sees of the request
//! All but the body, as what refused it did: with what the layers and guards before it attached,
//! such as a session or a [`Cached`](crate::Cached) value. Its answer goes out through these layers
//! as that of a handler does: a session that it writes to is saved, and a cookie that it sets is
//! sent.
//!
//! # Layout
//! - `when`: which problems a catcher is for
//! - `caught`: the argument that shows it the problem
//! - `catcher`: one catcher, and how its answer becomes the response
//! - `scope`: the catchers of each route, inner ones first
//! - `net`: catches what handlers and layers cannot tell themselves: panics, the problems of
//!   mounted services
//! - `panics`: a panic as an error

mod boundary;
mod catcher;
mod caught;
mod panics;
mod scope;
mod when;

pub use self::caught::Caught;
pub use self::panics::Panic;
pub use self::when::{IntoWhen, When, of};

pub(crate) use self::boundary::{Head, Nets};
pub(crate) use self::catcher::Catcher;
pub(crate) use self::scope::{Around, Catchers, Scope};
