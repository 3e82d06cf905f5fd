//! Routes that share a prefix and layers.

use std::panic::Location;
use std::sync::Arc;

use trine_core::{FromRequest, IntoResponse};

use crate::build::audit::Finding;
use crate::declare::guard::{LeavesBody, guard};
use crate::declare::hooks::HookCx;
use crate::declare::layers::{Attach, Layers};
use crate::declare::mount::Mounted;
use crate::declare::route::{Methods, Route};
use crate::dispatch::fallback::Fallback;
use crate::dispatch::handler::{Args, Handler, LeaveBody, ReadBodyOnce};
use crate::dispatch::router::condition::{Conditions as _, Written};
use crate::dispatch::router::slashes::Slashes;
use crate::problem::catch::{Catcher, IntoWhen};

pub use crate::declare::mount::Mount;

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
/// Its layers see the matched route and wrap everything in it, whatever the order of the calls; the
/// first written is the outermost. A path that nothing stands at is outside of every group, unless
/// the group has a [fallback](Group::fallback).
#[derive(Debug)]
pub struct Group {
    pub(crate) prefix: String,
    pub(crate) location: &'static Location<'static>,
    pub(crate) items: Vec<GroupItem>,
    pub(crate) layers: Layers,
    pub(crate) catchers: Vec<Catcher>,
    pub(crate) host: Option<String>,
    pub(crate) conditions: Vec<Written>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) slashes: Option<Slashes>,
}

/// What stands in a group.
#[derive(Debug)]
pub(crate) enum GroupItem {
    Route(Route, &'static Location<'static>),
    Group(Group),
    Mount(String, Arc<Mounted>, &'static Location<'static>),
}

impl Group {
    /// An empty group under a prefix, which may have parameters: `/tenants/{tenant}`.
    #[must_use]
    #[track_caller]
    pub fn at(prefix: impl Into<String>) -> Group {
        Group {
            prefix: prefix.into(),
            location: Location::caller(),
            items: Vec::new(),
            layers: Layers::default(),
            catchers: Vec::new(),
            host: None,
            conditions: Vec::new(),
            fallback: None,
            slashes: None,
        }
    }

    /// An empty group on a host: `api.example.com`, or `{tenant}.example.com` with a parameter for
    /// one label.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn home(Path(tenant): Path<String>) -> String { format!("home of {tenant}") }
    ///
    /// let app = App::new()
    ///     .group(Group::host("api.example.com").group(Group::at("/v1").route("/", get(async || "api"))))
    ///     .group(Group::host("{tenant}.example.com").route("/", get(home)))
    ///     .route("/", get(async || "any other host"));
    /// ```
    ///
    /// The host is that of the request target, or else of the `Host` header, without its port; case
    /// does not matter, and a parameter is in lower case. A host with a `%` in it is none of these.
    /// A host without parameters goes before one with them, and both before routes without a host,
    /// which answer where no route of the host does. The parameters come before those of the path,
    /// as [`Path`](crate::Path) counts them.
    ///
    /// The `Host` header is what the client wrote, so a host is a way to find a route and never a
    /// proof of who asks.
    #[must_use]
    #[track_caller]
    pub fn host(host: impl Into<String>) -> Group {
        Group { host: Some(host.into()), ..Group::at("") }
    }

    /// Only requests that have this header with this value are for this group; others go to the
    /// next route of the path.
    ///
    /// See the [module](mod@crate::declare::route#conditions) for the order and for the answer
    /// where nothing fits.
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Group {
        self.conditions.header(name, Some(value));
        self
    }

    /// Only requests that have this header are for this group.
    #[must_use]
    #[track_caller]
    pub fn has_header(mut self, name: &str) -> Group {
        self.conditions.header(name, None);
        self
    }

    /// Only requests whose `Accept` admits this media type are for this group.
    #[must_use]
    #[track_caller]
    pub fn accepts(mut self, media: &str) -> Group {
        self.conditions.accepts(media);
        self
    }

    /// Only requests whose body has this media type are for this group: `application/json`,
    /// `image/*`.
    #[must_use]
    #[track_caller]
    pub fn content_type(mut self, media: &str) -> Group {
        self.conditions.content_type(media);
        self
    }

    /// Adds handlers that carry an attribute: `.routes(routes![list, show])`.
    #[must_use]
    #[track_caller]
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> Group {
        let location = Location::caller();
        self.items.extend(routes.into_iter().map(|route| GroupItem::Route(route, location)));
        self
    }

    /// Adds what stands at one path.
    #[must_use]
    #[track_caller]
    pub fn route(mut self, path: &str, methods: Methods) -> Group {
        self.items.push(GroupItem::Route(
            Route { path: path.to_owned().into(), methods },
            Location::caller(),
        ));
        self
    }

    /// Adds a group inside this one.
    #[must_use]
    pub fn group(mut self, group: Group) -> Group {
        self.items.push(GroupItem::Group(group));
        self
    }

    /// Gives everything under a prefix to a Tower service, an axum `Router` for example.
    ///
    /// The service sees the path without the prefix. Its errors become problems. It gets the body
    /// of a request as it comes: a limit of bytes is the service's own, or that of a layer around
    /// it.
    #[must_use]
    #[track_caller]
    pub fn mount<S: Mount<B>, B>(mut self, prefix: &str, service: S) -> Group {
        let mounted = Arc::new(Mounted::new(service));
        self.items.push(GroupItem::Mount(prefix.to_owned(), mounted, Location::caller()));
        self
    }

    /// Answers under the prefix where nothing stands, inside of the layers, guards and catchers of
    /// this group.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn no_such_call(uri: Uri) -> Problem { Problem::not_found(format!("the API has no `{}`", uri.path())) }
    /// async fn page() -> Html<&'static str> { Html("<h1>Lost?</h1>") }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let api = Group::at("/api").route("/users", get(async || "all")).fallback(no_such_call);
    /// let client = App::new().group(api).fallback(page).test().await;
    /// client.get("/api/user").await.expect_problem(404);
    /// client.put("/api/users").await.expect_problem(405);
    /// client.get("/user").await.expect_text("<h1>Lost?</h1>");
    /// # }
    /// ```
    ///
    /// It answers at the prefix and at every path under it at which no route stands. A route
    /// outside whose parameter would take the prefix, `/{*page}` say, comes after it. Of groups
    /// inside each other the nearest answers. A path with a route has it for every method: other
    /// methods are 405. A fallback of a group with conditions is for the requests that fulfil them,
    /// and one on a host comes after the routes that stand on any. It sets the status itself; its
    /// [`Path`](crate::Path) takes the parameters of the prefix.
    #[must_use]
    #[track_caller]
    pub fn fallback<H, A, K>(mut self, handler: H) -> Group
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + ReadBodyOnce + 'static,
        K: 'static,
    {
        self.fallback = Some(Fallback::new(handler));
        self
    }

    /// Says what a slash more or less at the end of a path is in this group and those inside that
    /// say nothing else; see [`Slashes`].
    #[must_use]
    pub fn slashes(mut self, slashes: Slashes) -> Group {
        self.slashes = Some(slashes);
        self
    }

    /// Wraps everything in this group.
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> Group
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// The same of a layer that is made at the start, of state or configuration that is not there
    /// yet; see [`App::layer_with`](crate::App::layer_with).
    #[must_use]
    #[track_caller]
    pub fn layer_with<L, F>(mut self, make: F) -> Group
    where
        F: FnOnce(&HookCx) -> crate::Result<L> + Send + Sync + 'static,
        L: 'static,
        Layers: Attach<L>,
    {
        self.layers.push_made_at_start(make);
        self
    }

    /// Tells problems of this group in its own words; see [`catch`](mod@crate::problem::catch).
    #[must_use]
    #[track_caller]
    pub fn catch<H, A, K>(mut self, when: impl IntoWhen, catcher: H) -> Group
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + LeaveBody + 'static,
        K: 'static,
    {
        self.catchers.push(Catcher::new(when.into_when(), catcher, Location::caller()));
        self
    }

    /// Lets requests into this group only where the extractor `T` succeeds; see [`guard()`].
    #[must_use]
    #[track_caller]
    pub fn guard<T: FromRequest<Reads: LeavesBody> + 'static>(self) -> Group {
        self.layer(guard::<T>())
    }

    /// Makes the layers that are made at the start, those of everything in it too.
    pub(crate) fn make_layers(&mut self, cx: &HookCx, findings: &mut Vec<Finding>) {
        self.layers.make(cx, findings);
        for item in &mut self.items {
            match item {
                GroupItem::Route(route, _) => route.methods.layers.make(cx, findings),
                GroupItem::Group(group) => group.make_layers(cx, findings),
                GroupItem::Mount(..) => {}
            }
        }
    }
}
