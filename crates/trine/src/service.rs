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
use trine_server::{MakeConnection, MakeWorker};

use crate::build::Chain;
use crate::endpoint::{Answer, Endpoint};
use crate::explain::{Explanation, explain};
use crate::fallback::{Malformed, NotFound};
use crate::hooks::life::Life;
use crate::layers::Layers;
use crate::middleware::take_route;
use crate::next::{NeverFails, Next, Step};
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
struct Way {
    router: Router,
    dispatch: Dispatch,
    fallback: Arc<dyn Endpoint>,
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
}

impl Tables {
    pub(crate) fn new(
        router: Router,
        dispatch: Dispatch,
        fallback: Arc<dyn Endpoint>,
        outer: &Layers,
        started: Started,
    ) -> Tables {
        let way = Arc::new(Way { router, dispatch, fallback });
        let outer = (!outer.is_empty()).then(|| outer.wrap(Next::step(OuterDone(Arc::clone(&way)))));
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
        explain(&self.tables.way.router, listed, self.tree(), method, path)
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

    /// Tells the background tasks to end, and waits for nothing.
    pub(crate) fn begin_shutdown(&self) {
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
    fn go(&self, mut cx: Box<Cx>) -> Answer {
        match self.router.find(cx.method(), cx.uri()) {
            Found::Route(index, params) => {
                cx.set_match(index, params);
                self.dispatch.go(cx)
            }
            Found::Nothing => self.fallback.call(cx),
            Found::Malformed => Malformed.call(cx),
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
    fn go(&self, mut cx: Box<Cx>) -> Answer {
        // An index that is out of range cannot be: the router and the entries were built together.
        let index = cx.matched().index().unwrap_or(u32::MAX) as usize;
        let Some(entry) = self.entries.get(index) else { return NotFound.call(cx) };
        let child = entry.chain.get(self.depth).and_then(|&child| self.children.get(usize::from(child)));
        match child {
            None => entry.endpoint.call(cx),
            Some(layered) => {
                let mut request = cx.take_request();
                request.extensions_mut().insert(cx.matched().clone());
                layered.start(request)
            }
        }
    }
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
            let made = self.tables.started.life.worker(index).await;
            cx.states = made.map_err(|finding| finding.to_string())?;
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
        match self.tables.way.router.find(&head.method, &head.uri) {
            Found::Route(index, _) => self
                .tables
                .way
                .dispatch
                .entries
                .get(index as usize)
                .is_some_and(|entry| entry.endpoint.foreign()),
            Found::Nothing | Found::Malformed => false,
        }
    }
}

impl std::fmt::Debug for AppService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppService").field("routes", &self.tables.started.listed).finish_non_exhaustive()
    }
}
