//! Routes that share a prefix and layers.

use std::panic::Location;
use std::sync::Arc;

use bytes::Bytes;
use tower_service::Service;
use trine_core::extract::Parts;
use trine_core::{BoxError, FromRequest, Request, Response};

use crate::guard::guard;
use crate::layers::Layers;
use crate::mount::Mounted;
use crate::next::Next;
use crate::route::{Attach, Methods, Route};

/// Routes under one prefix, with layers around all of them.
///
/// ```
/// use trine::prelude::*;
///
/// async fn stats() -> &'static str { "42" }
///
/// let admin = Group::at("/admin").route("/stats", get(stats));
/// let app = App::new().group(admin);
/// ```
///
/// Its layers see the matched route and wrap everything in it, whatever the order of the calls; the first written
/// is the outermost. A path that nothing stands at is the application's fallback, outside of every group.
#[derive(Debug)]
pub struct Group {
    pub(crate) prefix: String,
    pub(crate) place: &'static Location<'static>,
    pub(crate) items: Vec<Item>,
    pub(crate) layers: Layers,
}

/// What stands in a group.
#[derive(Debug)]
pub(crate) enum Item {
    Route(Route, &'static Location<'static>),
    Group(Group),
    Mount(String, Arc<Mounted>, &'static Location<'static>),
}

impl Group {
    /// An empty group under a prefix, which may have parameters: `/tenants/{tenant}`.
    #[must_use]
    #[track_caller]
    pub fn at(prefix: impl Into<String>) -> Group {
        let place = Location::caller();
        Group { prefix: prefix.into(), place, items: Vec::new(), layers: Layers::default() }
    }

    /// Adds handlers that carry an attribute: `.routes(routes![list, show])`.
    #[must_use]
    #[track_caller]
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> Group {
        let place = Location::caller();
        self.items.extend(routes.into_iter().map(|route| Item::Route(route, place)));
        self
    }

    /// Adds what stands at one path.
    #[must_use]
    #[track_caller]
    pub fn route(mut self, path: &str, methods: Methods) -> Group {
        self.items.push(Item::Route(Route { path: path.to_owned().into(), methods }, Location::caller()));
        self
    }

    /// Adds a group inside this one.
    #[must_use]
    pub fn group(mut self, group: Group) -> Group {
        self.items.push(Item::Group(group));
        self
    }

    /// Gives everything under a prefix to a Tower service, an axum `Router` for example.
    ///
    /// The service sees the path without the prefix. Its errors become problems.
    #[must_use]
    #[track_caller]
    pub fn mount<S, B>(mut self, prefix: &str, service: S) -> Group
    where
        S: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
        S: Clone + Send + Sync + 'static,
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let mounted = Arc::new(Mounted::new(Next::service(service)));
        self.items.push(Item::Mount(prefix.to_owned(), mounted, Location::caller()));
        self
    }

    /// Wraps everything in this group.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Group
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// Lets requests into this group only where the extractor `T` succeeds; see [`guard()`].
    #[must_use]
    #[track_caller]
    pub fn guard<T: FromRequest<Reads = Parts> + 'static>(self) -> Group {
        self.layer(guard::<T>())
    }
}
