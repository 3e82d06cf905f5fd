//! The application as a Tower service: outer layers, router, layers of groups and routes, endpoint.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Method, StatusCode, Uri, header};
use smallvec::SmallVec;
use tower_service::Service;
use trine_core::problem::vary;
use trine_core::route::{AppCx, Params};
use trine_core::{
    Body, BoxError, ConnInfo, Cx, IntoResponse, Request, Response, RouteCx, RouteMeta,
};
use trine_server::{MakeConnection, MakeWorker};

use crate::build::tree::Tree;
use crate::declare::layers::Layers;
use crate::dispatch::endpoint::{Answer, Endpoint};
use crate::dispatch::fallback::NotFound;
use crate::dispatch::next::{NeverFails, Next, Step, take_route};
use crate::dispatch::request_log::{RequestLog, Seen};
use crate::dispatch::router::Found;
use crate::dispatch::router::choice::Choice;
use crate::dispatch::router::fallbacks::Fallen;
use crate::dispatch::router::index::{Destination, RouteIndex};
use crate::dispatch::router::normal::{Spelling, normal, retarget, spelt};
use crate::dispatch::router::slashes::Slashed;
use crate::dispatch::router::table::Table;
use crate::problem::catch::{Nets, Scope};
use crate::run::lifecycle::Lifecycle;

/// An application that was built: `Clone + Send + Sync`, infallible, for requests with any body.
///
/// It runs on `trine-server`, on hyper, and nested in an axum `Router` (`nest_service`).
#[derive(Clone)]
pub struct AppService {
    tables: Arc<Tables>,
    /// Of this worker: counting the references to one for all would cost each core the cache line
    /// of the others.
    cx: Arc<AppCx>,
    conn: Option<Arc<ConnInfo>>,
}

/// Everything that a request is looked up in.
pub(crate) struct Tables {
    way: Arc<Way>,
    outer: Option<Next>,
    started: Started,
}

/// What no request needs.
pub(crate) struct Started {
    /// How many of the routes were declared; the others answer to other methods.
    pub(crate) listed: usize,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) tree: Tree,
}

/// The way inside the outer layers.
pub(crate) struct Way {
    pub(crate) table: Table,
    /// Whether some routes have their path with another slash at its end too.
    pub(crate) same: bool,
    pub(crate) dispatch: Dispatch,
    pub(crate) fallback: Arc<dyn Endpoint>,
    pub(crate) malformed: Arc<dyn Endpoint>,
    /// What a request may bring that no route is for.
    pub(crate) body_limit: u64,
    /// Whether each request has a line in the log, which names its route.
    pub(crate) log_requests: bool,
    /// Whether there is nothing to it but the path: no host has routes of its own, and no line
    /// wants the route.
    pub(crate) plain: bool,
}

/// Which layered places a route lies in: at each depth the number of the child.
pub(crate) type Chain = SmallVec<[u16; 4]>;

/// A route that was built.
pub(crate) struct Entry {
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) chain: Chain,
}

/// Goes on from one layered place: to the next one of the route's chain, or to its endpoint.
pub(crate) struct Dispatch {
    pub(crate) entries: Arc<[Entry]>,
    pub(crate) depth: usize,
    pub(crate) children: Vec<Next>,
}

impl Tables {
    /// `scope` has the catchers of the application, which are around the outer layers.
    pub(crate) fn new(
        way: Way,
        outer: &Layers,
        nets: Nets,
        scope: Option<&Arc<Scope>>,
        started: Started,
    ) -> Tables {
        let way = Arc::new(way);
        let inner = || Next::step(OuterDone(Arc::clone(&way)));
        let mut outer = (!outer.is_empty()).then(|| nets.around_layers(outer.wrap(inner()), scope));
        if nets.log_requests {
            let inner = outer.unwrap_or_else(inner);
            outer = Some(Next::step(RequestLog { inner, dev: nets.dev }));
        }
        Tables { way, outer, started }
    }
}

impl AppService {
    pub(crate) fn new(cx: AppCx, tables: Tables) -> AppService {
        AppService { tables: Arc::new(tables), cx: Arc::new(cx), conn: None }
    }

    /// The routes in the order of declaration, with their places in the source.
    pub fn routes(&self) -> impl Iterator<Item = &RouteMeta> {
        self.cx.routes.iter().take(self.tables.started.listed)
    }

    /// What wraps what, with the places in the source.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tables.started.tree
    }

    /// Everything in which requests are looked up.
    pub(crate) fn table(&self) -> &Table {
        &self.tables.way.table
    }

    /// All routes, by their indices: the declared ones, then those that answer in their place.
    pub(crate) fn all_routes(&self) -> &[RouteMeta] {
        &self.cx.routes
    }

    /// Ends what runs beside the requests: tells the background tasks, waits for them, then runs
    /// the hooks of [`App::on_shutdown`](crate::App::on_shutdown), once for all clones.
    /// [`App::serve`](crate::App::serve) does it by itself; on a foreign server call it behind the
    /// last request.
    ///
    /// It takes no longer than [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout)
    /// and the [time of the hooks](crate::HookCx::MIN_SHUTDOWN_TIME).
    ///
    /// # Errors
    /// What the hooks said, all of it.
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
        self.tables.started.lifecycle.end().await
    }

    /// Tells the background tasks, the event streams, and whoever holds a
    /// [`Shutdown`](crate::Shutdown) to end, and waits for nothing. On a foreign server call it
    /// when that begins to shut down, and [`AppService::shutdown`] behind its last request.
    pub fn begin_shutdown(&self) {
        self.tables.started.lifecycle.begin_shutdown();
    }

    /// The route that a request of this method and target matches, unless an outer layer changes
    /// them.
    pub(crate) fn route_of(&self, method: &Method, target: &Uri) -> Option<&RouteMeta> {
        match self.tables.way.table.router.find(method, &*spelt(target)?) {
            Found::Route(Destination::Route(index) | Destination::Refusal(index), _) => {
                self.cx.routes.get(index.as_usize())
            }
            Found::Route(Destination::Choice(_), _) | Found::Nothing => None,
        }
    }

    /// The connection that its requests come on.
    #[must_use]
    pub fn on(&self, conn: ConnInfo) -> AppService {
        AppService {
            tables: Arc::clone(&self.tables),
            cx: Arc::clone(&self.cx),
            conn: Some(Arc::new(conn)),
        }
    }

    pub(crate) fn unrouted(&self) -> RouteCx {
        RouteCx::new(Arc::clone(&self.cx), None)
    }

    #[inline]
    fn start(&self, mut head: Parts, body: Body) -> Answer {
        let conn = self.conn.clone().or_else(|| outer_conn(&head));
        let route = RouteCx::new(Arc::clone(&self.cx), conn);
        match &self.tables.outer {
            None => self.tables.way.go(Cx::boxed(head, body, route)),
            Some(outer) => {
                // A layer that guards `/admin` must not be asked about `/%61dmin`.
                if let Spelling::Other(uri) = normal(&head.uri) {
                    retarget(&mut head, uri);
                }
                if self.tables.way.same
                    && let Some(uri) =
                        self.tables.way.table.same(&head.method, &head.uri, &head.headers)
                {
                    retarget(&mut head, uri);
                }
                head.extensions.insert(route);
                outer.start(Request::from_parts(head, body))
            }
        }
    }
}

// Mounted in another application, the connection is that one's.
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
    type Future = NeverFails;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> NeverFails {
        let (head, body) = request.into_parts();
        NeverFails(self.start(head, Body::new(body)))
    }
}

impl Way {
    #[inline]
    fn go(&self, mut cx: Box<Cx>) -> Answer {
        match normal(cx.uri()) {
            Spelling::Normal => {}
            Spelling::Other(uri) => retarget(cx.head_mut(), uri),
            Spelling::Malformed => return self.malformed.call(cx),
        }
        match self.plain {
            true => {
                let found = self.table.router.find(cx.method(), cx.uri());
                self.enter(found, cx)
            }
            false => self.look_closely(cx),
        }
    }

    #[cold]
    fn look_closely(&self, cx: Box<Cx>) -> Answer {
        let mut vary = Vec::new();
        let found = self.table.find(cx.method(), cx.uri(), cx.headers(), &mut vary);
        if let Found::Route(Destination::Route(index) | Destination::Refusal(index), _) = &found {
            self.note(*index, &cx);
        }
        varied(self.enter(found, cx), vary)
    }

    #[inline]
    fn enter(&self, found: Found, mut cx: Box<Cx>) -> Answer {
        match found {
            Found::Route(Destination::Route(index) | Destination::Refusal(index), params) => {
                match self.dispatch.entries.get(index.as_usize()) {
                    Some(entry) => {
                        cx.set_match(index.get(), params);
                        self.dispatch.enter(entry, cx)
                    }
                    None => self.lost(cx),
                }
            }
            found @ Found::Route(Destination::Choice(_), _) => self.choose(&found, cx),
            Found::Nothing => self.nothing(&Found::Nothing, cx),
        }
    }

    /// Goes on to the route whose conditions the request fulfils, where no fallback of a group goes
    /// before it.
    #[cold]
    fn choose(&self, found: &Found, cx: Box<Cx>) -> Answer {
        let mut vary = Vec::new();
        let fallen = self.table.fallen(found, cx.method(), cx.uri(), cx.headers(), &mut vary);
        let (Found::Route(destination, params), None) = (found, fallen) else {
            return self.nothing(found, cx);
        };
        let choices = &self.table.choices;
        let Some(route) = choices.resolve(*destination, cx.method(), cx.headers()) else {
            return self.lost(cx);
        };
        vary.extend(choices.get(*destination).into_iter().flat_map(Choice::vary));
        varied(self.chosen(route, params.clone(), cx), vary)
    }

    /// Nothing stands at the path: perhaps it does with another slash at its end, else a fallback
    /// answers.
    #[cold]
    fn nothing(&self, found: &Found, cx: Box<Cx>) -> Answer {
        let (method, uri, headers) = (cx.method(), cx.uri(), cx.headers());
        let mut vary = Vec::new();
        let slashed = self.table.slashed(method, uri, headers, &mut vary);
        let fallen = match slashed {
            None => self.table.fallen(found, method, uri, headers, &mut vary),
            Some(_) => None,
        };
        let answer = match (slashed, fallen) {
            (Some(slashed), _) => self.slashed(slashed, cx),
            (None, Some(Fallen { route, params })) => self.chosen(route, params, cx),
            (None, None) => self.lost(cx),
        };
        varied(answer, vary)
    }

    fn chosen(&self, route: RouteIndex, params: Params, mut cx: Box<Cx>) -> Answer {
        let Some(entry) = self.dispatch.entries.get(route.as_usize()) else { return self.lost(cx) };
        self.note(route, &cx);
        cx.set_match(route.get(), params);
        self.dispatch.enter(entry, cx)
    }

    fn lost(&self, mut cx: Box<Cx>) -> Answer {
        cx.limit_unrouted(self.body_limit);
        self.fallback.call(cx)
    }

    /// Tells the line of a request which route it is for.
    fn note(&self, route: RouteIndex, cx: &Cx) {
        if self.log_requests
            && let Some(Seen(seen)) = cx.extensions().get()
        {
            let _ = seen.set(route);
        }
    }

    fn slashed(&self, slashed: Slashed, mut cx: Box<Cx>) -> Answer {
        match slashed {
            Slashed::Redirect(location, route) => {
                self.note(route, &cx);
                cx.end();
                let head = [(header::LOCATION, location)];
                Box::pin(ready((StatusCode::PERMANENT_REDIRECT, head, ()).into_response()))
            }
            Slashed::Same(uri) => {
                retarget(cx.head_mut(), uri);
                self.go(cx)
            }
        }
    }
}

/// Inside the outer layers: routing.
struct OuterDone(Arc<Way>);

impl Step for OuterDone {
    fn run(&self, mut request: Request) -> Answer {
        let route = take_route(&mut request);
        self.0.go(Box::new(Cx::new(request, route)))
    }
}

impl Dispatch {
    #[inline]
    fn enter(&self, entry: &Entry, cx: Box<Cx>) -> Answer {
        let child =
            entry.chain.get(self.depth).and_then(|&child| self.children.get(usize::from(child)));
        match child {
            None => entry.endpoint.call(cx),
            Some(layered) => layered.start(cx.into_request()),
        }
    }
}

/// An answer that another value of these header fields might have changed.
fn varied(answer: Answer, names: Vec<HeaderName>) -> Answer {
    if names.is_empty() {
        return answer;
    }
    Box::pin(async move {
        let mut response = answer.await;
        for name in names {
            vary(response.headers_mut(), name);
        }
        response
    })
}

impl Step for Dispatch {
    fn run(&self, mut request: Request) -> Answer {
        let route = take_route(&mut request);
        let index = route.index().unwrap_or(u32::MAX) as usize;
        let cx = Box::new(Cx::new(request, route));
        match self.entries.get(index) {
            Some(entry) => self.enter(entry, cx),
            // Only who takes the match out of the extensions comes here.
            None => NotFound.call(cx),
        }
    }
}

impl MakeWorker for AppService {
    type Worker = AppService;

    async fn worker(&self, index: usize) -> Result<AppService, BoxError> {
        let mut cx = AppCx::clone(&self.cx);
        // That of worker 0 was made with the application.
        if index > 0 {
            let made = self.tables.started.lifecycle.worker(index, &mut cx.states).await;
            made.map_err(|finding| finding.to_string())?;
        }
        Ok(AppService { tables: Arc::clone(&self.tables), cx: Arc::new(cx), conn: None })
    }
}

impl MakeConnection for AppService {
    type Service = AppService;

    fn connection(&self, info: &ConnInfo) -> AppService {
        self.on(info.clone())
    }

    fn foreign_upgrade(&self, head: &Parts) -> bool {
        let way = &self.tables.way;
        let Some(uri) = spelt(&head.uri) else { return false };
        let mut vary = Vec::new();
        let found = way.table.find(&head.method, &uri, &head.headers, &mut vary);
        let Found::Route(destination, _) = found else { return false };
        // Only a choice may have a fallback that goes before it.
        if way.table.fallen(&found, &head.method, &uri, &head.headers, &mut vary).is_some() {
            return false;
        }
        let index = way.table.choices.resolve(destination, &head.method, &head.headers);
        index
            .and_then(|index| way.dispatch.entries.get(index.as_usize()))
            .is_some_and(|entry| entry.endpoint.hyper_upgrades())
    }

    fn extended_connect(&self) -> bool {
        let mut entries = self.tables.way.dispatch.entries.iter();
        !(cfg!(feature = "hyper-upgrade") && entries.any(|entry| entry.endpoint.hyper_upgrades()))
    }
}

impl std::fmt::Debug for AppService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppService")
            .field("routes", &self.tables.started.listed)
            .finish_non_exhaustive()
    }
}
