//! Routes that share a prefix, layers and catchers.

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

/// Routes that share a prefix, layers, catchers, a host or conditions.
///
/// ```
/// use trine::prelude::*;
///
/// async fn stats() -> &'static str { "42" }
///
/// # #[trine::main]
/// # async fn main() {
/// let admin = Group::at("/admin").route("/stats", get(stats));
/// let client = App::new().group(admin).test().await;
/// client.get("/admin/stats").await.expect_text("42");
/// # }
/// ```
///
/// The layers of a group wrap everything in it, whatever the order of the calls; the first one is
/// the outermost. They run after routing and see the matched route. A path without a route is
/// outside of all groups, unless a group has a [fallback](Group::fallback).
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

/// An element of a group.
#[derive(Debug)]
pub(crate) enum GroupItem {
    Route(Route, &'static Location<'static>),
    Group(Group),
    Mount(String, Arc<Mounted>, &'static Location<'static>),
}

impl Group {
    /// An empty group under a prefix, which may have parameters, as in `/tenants/{tenant}`.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn name(Path(tenant): Path<String>) -> String { tenant }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let tenants = Group::at("/tenants/{tenant}").route("/name", get(name));
    /// let client = App::new().group(tenants).test().await;
    /// client.get("/tenants/acme/name").await.expect_text("acme");
    /// # }
    /// ```
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

    /// An empty group on a host, such as `api.example.com`, or `{tenant}.example.com` with a
    /// parameter for one label.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn home(Path(tenant): Path<String>) -> String { format!("home of {tenant}") }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new()
    ///     .group(Group::host("api.example.com").group(Group::at("/v1").route("/", get(async || "api"))))
    ///     .group(Group::host("{tenant}.example.com").route("/", get(home)))
    ///     .route("/", get(async || "any other host"));
    /// let client = app.test().await;
    /// client.get("/").header("host", "acme.example.com").await.expect_text("home of acme");
    /// client.get("/").header("host", "localhost").await.expect_text("any other host");
    /// # }
    /// ```
    ///
    /// The host is taken from the request target, or else from the `Host` header, without the port.
    /// Case does not matter; the value of a parameter is in lower case. A host that contains a `%`
    /// matches no group. A host without parameters wins over one with parameters, and both win over
    /// routes without a host, which answer if no route of the host does. For
    /// [`Path`](crate::Path), the parameters of the host come before those of the path.
    ///
    /// The client chooses the `Host` header. So a host selects a route, but it is no proof of the
    /// client's identity.
    #[must_use]
    #[track_caller]
    pub fn host(host: impl Into<String>) -> Group {
        Group { host: Some(host.into()), ..Group::at("") }
    }

    /// Restricts the group to requests that have this header with this value. Other requests go to
    /// other routes of the path; see [Conditions](mod@crate::declare::route#conditions).
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let beta = Group::at("/api").header("x-beta", "yes").route("/", get(async || "beta"));
    /// let client = App::new().group(beta).test().await;
    /// client.get("/api").header("x-beta", "yes").await.expect_text("beta");
    /// client.get("/api").header("x-beta", "no").await.expect_status(404);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Group {
        self.conditions.header(name, Some(value));
        self
    }

    /// Restricts the group to requests that have this header, with any value.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let traced = Group::at("/api").has_header("x-trace").route("/", get(async || "traced"));
    /// let client = App::new().group(traced).test().await;
    /// client.get("/api").header("x-trace", "7").await.expect_text("traced");
    /// client.get("/api").await.expect_status(404);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn has_header(mut self, name: &str) -> Group {
        self.conditions.header(name, None);
        self
    }

    /// Restricts the group to requests whose `Accept` header admits this media type.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let csv = Group::at("/export").accepts("text/csv").route("/todos", get(async || "a,b"));
    /// let client = App::new().group(csv).test().await;
    /// client.get("/export/todos").header("accept", "text/csv").await.expect_text("a,b");
    /// client.get("/export/todos").header("accept", "image/png").await.expect_status(406);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn accepts(mut self, media: &str) -> Group {
        self.conditions.accepts(media);
        self
    }

    /// Restricts the group to requests whose body has this media type, such as `application/json`
    /// or `image/*`.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let images = Group::at("/images").content_type("image/*").route("/", post(async || "kept"));
    /// let client = App::new().group(images).test().await;
    /// client.post("/images").header("content-type", "image/png").await.expect_text("kept");
    /// client.post("/images").text("hello").await.expect_status(415);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn content_type(mut self, media: &str) -> Group {
        self.conditions.content_type(media);
        self
    }

    /// Adds handlers that have an attribute: `.routes(routes![list, show])`.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/{id}")]
    /// async fn show(id: u64) -> String { format!("todo {id}") }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().group(Group::at("/todos").routes(routes![show])).test().await;
    /// client.get("/todos/7").await.expect_text("todo 7");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> Group {
        let location = Location::caller();
        self.items.extend(routes.into_iter().map(|route| GroupItem::Route(route, location)));
        self
    }

    /// Adds the handlers of one path, which is relative to the prefix.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let todos = Group::at("/todos").route("/count", get(async || "3"));
    /// App::new().group(todos).test().await.get("/todos/count").await.expect_text("3");
    /// # }
    /// ```
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
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let v1 = Group::at("/v1").route("/todos", get(async || "[]"));
    /// let client = App::new().group(Group::at("/api").group(v1)).test().await;
    /// client.get("/api/v1/todos").await.expect_text("[]");
    /// # }
    /// ```
    #[must_use]
    pub fn group(mut self, group: Group) -> Group {
        self.items.push(GroupItem::Group(group));
        self
    }

    /// Mounts a Tower service, for example an axum `Router`, under a prefix.
    ///
    /// The service sees the path without the prefix. Its errors become problems. It gets the
    /// request body without the limit of the application: the service, or a layer around it, must
    /// set its own.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let legacy = tower::service_fn(async |request: Request| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(Body::from(request.uri().to_string())))
    /// });
    /// let client = App::new().group(Group::at("/v1").mount("/legacy", legacy)).test().await;
    /// client.get("/v1/legacy/a?b").await.expect_text("/a?b");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn mount<S: Mount<B>, B>(mut self, prefix: &str, service: S) -> Group {
        let mounted = Arc::new(Mounted::new(service));
        self.items.push(GroupItem::Mount(prefix.to_owned(), mounted, Location::caller()));
        self
    }

    /// Sets the handler for paths under the prefix without a route. It runs inside the layers,
    /// guards and catchers of this group.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn no_such_call(uri: Uri) -> Problem {
    ///     Problem::not_found(format!("the API has no `{}`", uri.path()))
    /// }
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
    /// It answers at the prefix and at every path under it that has no route. It wins over a route
    /// outside of the group that matches the prefix only by a parameter, such as `/{*page}`. Of
    /// nested groups, the innermost fallback answers. A path with a route never reaches the
    /// fallback: other methods are answered with 405. The fallback of a group with conditions is
    /// for requests that fulfil them. The fallback of a group on a host comes after the routes
    /// without a host.
    ///
    /// The handler sets the status itself. Its [`Path`](crate::Path) takes the parameters of the
    /// prefix.
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

    /// Sets what happens to a path that differs from a route of this group by a slash at its end;
    /// see [`Slashes`]. Groups inside this one can set their own.
    ///
    /// ```
    /// use trine::Slashes;
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let files = Group::at("/files").slashes(Slashes::Strict).route("/list", get(async || "[]"));
    /// App::new().group(files).test().await.get("/files/list/").await.expect_status(404);
    /// # }
    /// ```
    #[must_use]
    pub fn slashes(mut self, slashes: Slashes) -> Group {
        self.slashes = Some(slashes);
        self
    }

    /// Wraps everything in this group in a layer.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn private(request: Request, next: Next) -> Response {
    ///     let mut response = next.run(request).await;
    ///     response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    ///     response
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let admin = Group::at("/admin").route("/", get(async || "42")).layer(middleware(private));
    /// let client = App::new().group(admin).test().await;
    /// client.get("/admin").await.expect_header("cache-control", "no-store");
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> Group
    where
        Layers: Attach<L>,
    {
        self.layers.attach(layer);
        self
    }

    /// Wraps everything in this group in a layer that is made at the start, from state or
    /// configuration; see [`App::layer_with`](crate::App::layer_with).
    ///
    /// ```
    /// use tower::limit::ConcurrencyLimitLayer;
    /// use trine::prelude::*;
    ///
    /// struct AtOnce(usize);
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let api = Group::at("/api")
    ///     .layer_with(|cx| Ok(ConcurrencyLimitLayer::new(cx.state::<AtOnce>()?.0)))
    ///     .route("/", get(async || "hello"));
    /// let client = App::new().state(AtOnce(64)).group(api).test().await;
    /// client.get("/api").await.expect_text("hello");
    /// # }
    /// ```
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

    /// Adds a catcher, which answers for problems of this group; see
    /// [`catch`](mod@crate::problem::catch).
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn sorry() -> &'static str { "There is no such todo." }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let todos = Group::at("/todos")
    ///     .route("/{id}", get(async || Problem::not_found("no todo")))
    ///     .catch(404, sorry);
    /// let client = App::new().group(todos).test().await;
    /// client.get("/todos/7").await.expect_status(404).expect_text("There is no such todo.");
    /// # }
    /// ```
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

    /// Adds a guard: requests reach this group only if the extractor `T` succeeds; see [`guard()`].
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let todos = Group::at("/{id}").guard::<Path<u8>>().route("/", get(async || "a todo"));
    /// let client = App::new().group(todos).test().await;
    /// client.get("/7").await.expect_text("a todo");
    /// client.get("/x").await.expect_problem(400);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn guard<T: FromRequest<Reads: LeavesBody> + 'static>(self) -> Group {
        self.layer(guard::<T>())
    }

    /// Makes the layers that are made at the start, also those inside the group.
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
