//! Takes a request to its handler and returns the response. The files in the order in which a
//! request passes them:
//! - [`service`]: the application as a Tower service. `request_log` surrounds everything inside it
//! - `routing`: finds the route with the `router`, and enters the layers of its groups
//! - [`next`]: the remaining stages, as a layer sees them
//! - `endpoint`: the end of a route, which is a mounted service or a [`handler`]
//! - `fallback`: the endpoints for requests that no route matches
//!
//! `future` and `snapshot` are data that the stages pass to one another. `declaration` is the data
//! of an attribute such as `#[get]`, `built_in` has the names of the routes that the framework
//! adds, and `trace_id` makes the identifier of a server error.

pub(crate) mod built_in;
pub(crate) mod declaration;
pub(crate) mod endpoint;
pub(crate) mod fallback;
pub(crate) mod future;
pub mod handler;
pub mod next;
pub(crate) mod request_log;
pub(crate) mod router;
pub(crate) mod routing;
pub mod service;
pub(crate) mod snapshot;
pub(crate) mod trace_id;
