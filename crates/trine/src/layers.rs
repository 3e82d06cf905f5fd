//! The layers of one attachment point: an application, a group or a route.

use std::any::{TypeId, type_name};
use std::panic::Location;

use trine_core::Needs;

use crate::audit::Finding;
use crate::guard::Guarded;
use crate::hooks::HookCx;
use crate::middleware;
use crate::next::Next;
use crate::route::Attach;
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
    what: What,
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    pub(crate) place: &'static Location<'static>,
    guard: Option<Guarded>,
}

enum What {
    /// Wraps what is inside it.
    Layer(Box<dyn Fn(Next) -> Next + Send + Sync>),
    /// Makes the layer, when there are states to make it of.
    Maker(Box<Maker>),
}

type Maker = dyn FnOnce(&HookCx) -> crate::Result<Layers> + Send + Sync;

impl Layers {
    #[track_caller]
    pub(crate) fn push<L: 'static>(&mut self, layer: impl Fn(Next) -> Next + Send + Sync + 'static) {
        self.list.push(Attached::new::<L>(What::Layer(Box::new(layer)), Location::caller()));
    }

    /// The same of a guard, which says itself what it needs.
    pub(crate) fn push_guard<G: 'static>(
        &mut self,
        guard: Guarded,
        layer: impl Fn(Next) -> Next + Send + Sync + 'static,
    ) {
        let attached = Attached::new::<G>(What::Layer(Box::new(layer)), guard.place);
        self.list.push(Attached { guard: Some(guard), ..attached });
    }

    /// The same of a layer that is made later.
    #[track_caller]
    pub(crate) fn push_maker<L, F>(&mut self, make: F)
    where
        F: FnOnce(&HookCx) -> crate::Result<L> + Send + Sync + 'static,
        L: 'static,
        Layers: Attach<L>,
    {
        let maker = |cx: &HookCx| {
            let mut made = Layers::default();
            made.attach(make(cx)?);
            Ok(made)
        };
        self.list.push(Attached::new::<L>(What::Maker(Box::new(maker)), Location::caller()));
    }

    /// Makes what is made later, in its place. Says of each that cannot be made why.
    pub(crate) fn make(&mut self, cx: &HookCx, findings: &mut Vec<Finding>) {
        if !self.list.iter().any(Attached::is_made_later) {
            return;
        }
        for attached in std::mem::take(&mut self.list) {
            let (who, place) = (attached.who(), attached.place);
            let What::Maker(make) = attached.what else {
                self.list.push(attached);
                continue;
            };
            match make(cx) {
                Ok(made) => {
                    for made in made.list {
                        // A guard, or middleware, says only now what it needs.
                        let mut needs = Needs::default();
                        made.needs(&mut needs);
                        findings.extend(cx.lacking(&needs, &made.who(), place));
                        self.list.push(Attached { place, ..made });
                    }
                }
                Err(error) => findings.push(cx.failed(&who, place, &error)),
            }
        }
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
        self.list.iter().rev().fold(inner, |next, attached| match &attached.what {
            What::Layer(layer) => layer(next),
            // `make` has left none of these.
            What::Maker(_) => next,
        })
    }
}

impl Attached {
    fn new<L: 'static>(what: What, place: &'static Location<'static>) -> Attached {
        Attached { what, type_id: TypeId::of::<L>(), type_name: type_name::<L>(), place, guard: None }
    }

    /// Whether code that nobody can look into makes it.
    pub(crate) fn is_made_later(&self) -> bool {
        matches!(self.what, What::Maker(_))
    }

    /// What a guard, or the extractors of middleware, need. Of other layers nothing is known.
    pub(crate) fn needs(&self, needs: &mut Needs) {
        match &self.guard {
            Some(guard) => (guard.needs)(needs),
            None => middleware::needs_of(self.type_id, needs),
        }
    }

    /// What it is and how it is called, for the launch audit.
    pub(crate) fn who(&self) -> String {
        match (&self.guard, &self.what) {
            (Some(guard), _) => format!("the guard `{}`", layer_name(guard.name)),
            (None, What::Layer(_)) => format!("the middleware `{}`", layer_name(self.type_name)),
            (None, What::Maker(_)) => format!("the layer `{}`", layer_name(self.type_name)),
        }
    }
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} layers", self.list.len())
    }
}
