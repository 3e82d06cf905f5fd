//! The names of routes that no program declares.

use trine_core::RouteMeta;

/// The handler name of the routes that respond to undeclared methods of a path.
pub(crate) const OTHER_METHODS: &str = "other methods";

/// The beginning of the handler name of a fallback.
pub(crate) const FALLBACK_PREFIX: &str = "fallback ";

/// Whether the program declared the route. Fallbacks and the responses to other methods are routes
/// that the framework adds.
pub(crate) fn is_declared(route: &RouteMeta) -> bool {
    route.handler != OTHER_METHODS && !route.handler.starts_with(FALLBACK_PREFIX)
}
