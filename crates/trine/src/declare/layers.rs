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

/// The layers of one attachment point. The first one is the outermost.
///
/// Each layer is applied exactly once, when the application is built: a
/// `ConcurrencyLimitLayer::new(8)` allows 8 requests at once, whatever the number of workers.
///
/// It appears in the bounds of functions that pass a layer on:
///
/// ```
/// use trine::prelude::*;
/// use trine::{Layers, route::Attach};
///
/// fn api<L>(layer: L) -> Group
/// where
///     Layers: Attach<L>,
/// {
///     Group::at("/api").layer(layer).route("/", get(async || "api"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn pass(request: Request, next: Next) -> Response { next.run(request).await }
///
/// let client = App::new().group(api(middleware(pass))).test().await;
/// client.get("/api").await.expect_text("api");
/// # }
/// ```
#[derive(Default)]
pub struct Layers {
    list: Vec<AttachedLayer>,
}

/// A layer, with what the launch audit and the tree know about it.
pub(crate) struct AttachedLayer {
    state: LayerState,
    pub(crate) description: LayerDescription,
    pub(crate) location: &'static Location<'static>,
}

enum LayerState {
    /// The layer exists. It wraps what is inside it.
    Ready(Box<dyn Fn(Next) -> Next + Send + Sync>),
    /// The layer is made at the start, once the states exist.
    AtStart(Box<MakeLayer>),
}

type MakeLayer = dyn FnOnce(&HookCx) -> crate::Result<Layers> + Send + Sync;

/// What the launch audit and the tree know from the type of a layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerDescription {
    pub(crate) kind: LayerKind,
    /// The type of the layer, of the function of middleware, or of the extractor of a guard.
    pub(crate) type_name: &'static str,
    /// What it needs of the application.
    pub(crate) needs: fn(&mut Needs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerKind {
    /// A Tower layer. What it needs is unknown.
    Tower,
    Middleware,
    Guard,
}

/// A collection of layers that accepts a layer of type `L`.
///
/// [`Layers`] accepts [`middleware`](crate::middleware()), [`guard`](crate::guard()) and every
/// Tower layer whose service takes requests and is `Clone + Send + Sync`. There is nothing to
/// implement: the trait only appears in bounds such as `Layers: Attach<L>`.
#[diagnostic::on_unimplemented(
    message = "`{L}` cannot be attached here as a layer",
    label = "neither a Tower layer, nor middleware, nor a guard",
    note = "for a function of your own, write `middleware(function)`",
    note = "the service that a layer makes must be `Clone + Send + Sync + 'static` and its error `Into<BoxError>`"
)]
pub trait Attach<L> {
    /// Attaches a layer inside those that are already attached.
    #[track_caller]
    fn attach(&mut self, layer: L);

    /// What the launch audit and the tree know about the type of the layer.
    #[doc(hidden)]
    fn describe() -> LayerDescription;
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
        let description = <Layers as Attach<L>>::describe();
        self.push(description, Location::caller(), move |next| {
            crate::Next::service(layer.layer(next))
        });
    }

    fn describe() -> LayerDescription {
        let type_name = std::any::type_name::<L>();
        LayerDescription { kind: LayerKind::Tower, type_name, needs: |_| {} }
    }
}

impl Layers {
    pub(crate) fn push(
        &mut self,
        description: LayerDescription,
        location: &'static Location<'static>,
        layer: impl Fn(Next) -> Next + Send + Sync + 'static,
    ) {
        let state = LayerState::Ready(Box::new(layer));
        self.list.push(AttachedLayer { state, description, location });
    }

    /// Attaches a layer that is made at the start.
    #[track_caller]
    pub(crate) fn push_made_at_start<L, F>(&mut self, make: F)
    where
        F: FnOnce(&HookCx) -> crate::Result<L> + Send + Sync + 'static,
        L: 'static,
        Layers: Attach<L>,
    {
        let make = |cx: &HookCx| {
            let mut made = Layers::default();
            made.attach(make(cx)?);
            Ok(made)
        };
        let state = LayerState::AtStart(Box::new(make));
        let description = <Layers as Attach<L>>::describe();
        self.list.push(AttachedLayer { state, description, location: Location::caller() });
    }

    /// Makes the layers that are made at the start, where they are attached. Each one that cannot
    /// be made is a finding.
    pub(crate) fn make(&mut self, cx: &HookCx, findings: &mut Vec<Finding>) {
        if !self.list.iter().any(AttachedLayer::is_made_at_start) {
            return;
        }
        for attached in std::mem::take(&mut self.list) {
            let (title, location) = (attached.title(), attached.location);
            let LayerState::AtStart(make) = attached.state else {
                self.list.push(attached);
                continue;
            };
            match make(cx) {
                Ok(made) => {
                    for made in made.list {
                        // The needs of a guard or middleware are only known now.
                        findings.extend(cx.missing_of(&made.needs(), &made.title(), location));
                        self.list.push(AttachedLayer { location, ..made });
                    }
                }
                Err(error) => findings.push(cx.failed(&title, location, &error)),
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &AttachedLayer> {
        self.list.iter()
    }

    /// Whether one of the layers may refuse clients by their identity: a guard, or middleware that
    /// needs state.
    pub(crate) fn may_refuse(&self) -> bool {
        self.iter().any(|layer| {
            layer.description.kind == LayerKind::Guard
                || (!layer.is_made_at_start() && layer.needs().iter().next().is_some())
        })
    }

    /// Wraps the inner service in all layers.
    pub(crate) fn wrap(&self, inner: Next) -> Next {
        self.list.iter().rev().fold(inner, |next, attached| match &attached.state {
            LayerState::Ready(layer) => layer(next),
            // `make` has replaced all of these.
            LayerState::AtStart(_) => next,
        })
    }
}

impl AttachedLayer {
    /// Whether code of the application makes the layer at the start.
    pub(crate) fn is_made_at_start(&self) -> bool {
        matches!(self.state, LayerState::AtStart(_))
    }

    /// What a guard, or the extractors of middleware, need. The needs of Tower layers, and of
    /// layers that are not made yet, are unknown.
    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        if !self.is_made_at_start() {
            (self.description.needs)(&mut needs);
        }
        needs
    }

    /// Its kind and its name, for the launch audit.
    pub(crate) fn title(&self) -> String {
        match (self.description.kind, &self.state) {
            (_, LayerState::AtStart(_)) => format!("the layer `{}`", self.description.title()),
            (LayerKind::Guard, LayerState::Ready(_)) => {
                format!("the guard `{}`", self.description.name())
            }
            (_, LayerState::Ready(_)) => format!("the middleware `{}`", self.description.name()),
        }
    }
}

impl LayerDescription {
    /// Its name, after the word `guard` if it is a guard.
    pub(crate) fn title(&self) -> String {
        match self.kind {
            LayerKind::Guard => format!("guard {}", self.name()),
            LayerKind::Tower | LayerKind::Middleware => self.name(),
        }
    }

    /// Its name in findings and in the tree.
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
