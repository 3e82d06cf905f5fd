//! One request: [`cx`] is its view for extractors, [`route`] is the route that it matched.
//!
//! `recycle` reuses header maps for later requests of the same thread.

pub mod cx;
#[doc(hidden)]
pub mod recycle;
pub mod route;

pub use self::cx::Cx;
pub use self::route::{RouteCx, RouteMeta};
