//! The application as a Tower service: outer layers, router, layers of groups and routes, endpoint.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use tower_service::Service;
use trine_core::route::AppCx;
use trine_core::{Body, BoxError, ConnInfo, Cx, Request, Response, RouteCx, RouteMeta};
use trine_server::{MakeConnection, MakeWorker};

use crate::build::Chain;
use crate::endpoint::{Answer, Endpoint};
use crate::fallback::{Malformed, NotFound};
use crate::layers::Layers;
use crate::middleware::take_route;
use crate::next::{NeverFails, Next, Step};
use crate::router::{Found, Router};

/// An application that was built: `Clone + Send + Sync`, infallible, for requests with any body.
///
/// It runs on `trine-server`, on hyper, and nested in an axum `Router` (`nest_service`).
#[derive(Clone)]
pub struct AppService {
    tables: Arc<Tables>,
    conn: Option<Arc<ConnInfo>>,
}

/// Everything that a request is looked up in.
pub(crate) struct Tables {
    cx: Arc<AppCx>,
    way: Arc<Way>,
    outer: Option<Next>,
    listed: usize,
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
        cx: Arc<AppCx>,
        router: Router,
        dispatch: Dispatch,
        fallback: Arc<dyn Endpoint>,
        listed: usize,
        outer: &Layers,
    ) -> Tables {
        let way = Arc::new(Way { router, dispatch, fallback });
        let outer = (!outer.is_empty()).then(|| outer.wrap(Next::step(OuterDone(Arc::clone(&way)))));
        Tables { cx, way, outer, listed }
    }
}

impl AppService {
    pub(crate) fn new(tables: Tables) -> AppService {
        AppService { tables: Arc::new(tables), conn: None }
    }

    /// The routes in the order of declaration, with their places in the source.
    pub fn routes(&self) -> impl Iterator<Item = &RouteMeta> {
        self.tables.cx.routes.iter().take(self.tables.listed)
    }

    /// The connection that its requests come on.
    #[must_use]
    pub fn on(&self, conn: ConnInfo) -> AppService {
        AppService { tables: Arc::clone(&self.tables), conn: Some(Arc::new(conn)) }
    }

    pub(crate) fn unrouted(&self) -> RouteCx {
        RouteCx::new(Arc::clone(&self.tables.cx), None)
    }

    #[inline]
    fn start(&self, mut head: Parts, body: Body) -> Answer {
        let conn = self.conn.clone().or_else(|| outer_conn(&head));
        let route = RouteCx::new(Arc::clone(&self.tables.cx), conn);
        match &self.tables.outer {
            None => self.tables.way.go(Cx::from_parts(head, body, route)),
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
    fn go(&self, mut cx: Cx) -> Answer {
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
        self.0.go(Cx::new(request, route))
    }
}

impl Dispatch {
    #[inline]
    fn go(&self, mut cx: Cx) -> Answer {
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
        self.go(Cx::new(request, route))
    }
}

impl MakeWorker for AppService {
    type Worker = AppService;

    async fn worker(&self, _index: usize) -> Result<AppService, BoxError> {
        Ok(self.clone())
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
        f.debug_struct("AppService").field("routes", &self.tables.listed).finish_non_exhaustive()
    }
}
