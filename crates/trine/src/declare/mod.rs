//! What an application declares before the first request: routes in groups, the layers and guards
//! around them, mounted services, state and hooks. Nothing here looks at a request.
//!
//! # Layout
//! - `app`: the methods of [`App`](crate::App); `group`: [`Group`](crate::Group); `route`: the
//!   routes in it
//! - `layers`: the layers of an application, a group or a route; `middleware`: a layer as one
//!   function; `guard`: guards
//! - `mount`: a Tower service under a prefix
//! - `hooks`: state that is made at the start, hooks and background tasks
//! - `names`: short names of functions and layers, for reports

pub mod app;
pub mod group;
pub mod guard;
pub mod hooks;
pub(crate) mod layers;
pub mod middleware;
pub(crate) mod mount;
pub(crate) mod names;
pub mod route;
