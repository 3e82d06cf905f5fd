//! From a request to the response of a handler. In the order in which a request meets them:
//! [`service`], `routing` with the `router`, [`next`], `endpoint`, [`handler`], and `fallback` if
//! no route matches. `request_log` surrounds all of them.
//!
//! `future` and `snapshot` are data that the stages pass to one another; `declaration` is what an
//! attribute says about a handler, and `built_in` names the routes that nobody declared.

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
