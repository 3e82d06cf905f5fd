//! The layers of one attachment point: an application, a group or a route.

use crate::guard::Guarded;
use crate::next::Next;

/// The layers that were written at one place, the first of them outermost.
///
/// Each layer is applied exactly once, when the application is built, so a `ConcurrencyLimitLayer::new(8)` means 8.
#[derive(Default)]
pub struct Layers {
    list: Vec<Box<dyn Fn(Next) -> Next + Send + Sync>>,
    guards: Vec<Guarded>,
}

impl Layers {
    pub(crate) fn push(&mut self, layer: impl Fn(Next) -> Next + Send + Sync + 'static) {
        self.list.push(Box::new(layer));
    }

    /// Notes a guard, for the launch audit.
    pub(crate) fn note(&mut self, guard: Guarded) {
        self.guards.push(guard);
    }

    pub(crate) fn guards(&self) -> &[Guarded] {
        &self.guards
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn wrap(&self, inner: Next) -> Next {
        self.list.iter().rev().fold(inner, |next, layer| layer(next))
    }
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} layers", self.list.len())
    }
}
