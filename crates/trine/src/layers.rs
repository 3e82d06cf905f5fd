//! The layers of one attachment point: an application, a group or a route.

use std::any::{TypeId, type_name};
use std::panic::Location;

use trine_core::Needs;

use crate::guard::Guarded;
use crate::middleware;
use crate::next::Next;
use crate::tree::layer_name;

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
    guard: Option<Guarded>,
}

impl Layers {
    #[track_caller]
    pub(crate) fn push<L: 'static>(&mut self, layer: impl Fn(Next) -> Next + Send + Sync + 'static) {
        let (type_id, type_name) = (TypeId::of::<L>(), type_name::<L>());
        let (apply, place) = (Box::new(layer), Location::caller());
        self.list.push(Attached { apply, type_id, type_name, place, guard: None });
    }

    /// The same of a guard, which says itself what it needs.
    pub(crate) fn push_guard<G: 'static>(
        &mut self,
        guard: Guarded,
        layer: impl Fn(Next) -> Next + Send + Sync + 'static,
    ) {
        let (type_id, type_name) = (TypeId::of::<G>(), type_name::<G>());
        let (apply, place) = (Box::new(layer), guard.place);
        self.list.push(Attached { apply, type_id, type_name, place, guard: Some(guard) });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Attached> {
        self.list.iter()
    }

    /// Whether one of them may refuse by who asks.
    pub(crate) fn guard(&self) -> bool {
        self.iter().any(|layer| {
            let mut needs = Needs::default();
            layer.needs(&mut needs);
            layer.guard.is_some() || needs.iter().next().is_some()
        })
    }

    pub(crate) fn wrap(&self, inner: Next) -> Next {
        self.list.iter().rev().fold(inner, |next, layer| (layer.apply)(next))
    }
}

impl Attached {
    /// What a guard, or the extractors of middleware, need. Of other layers nothing is known.
    pub(crate) fn needs(&self, needs: &mut Needs) {
        match &self.guard {
            Some(guard) => (guard.needs)(needs),
            None => middleware::needs_of(self.type_id, needs),
        }
    }

    /// What it is and how it is called, for the launch audit.
    pub(crate) fn who(&self) -> String {
        match &self.guard {
            Some(guard) => format!("the guard `{}`", layer_name(guard.name)),
            None => format!("the middleware `{}`", layer_name(self.type_name)),
        }
    }
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} layers", self.list.len())
    }
}
