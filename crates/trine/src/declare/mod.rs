//! What an application declares before the first request: routes in groups, the layers and guards
//! around them, mounted services, state and hooks. Nothing here looks at a request.

pub mod app;
pub mod group;
pub mod guard;
pub mod hooks;
pub(crate) mod layers;
pub mod middleware;
pub(crate) mod mount;
pub(crate) mod names;
pub mod route;
