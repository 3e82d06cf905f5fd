//! The application as a Tower service: outer layers, router, layers of groups and routes, endpoint.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Uri};
use tower_service::Service;
use trine_core::problem::vary;
use trine_core::route::AppCx;
use trine_core::{Body, BoxError, ConnInfo, Cx, Request, Response, RouteCx, RouteMeta};
use trine_server::{MakeConnection, MakeWorker};

use crate::build::Chain;
use crate::catch::{Nets, Scope};
use crate::endpoint::{Answer, Endpoint};
use crate::explain::{Explanation, explain};
use crate::fallback::NotFound;
use crate::hooks::life::Life;
use crate::layers::Layers;
use crate::middleware::take_route;
use crate::next::{NeverFails, Next, Step};
use crate::request_log::{RequestLog, Seen};
use crate::router::choice::Choices;
use crate::router::host::Hosts;
use crate::router::{Found, Router};
use crate::tree::Tree;

/// An application that was built: `Clone + Send + Sync`, infallible, for requests with any body.
///
/// It runs on `trine-server`, on hyper, and nested in an axum `Router` (`nest_service`).
#[derive(Clone)]
pub struct AppService {
    tables: Arc<Tables>,
    /// Of this worker: counting the references to one for all would cost each core the cache line of the others.
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
    pub(crate) life: Life,
    pub(crate) tree: Tree,
}

/// The way inside the outer layers.
pub(crate) struct Way {
    pub(crate) router: Router,
    /// Where groups have hosts, their routes.
    pub(crate) hosts: Option<Box<Hosts>>,
    pub(crate) dispatch: Dispatch,
    pub(crate) fallback: Arc<dyn Endpoint>,
    pub(crate) malformed: Arc<dyn Endpoint>,
}

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
    /// The paths at which conditions decide. Only the outermost place has them.
    pub(crate) choices: Choices,
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
        let log_requests = nets.log_requests;
        let inner = || Next::step(OuterDone { way: Arc::clone(&way), log_requests });
        let mut outer = (!outer.is_empty()).then(|| nets.around_layers(outer.wrap(inner()), scope));
        if log_requests {
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

    /// Says what becomes of a request, and for each route why it does or does not answer.
    ///
    /// # Errors
    /// When the method or the path cannot be those of a request.
    pub fn explain(&self, method: &str, path: &str) -> crate::Result<Explanation> {
        let listed = &self.cx.routes[..self.tables.started.listed];
        let way = &self.tables.way;
        let none = HeaderMap::new();
        let find =
            |method: &Method, uri: &Uri| way.dispatch.choices.settle(way.find(method, uri, &none), method);
        explain(find, listed, self.tree(), method, path)
    }

    /// Ends what runs beside the requests: tells the background tasks, waits for them, then runs the hooks of
    /// [`App::on_shutdown`](crate::App::on_shutdown), once for all clones. [`App::serve`](crate::App::serve) does it
    /// by itself; on a foreign server call it behind the last request.
    ///
    /// It takes no longer than [`shutdown_timeout`](trine_server::ServerConfig::shutdown_timeout) and the
    /// [time of the hooks](crate::HookCx::AT_LEAST).
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
        self.tables.started.life.end().await
    }

    /// Tells the background tasks, the event streams, and whoever holds a [`Shutdown`](crate::Shutdown) to end, and waits
    /// for nothing. On a foreign server call it when that begins to shut down, and [`AppService::shutdown`] behind its
    /// last request.
    pub fn begin_shutdown(&self) {
        self.tables.started.life.begin_end();
    }

    /// The route that a request of this method and target matches, unless an outer layer changes them.
    pub(crate) fn route_of(&self, method: &Method, target: &Uri) -> Option<&RouteMeta> {
        match self.tables.way.router.find(method, target) {
            Found::Route(index, _) => self.cx.routes.get(index as usize),
            Found::Nothing | Found::Malformed => None,
        }
    }

    /// The connection that its requests come on.
    #[must_use]
    pub fn on(&self, conn: ConnInfo) -> AppService {
        AppService { tables: Arc::clone(&self.tables), cx: Arc::clone(&self.cx), conn: Some(Arc::new(conn)) }
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
    fn go(&self, cx: Box<Cx>) -> Answer {
        match &self.hosts {
            None => self.enter(cx),
            Some(hosts) => {
                let choices = &self.dispatch.choices;
                let names = hosts.deciding(&self.router, choices, cx.method(), cx.uri(), cx.headers());
                varied(self.enter(cx), names)
            }
        }
    }

    #[inline]
    fn enter(&self, mut cx: Box<Cx>) -> Answer {
        match self.find(cx.method(), cx.uri(), cx.headers()) {
            Found::Route(index, params) => {
                cx.set_match(index, params);
                self.dispatch.go(cx)
            }
            Found::Nothing => self.fallback.call(cx),
            Found::Malformed => self.malformed.call(cx),
        }
    }

    /// Tells the line of a request which route it is for.
    #[cold]
    fn note(&self, cx: &Cx) {
        if let Some(Seen(seen)) = cx.extensions().get()
            && let Found::Route(index, _) = self.find(cx.method(), cx.uri(), cx.headers())
        {
            let index = self.dispatch.choices.resolve(index, cx.method(), cx.headers());
            let _ = seen.set(index);
        }
    }

    #[inline]
    fn find(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Found {
        match &self.hosts {
            None => self.router.find(method, uri),
            Some(hosts) => hosts.find(&self.router, &self.dispatch.choices, method, uri, headers),
        }
    }
}

/// Inside the outer layers: routing.
struct OuterDone {
    way: Arc<Way>,
    log_requests: bool,
}

impl Step for OuterDone {
    fn run(&self, mut request: Request) -> Answer {
        let route = take_route(&mut request);
        let cx = Box::new(Cx::new(request, route));
        if self.log_requests {
            self.way.note(&cx);
        }
        self.way.go(cx)
    }
}

impl Dispatch {
    #[inline]
    fn go(&self, cx: Box<Cx>) -> Answer {
        // An index that is out of range is a choice: the router and the entries were built together.
        let index = cx.matched().index().unwrap_or(u32::MAX) as usize;
        let Some(entry) = self.entries.get(index) else { return self.choose(cx) };
        let child = entry.chain.get(self.depth).and_then(|&child| self.children.get(usize::from(child)));
        match child {
            None => entry.endpoint.call(cx),
            Some(layered) => layered.start(cx.into_request()),
        }
    }
}

impl Dispatch {
    /// Goes on to the route whose conditions the request fulfils.
    #[cold]
    fn choose(&self, mut cx: Box<Cx>) -> Answer {
        let index = cx.matched().index().unwrap_or(u32::MAX);
        let Some(choice) = self.choices.get(index) else { return NotFound.call(cx) };
        let route = choice.pick(cx.method(), cx.headers()).unwrap_or(choice.otherwise);
        let params = cx.matched().params().clone();
        cx.set_match(route, params);
        let names = choice.vary().collect();
        varied(self.go(cx), names)
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
        self.go(Box::new(Cx::new(request, route)))
    }
}

impl MakeWorker for AppService {
    type Worker = AppService;

    async fn worker(&self, index: usize) -> Result<AppService, BoxError> {
        let mut cx = AppCx::clone(&self.cx);
        // That of worker 0 was made with the application.
        if index > 0 {
            let made = self.tables.started.life.worker(index, &mut cx.states).await;
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
        let Found::Route(mut index, _) = way.find(&head.method, &head.uri, &head.headers) else {
            return false;
        };
        if let Some(choice) = way.dispatch.choices.get(index) {
            index = choice.pick(&head.method, &head.headers).unwrap_or(choice.otherwise);
        }
        way.dispatch.entries.get(index as usize).is_some_and(|entry| entry.endpoint.hyper_upgrades())
    }

    fn extended_connect(&self) -> bool {
        let mut entries = self.tables.way.dispatch.entries.iter();
        !(cfg!(feature = "hyper-upgrade") && entries.any(|entry| entry.endpoint.hyper_upgrades()))
    }
}

impl std::fmt::Debug for AppService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppService").field("routes", &self.tables.started.listed).finish_non_exhaustive()
    }
}
