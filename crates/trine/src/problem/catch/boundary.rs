//! Problem boundaries: they handle panics and the problems of mounted services, which the code
//! inside them cannot handle itself. Around layers, a boundary also attaches to the request the
//! catchers that enclose the layers.
//!
//! A boundary costs an allocation and a copy of the request head per request. It is only added
//! where it is needed: where a catcher handles panics, around mounted services that have catchers,
//! and everywhere under the `dev` profile.

use std::sync::Arc;

use http::header;
use trine_core::cx::TRACEPARENT;
use trine_core::{Cx, IntoResponse as _, Needs, Problem, Request, Response};

use super::panics;
use super::scope::{CatcherScope, EnclosingCatchers};
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::next::{Next, Step};
use crate::dispatch::snapshot::RequestSnapshot;
use crate::problem::error_page;
use crate::problem::render::{Rendered, log_and_render};

/// The options that decide where boundaries are put, and whether each request is logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DispatchOptions {
    pub(crate) dev: bool,
    pub(crate) log_requests: bool,
}

impl DispatchOptions {
    /// Puts a boundary around layers, if one is needed.
    pub(crate) fn around_layers(self, layers: Next, scope: Option<&Arc<CatcherScope>>) -> Next {
        match self.dev || scope.is_some() {
            true => Next::step(Boundary { inner: layers, handling: self.handling(scope) }),
            false => layers,
        }
    }

    /// Puts a boundary around the end of a route, if one is needed. A handler renders its own
    /// problems, a mounted service does not.
    pub(crate) fn around_endpoint(
        self,
        endpoint: Arc<dyn Endpoint>,
        scope: Option<&Arc<CatcherScope>>,
    ) -> Arc<dyn Endpoint> {
        let handling = self.handling(scope);
        match handling.catches_panics || (endpoint.foreign() && scope.is_some()) {
            true => Arc::new(Boundary { inner: endpoint, handling }),
            false => endpoint,
        }
    }

    fn handling(self, scope: Option<&Arc<CatcherScope>>) -> Handling {
        let catches_panics = self.dev || scope.is_some_and(|scope| scope.has_panics());
        if catches_panics {
            panics::watch();
        }
        Handling { scope: scope.cloned(), dev: self.dev, catches_panics }
    }
}

struct Boundary<T> {
    inner: T,
    handling: Handling,
}

/// How a boundary handles panics and problems.
#[derive(Clone)]
struct Handling {
    scope: Option<Arc<CatcherScope>>,
    dev: bool,
    catches_panics: bool,
}

impl Step for Boundary<Next> {
    fn run(&self, mut request: Request) -> BoxResponseFuture {
        if let Some(scope) = &self.handling.scope {
            request.extensions_mut().insert(EnclosingCatchers(Arc::clone(scope)));
        }
        if !self.handling.dev && !self.handling.catches_panics {
            return self.inner.start(request);
        }
        let snapshot = RequestSnapshot::of_request(&request);
        let response = self.inner.start(request);
        Box::pin(self.handling.clone().handle(response, snapshot))
    }
}

impl Endpoint for Boundary<Arc<dyn Endpoint>> {
    fn call(&self, cx: Box<Cx>) -> BoxResponseFuture {
        let snapshot = RequestSnapshot::of_cx(&cx);
        let response = self.inner.call(cx);
        Box::pin(self.handling.clone().handle(response, snapshot))
    }

    fn needs(&self, needs: &mut Needs) {
        self.inner.needs(needs);
    }

    fn foreign(&self) -> bool {
        self.inner.foreign()
    }

    fn hyper_upgrades(&self) -> bool {
        self.inner.hyper_upgrades()
    }
}

impl Handling {
    async fn handle(self, response: BoxResponseFuture, request: RequestSnapshot) -> Response {
        let response = match self.catches_panics {
            true => panics::catch(response, self.dev).await.unwrap_or_else(Problem::into_response),
            false => response.await,
        };
        if !Problem::is_in(&response) {
            return response;
        }
        let response = match Rendered::of(&response) {
            Some(Rendered::Final) => return response,
            Some(Rendered::Default) => response,
            None => {
                let headers = &request.headers;
                log_and_render(response, headers.get(header::ACCEPT), headers.get(TRACEPARENT))
            }
        };
        let catcher = self.scope.as_ref().and_then(|scope| scope.pick(Problem::of(&response)?));
        match catcher {
            Some(catcher) => catcher.respond(response, request.into_cx()).await,
            None if self.dev => error_page::show(response, &request),
            None => response,
        }
    }
}
