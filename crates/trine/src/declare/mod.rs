//! What an application declares before the first request: routes in groups, the layers and guards
//! around them, mounted services, state and hooks. Nothing here looks at a request. The files in
//! the order in which to read them:
//! - `app`, `group` and `route`: the application, its groups and its routes
//! - `layers`, `middleware` and `guard`: what wraps an application, a group or a route
//! - `mount`: a Tower service under a prefix
//! - `hooks`: states that are made at the start, hooks, and background tasks
//! - `names`: the short names of functions and layers in findings and in the tree

pub mod app;
pub mod group;
pub mod guard;
pub mod hooks;
pub(crate) mod layers;
pub mod middleware;
pub(crate) mod mount;
pub(crate) mod names;
pub mod route;
