//! The layers of one attachment point: an application, a group or a route.

use std::panic::Location;

use bytes::Bytes;
use tower_layer::Layer;
use tower_service::Service;
use trine_core::{BoxError, Needs, Request, Response};

use crate::build::audit::Finding;
use crate::declare::hooks::HookCx;
use crate::declare::names::{function_name, layer_name};
use crate::dispatch::next::Next;

/// The layers that were written at one place, the first of them outermost.
///
/// Each layer is applied exactly once, when the application is built, so a
/// `ConcurrencyLimitLayer::new(8)` means 8.
#[derive(Default)]
pub struct Layers {
    list: Vec<Attached>,
}

/// A layer, with what the launch audit and the tree know of it.
pub(crate) struct Attached {
    what: What,
    pub(crate) known: Described,
    pub(crate) place: &'static Location<'static>,
}

enum What {
    /// Wraps what is inside it.
    Layer(Box<dyn Fn(Next) -> Next + Send + Sync>),
    /// Makes the layer, when there are states to make it of.
    Maker(Box<Maker>),
}

type Maker = dyn FnOnce(&HookCx) -> crate::Result<Layers> + Send + Sync;

/// What the type of a layer says of it.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    pub(crate) kind: LayerKind,
    /// The type of the layer, of the function of middleware, or of the extractor of a guard.
    pub(crate) type_name: &'static str,
    /// What it needs of the application.
    pub(crate) needs: fn(&mut Needs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerKind {
    /// One of Tower's. Nobody knows what it needs.
    Tower,
    Middleware,
    Guard,
}

/// A place that a layer can be attached to; [`Layers`] is it for every layer of Tower that fits.
#[diagnostic::on_unimplemented(
    message = "`{L}` cannot be attached here as a layer",
    label = "not a Tower layer for this place",
    note = "for a function of your own, write `middleware(function)`",
    note = "the service that a layer makes must be `Clone + Send + Sync + 'static` and its error `Into<BoxError>`"
)]
pub trait Attach<L> {
    /// Attaches it inside the ones that are there.
    #[track_caller]
    fn attach(&mut self, layer: L);

    /// What the launch audit and the tree say of it.
    #[doc(hidden)]
    fn describe() -> Described;
}

impl<L, B> Attach<L> for Layers
where
    L: Layer<crate::Next> + Send + Sync + 'static,
    L::Service: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    L::Service: Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    #[track_caller]
    fn attach(&mut self, layer: L) {
        let known = <Layers as Attach<L>>::describe();
        self.push(known, Location::caller(), move |next| crate::Next::service(layer.layer(next)));
    }

    fn describe() -> Described {
        Described { kind: LayerKind::Tower, type_name: std::any::type_name::<L>(), needs: |_| {} }
    }
}

impl Layers {
    pub(crate) fn push(
        &mut self,
        known: Described,
        place: &'static Location<'static>,
        layer: impl Fn(Next) -> Next + Send + Sync + 'static,
    ) {
        self.list.push(Attached { what: What::Layer(Box::new(layer)), known, place });
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
        let (what, known) = (What::Maker(Box::new(maker)), <Layers as Attach<L>>::describe());
        self.list.push(Attached { what, known, place: Location::caller() });
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
                        // The code above may have made the state that a guard, or middleware,
                        // needs.
                        findings.extend(cx.lacking(&made.needs(), &made.who(), place));
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
            layer.known.kind == LayerKind::Guard
                || (!layer.is_made_later() && layer.needs().iter().next().is_some())
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
    /// Whether code that nobody can look into makes it.
    pub(crate) fn is_made_later(&self) -> bool {
        matches!(self.what, What::Maker(_))
    }

    /// What a guard, or the extractors of middleware, need. Nothing is known of other layers, nor
    /// of one that is made later until it is there.
    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        if !self.is_made_later() {
            (self.known.needs)(&mut needs);
        }
        needs
    }

    /// What it is and how it is called, for the launch audit.
    pub(crate) fn who(&self) -> String {
        match (self.known.kind, &self.what) {
            (_, What::Maker(_)) => format!("the layer `{}`", self.known.title()),
            (LayerKind::Guard, What::Layer(_)) => format!("the guard `{}`", self.known.name()),
            (_, What::Layer(_)) => format!("the middleware `{}`", self.known.name()),
        }
    }
}

impl Described {
    /// The same, with the word that tells a guard from a layer.
    pub(crate) fn title(&self) -> String {
        match self.kind {
            LayerKind::Guard => format!("guard {}", self.name()),
            LayerKind::Tower | LayerKind::Middleware => self.name(),
        }
    }

    /// How it is called in findings and in the tree.
    pub(crate) fn name(&self) -> String {
        match self.kind {
            LayerKind::Middleware => function_name(self.type_name),
            LayerKind::Tower | LayerKind::Guard => layer_name(self.type_name),
        }
    }
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} layers", self.list.len())
    }
}
