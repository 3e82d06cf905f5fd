//! Routing: the stage inside the outer layers. It finds the route of a request and passes the
//! request on to the layers of groups and to the endpoint.

use std::future::ready;
use std::sync::Arc;

use http::{HeaderName, StatusCode, header};
use smallvec::SmallVec;
use trine_core::problem::vary;
use trine_core::route::Params;
use trine_core::{Cx, IntoResponse, Request};

use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::fallback::NotFound;
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::next::{Next, Step, take_route};
use crate::dispatch::request_log::RouteIndexSlot;
use crate::dispatch::router::Found;
use crate::dispatch::router::choice::Choice;
use crate::dispatch::router::fallbacks::FallbackMatch;
use crate::dispatch::router::index::{Destination, RouteIndex};
use crate::dispatch::router::slashes::SlashMatch;
use crate::dispatch::router::spelling::{Spelling, check_spelling, retarget};
use crate::dispatch::router::table::Table;

/// Everything that routing reads.
pub(crate) struct RoutingTables {
    pub(crate) table: Table,
    /// Whether there is a route that accepts its path both with and without a trailing slash.
    pub(crate) same: bool,
    pub(crate) dispatch: GroupDispatch,
    pub(crate) fallback: Arc<dyn Endpoint>,
    pub(crate) malformed: Arc<dyn Endpoint>,
    /// The body limit of requests that no route matches, in bytes.
    pub(crate) body_limit: u64,
    /// Whether each request is logged with its route.
    pub(crate) log_requests: bool,
    /// Whether method and path alone decide: no group has a host, and requests are not logged.
    pub(crate) plain: bool,
}

/// The layered groups that enclose a route: at each depth the number of the child.
pub(crate) type Chain = SmallVec<[u16; 4]>;

/// A built route.
pub(crate) struct Entry {
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) chain: Chain,
}

/// Passes a request on from the layers of a group: to the next layered group or route around the
/// matched route, or to its endpoint.
pub(crate) struct GroupDispatch {
    pub(crate) entries: Arc<[Entry]>,
    pub(crate) depth: usize,
    pub(crate) children: Vec<Next>,
}

impl RoutingTables {
    #[inline]
    pub(crate) fn dispatch(&self, mut cx: Box<Cx>) -> BoxResponseFuture {
        match check_spelling(cx.uri()) {
            Spelling::Normal => {}
            Spelling::Other(uri) => retarget(cx.head_mut(), uri),
            Spelling::Malformed => return self.malformed.call(cx),
        }
        match self.plain {
            true => {
                let found = self.table.router.find(cx.method(), cx.uri());
                self.dispatch_found(found, cx)
            }
            false => self.dispatch_slow_path(cx),
        }
    }

    /// The slow path: hosts decide too, or the request log needs the route.
    #[cold]
    fn dispatch_slow_path(&self, cx: Box<Cx>) -> BoxResponseFuture {
        let mut vary = Vec::new();
        let found = self.table.find(cx.method(), cx.uri(), cx.headers(), &mut vary);
        if let Found::Route(Destination::Route(index) | Destination::Refusal(index), _) = &found {
            self.log_route(*index, &cx);
        }
        with_vary(self.dispatch_found(found, cx), vary)
    }

    #[inline]
    fn dispatch_found(&self, found: Found, mut cx: Box<Cx>) -> BoxResponseFuture {
        match found {
            Found::Route(Destination::Route(index) | Destination::Refusal(index), params) => {
                match self.dispatch.entries.get(index.as_usize()) {
                    Some(entry) => {
                        cx.set_match(index.get(), params);
                        self.dispatch.enter(entry, cx)
                    }
                    None => self.call_fallback(cx),
                }
            }
            found @ Found::Route(Destination::Choice(_), _) => self.dispatch_choice(&found, cx),
            Found::Nothing => self.dispatch_unmatched(&Found::Nothing, cx),
        }
    }

    /// Dispatches to the route whose conditions the request fulfils, unless the fallback of a group
    /// takes precedence.
    #[cold]
    fn dispatch_choice(&self, found: &Found, cx: Box<Cx>) -> BoxResponseFuture {
        let mut vary = Vec::new();
        let fallback =
            self.table.find_fallback(found, cx.method(), cx.uri(), cx.headers(), &mut vary);
        let (Found::Route(destination, params), None) = (found, fallback) else {
            return self.dispatch_unmatched(found, cx);
        };
        let choices = &self.table.choices;
        let Some(route) = choices.resolve(*destination, cx.method(), cx.headers()) else {
            return self.call_fallback(cx);
        };
        vary.extend(choices.get(*destination).into_iter().flat_map(Choice::vary));
        with_vary(self.dispatch_to(route, params.clone(), cx), vary)
    }

    /// No route matches. Dispatches to the path with the other trailing slash if it has a route,
    /// and otherwise to a fallback.
    #[cold]
    fn dispatch_unmatched(&self, found: &Found, cx: Box<Cx>) -> BoxResponseFuture {
        let (method, uri, headers) = (cx.method(), cx.uri(), cx.headers());
        let mut vary = Vec::new();
        let slashed = self.table.find_slash(method, uri, headers, &mut vary);
        let fallback = match slashed {
            None => self.table.find_fallback(found, method, uri, headers, &mut vary),
            Some(_) => None,
        };
        let response = match (slashed, fallback) {
            (Some(slashed), _) => self.dispatch_slash(slashed, cx),
            (None, Some(FallbackMatch { route, params })) => self.dispatch_to(route, params, cx),
            (None, None) => self.call_fallback(cx),
        };
        with_vary(response, vary)
    }

    fn dispatch_to(&self, route: RouteIndex, params: Params, mut cx: Box<Cx>) -> BoxResponseFuture {
        let Some(entry) = self.dispatch.entries.get(route.as_usize()) else {
            return self.call_fallback(cx);
        };
        self.log_route(route, &cx);
        cx.set_match(route.get(), params);
        self.dispatch.enter(entry, cx)
    }

    fn call_fallback(&self, mut cx: Box<Cx>) -> BoxResponseFuture {
        cx.limit_unrouted(self.body_limit);
        self.fallback.call(cx)
    }

    /// Stores the index of the matched route for the request log.
    fn log_route(&self, route: RouteIndex, cx: &Cx) {
        if self.log_requests
            && let Some(RouteIndexSlot(slot)) = cx.extensions().get()
        {
            let _ = slot.set(route);
        }
    }

    fn dispatch_slash(&self, slashed: SlashMatch, mut cx: Box<Cx>) -> BoxResponseFuture {
        match slashed {
            SlashMatch::Redirect(location, route) => {
                self.log_route(route, &cx);
                cx.end();
                let head = [(header::LOCATION, location)];
                Box::pin(ready((StatusCode::PERMANENT_REDIRECT, head, ()).into_response()))
            }
            SlashMatch::Same(uri) => {
                retarget(cx.head_mut(), uri);
                self.dispatch(cx)
            }
        }
    }
}

/// The stage inside the outer layers: routing.
pub(crate) struct RoutingStep(pub(crate) Arc<RoutingTables>);

impl Step for RoutingStep {
    fn run(&self, mut request: Request) -> BoxResponseFuture {
        let route = take_route(&mut request);
        self.0.dispatch(Box::new(Cx::new(request, route)))
    }
}

impl GroupDispatch {
    #[inline]
    fn enter(&self, entry: &Entry, cx: Box<Cx>) -> BoxResponseFuture {
        let child =
            entry.chain.get(self.depth).and_then(|&child| self.children.get(usize::from(child)));
        match child {
            None => entry.endpoint.call(cx),
            Some(layered) => layered.start(cx.into_request()),
        }
    }
}

/// Adds names of header fields to the `Vary` of the response.
fn with_vary(response: BoxResponseFuture, names: Vec<HeaderName>) -> BoxResponseFuture {
    if names.is_empty() {
        return response;
    }
    Box::pin(async move {
        let mut response = response.await;
        for name in names {
            vary(response.headers_mut(), name);
        }
        response
    })
}

impl Step for GroupDispatch {
    fn run(&self, mut request: Request) -> BoxResponseFuture {
        let route = take_route(&mut request);
        let index = route.index().unwrap_or(u32::MAX) as usize;
        let cx = Box::new(Cx::new(request, route));
        match self.entries.get(index) {
            Some(entry) => self.enter(entry, cx),
            // A layer removed the match from the extensions.
            None => NotFound.call(cx),
        }
    }
}
