//! The layers of one attachment point: an application, a group or a route.

use std::any::{TypeId, type_name};
use std::panic::Location;

use trine_core::Needs;

use crate::middleware;
use crate::next::Next;

/// The layers that were written at one place, the first of them outermost.
///
/// Each layer is applied exactly once, when the application is built, so a `ConcurrencyLimitLayer::new(8)` means 8.
#[derive(Default)]
pub struct Layers {
    list: Vec<Attached>,
}

/// A layer, with what is told of it.
pub(crate) struct Attached {
    apply: Box<dyn Fn(Next) -> Next + Send + Sync>,
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    pub(crate) place: &'static Location<'static>,
}

impl Layers {
    #[track_caller]
    pub(crate) fn push<L: 'static>(&mut self, layer: impl Fn(Next) -> Next + Send + Sync + 'static) {
        let (type_id, type_name) = (TypeId::of::<L>(), type_name::<L>());
        self.list.push(Attached { apply: Box::new(layer), type_id, type_name, place: Location::caller() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Attached> {
        self.list.iter()
    }

    pub(crate) fn wrap(&self, inner: Next) -> Next {
        self.list.iter().rev().fold(inner, |next, layer| (layer.apply)(next))
    }
}

impl Attached {
    /// What the extractors of middleware need. Of other layers nothing is known.
    pub(crate) fn needs(&self, needs: &mut Needs) {
        middleware::needs_of(self.type_id, needs);
    }
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} layers", self.list.len())
    }
}
