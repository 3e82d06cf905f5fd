//! The application as a Tower service: outer layers, router, layers of groups and routes, endpoint.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Uri};
use tower_service::Service;
use trine_core::route::AppCx;
use trine_core::{Body, BoxError, ConnInfo, Cx, Request, Response, RouteCx, RouteMeta};
use trine_server::{MakeConnection, MakeWorker, UpgradeKind};

use crate::build::tree::Tree;
use crate::declare::layers::Layers;
use crate::dispatch::future::{BoxResponseFuture, ResponseFuture};
use crate::dispatch::next::Next;
use crate::dispatch::request_log::RequestLog;
use crate::dispatch::router::Found;
use crate::dispatch::router::index::Destination;
use crate::dispatch::router::spelling::{Spelling, check_spelling, normalized, retarget};
use crate::dispatch::router::table::Table;
use crate::dispatch::routing::{RoutingStep, RoutingTables};
use crate::problem::catch::{CatcherScope, DispatchOptions};
use crate::run::lifecycle::Lifecycle;

/// A built application, as a Tower service. It is `Clone + Send + Sync`, never fails, and takes
/// requests with any body type.
///
/// It runs on `trine-server`, on hyper, or nested in an axum `Router` (`nest_service`).
/// [`App::build`](crate::App::build) makes it.
///
/// ```
/// use tower::ServiceExt as _;
/// use trine::prelude::*;
///
/// # #[trine::main]
/// # async fn main() -> trine::Result {
/// let service = App::new().route("/", get(async || "hello")).build().await?;
/// let request = Request::get("/").body(Body::empty())?;
/// let response = service.clone().oneshot(request).await?;
/// assert_eq!(response.status(), 200);
/// service.shutdown().await
/// # }
/// ```
#[derive(Clone)]
pub struct AppService {
    dispatcher: Arc<Dispatcher>,
    /// Each worker has its own. If all workers counted references to the same value, they would
    /// compete for its cache line.
    cx: Arc<AppCx>,
    conn: Option<Arc<ConnInfo>>,
}

/// The outer layers and the routing inside them.
pub(crate) struct Dispatcher {
    routing: Arc<RoutingTables>,
    outer: Option<Next>,
    info: AppInfo,
}

/// The parts of an application that no request needs.
pub(crate) struct AppInfo {
    /// How many routes the program declared. They come first, the built-in ones follow.
    pub(crate) listed: usize,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) tree: Tree,
}

impl Dispatcher {
    /// `scope` has the catchers of the application, which enclose the outer layers.
    pub(crate) fn new(
        routing: RoutingTables,
        outer: &Layers,
        options: DispatchOptions,
        scope: Option<&Arc<CatcherScope>>,
        info: AppInfo,
    ) -> Dispatcher {
        let routing = Arc::new(routing);
        let inner = || Next::step(RoutingStep(Arc::clone(&routing)));
        let mut outer =
            (!outer.is_empty()).then(|| options.around_layers(outer.wrap(inner()), scope));
        if options.log_requests {
            let inner = outer.unwrap_or_else(inner);
            outer = Some(Next::step(RequestLog { inner, dev: options.dev }));
        }
        Dispatcher { routing, outer, info }
    }
}

impl AppService {
    pub(crate) fn new(cx: AppCx, dispatcher: Dispatcher) -> AppService {
        AppService { dispatcher: Arc::new(dispatcher), cx: Arc::new(cx), conn: None }
    }

    /// The declared routes in the order of declaration, with their locations in the source.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let app = App::new().route("/users/{id}", get(async || ""));
    /// let paths: Vec<String> =
    ///     app.build().await?.routes().map(|route| route.path.clone()).collect();
    /// assert_eq!(paths, ["/users/{id}"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn routes(&self) -> impl Iterator<Item = &RouteMeta> {
        self.cx.routes.iter().take(self.dispatcher.info.listed)
    }

    /// The tree of groups, layers and routes, with their locations in the source.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let service = App::new().route("/todos", get(async || "[]")).build().await?;
    /// assert!(service.tree().to_string().contains("GET /todos"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.dispatcher.info.tree
    }

    /// The routing table.
    pub(crate) fn table(&self) -> &Table {
        &self.dispatcher.routing.table
    }

    /// All routes by their indices: the declared routes, then the built-in ones.
    pub(crate) fn all_routes(&self) -> &[RouteMeta] {
        &self.cx.routes
    }

    /// Shuts down what runs besides requests: signals the background tasks, waits for them, then
    /// runs the hooks of [`App::on_shutdown`](crate::App::on_shutdown), once for all clones of the
    /// service. [`App::serve`](crate::App::serve) does so itself. If the service runs on another
    /// server, call this after the last request.
    ///
    /// It takes at most [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout) plus the
    /// [time of the hooks](crate::HookCx::MIN_SHUTDOWN_TIME).
    ///
    /// # Errors
    /// Returns the errors of all hooks.
    ///
    /// ```
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let service = trine::App::new().build().await?;
    /// // Serve clones of it, then:
    /// service.shutdown().await
    /// # }
    /// ```
    pub async fn shutdown(&self) -> crate::Result {
        self.dispatcher.info.lifecycle.end().await
    }

    /// Signals the shutdown to the background tasks, the event streams and every
    /// [`Shutdown`](crate::Shutdown), and returns at once. If the service runs on another server,
    /// call this when that server begins to shut down, and [`AppService::shutdown`] after its last
    /// request.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let app = App::new().task("waits", |cx| async move {
    ///     cx.shutdown().await;
    ///     Ok(())
    /// });
    /// let service = app.build().await?;
    /// service.begin_shutdown();
    /// service.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn begin_shutdown(&self) {
        self.dispatcher.info.lifecycle.begin_shutdown();
    }

    /// The route that a request with this method and target matches, if no outer layer changes the
    /// request.
    pub(crate) fn route_of(&self, method: &Method, target: &Uri) -> Option<&RouteMeta> {
        match self.dispatcher.routing.table.router.find(method, &*normalized(target)?) {
            Found::Route(Destination::Route(index) | Destination::Refusal(index), _) => {
                self.cx.routes.get(index.as_usize())
            }
            Found::Route(Destination::Choice(_), _) | Found::Nothing => None,
        }
    }

    /// The same service for requests of one connection, which the extractors of the connection
    /// read.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::testing::TestClient;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let app = App::new().route("/", get(async |conn: ConnInfo| conn.unix.to_string()));
    /// let service = app.build().await?;
    /// TestClient::new(service.on(ConnInfo::unix())).get("/").await.expect_text("true");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on(&self, conn: ConnInfo) -> AppService {
        AppService {
            dispatcher: Arc::clone(&self.dispatcher),
            cx: Arc::clone(&self.cx),
            conn: Some(Arc::new(conn)),
        }
    }

    pub(crate) fn unrouted(&self) -> RouteCx {
        RouteCx::new(Arc::clone(&self.cx), None)
    }

    #[inline]
    fn start(&self, mut head: Parts, body: Body) -> BoxResponseFuture {
        let conn = self.conn.clone().or_else(|| outer_conn(&head));
        let route = RouteCx::new(Arc::clone(&self.cx), conn);
        match &self.dispatcher.outer {
            None => self.dispatcher.routing.dispatch(Cx::boxed(head, body, route)),
            Some(outer) => {
                // A layer that protects `/admin` must not see `/%61dmin` instead.
                if let Spelling::Other(uri) = check_spelling(&head.uri) {
                    retarget(&mut head, uri);
                }
                if self.dispatcher.routing.same
                    && let Some(uri) =
                        self.dispatcher.routing.table.same(&head.method, &head.uri, &head.headers)
                {
                    retarget(&mut head, uri);
                }
                head.extensions.insert(route);
                outer.start(Request::from_parts(head, body))
            }
        }
    }
}

// An application that is mounted in another one uses the connection of the outer one.
fn outer_conn(head: &Parts) -> Option<Arc<ConnInfo>> {
    let outer: &RouteCx = head.extensions.get()?;
    outer.conn().cloned().map(Arc::new)
}

impl<B> Service<Request<B>> for AppService
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let (head, body) = request.into_parts();
        ResponseFuture(self.start(head, Body::new(body)))
    }
}

impl MakeWorker for AppService {
    type Worker = AppService;

    async fn worker(&self, index: usize) -> Result<AppService, BoxError> {
        let mut cx = AppCx::clone(&self.cx);
        // The state of worker 0 was made with the application.
        if index > 0 {
            let made = self.dispatcher.info.lifecycle.worker(index, &mut cx.states).await;
            made.map_err(|finding| finding.to_string())?;
        }
        Ok(AppService { dispatcher: Arc::clone(&self.dispatcher), cx: Arc::new(cx), conn: None })
    }
}

impl MakeConnection for AppService {
    type Service = AppService;

    fn connection(&self, info: &ConnInfo) -> AppService {
        self.on(info.clone())
    }

    fn upgrade_kind(&self, head: &Parts) -> UpgradeKind {
        if self.hyper_upgrades(head) { UpgradeKind::Hyper } else { UpgradeKind::Native }
    }

    fn extended_connect(&self) -> bool {
        let mut entries = self.dispatcher.routing.dispatch.entries.iter();
        !(cfg!(feature = "hyper-upgrade") && entries.any(|entry| entry.endpoint.hyper_upgrades()))
    }
}

impl AppService {
    /// Whether the endpoint for this head takes the upgrade type of hyper.
    fn hyper_upgrades(&self, head: &Parts) -> bool {
        let routing = &self.dispatcher.routing;
        let Some(uri) = normalized(&head.uri) else { return false };
        let mut vary = Vec::new();
        let found = routing.table.find(&head.method, &uri, &head.headers, &mut vary);
        let Found::Route(destination, _) = found else { return false };
        // Only a choice can have a fallback that takes precedence.
        if routing
            .table
            .find_fallback(&found, &head.method, &uri, &head.headers, &mut vary)
            .is_some()
        {
            return false;
        }
        let index = routing.table.choices.resolve(destination, &head.method, &head.headers);
        index
            .and_then(|index| routing.dispatch.entries.get(index.as_usize()))
            .is_some_and(|entry| entry.endpoint.hyper_upgrades())
    }
}

impl std::fmt::Debug for AppService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppService")
            .field("routes", &self.dispatcher.info.listed)
            .finish_non_exhaustive()
    }
}
