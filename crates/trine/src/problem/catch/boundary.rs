//! Catches what nobody on the way can tell himself: panics, and the problems of mounted services.
//! Around layers it says which catchers are theirs.
//!
//! A net costs a box and a copy of the head for each request, so it is only spread where somebody
//! asked for what it does: where panics are to be caught, around mounted services that have
//! catchers, and everywhere under the `dev` profile.

use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri, Version, header};
use trine_core::cx::TRACEPARENT;
use trine_core::{Body, Cx, IntoResponse as _, Needs, Problem, Request, Response, RouteCx};

use super::{Around, Scope, panics};
use crate::dispatch::endpoint::{Answer, Endpoint};
use crate::dispatch::next::{Next, Step};
use crate::problem::error_page;
use crate::problem::finish::{Told, tell};

/// Where nets are spread, and whether each request is logged around all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nets {
    pub(crate) dev: bool,
    pub(crate) log_requests: bool,
}

impl Nets {
    /// Around layers.
    pub(crate) fn around_layers(self, layers: Next, scope: Option<&Arc<Scope>>) -> Next {
        match self.dev || scope.is_some() {
            true => Next::step(Net { inner: layers, mesh: self.mesh(scope) }),
            false => layers,
        }
    }

    /// Around the end of a route. A handler tells its own problems, a mounted service does not.
    pub(crate) fn around_endpoint(
        self,
        endpoint: Arc<dyn Endpoint>,
        scope: Option<&Arc<Scope>>,
    ) -> Arc<dyn Endpoint> {
        let mesh = self.mesh(scope);
        match mesh.panics || (endpoint.foreign() && scope.is_some()) {
            true => Arc::new(Net { inner: endpoint, mesh }),
            false => endpoint,
        }
    }

    fn mesh(self, scope: Option<&Arc<Scope>>) -> Mesh {
        let panics = self.dev || scope.is_some_and(|scope| scope.has_panics());
        if panics {
            panics::watch();
        }
        Mesh { scope: scope.cloned(), dev: self.dev, panics }
    }
}

struct Net<T> {
    inner: T,
    mesh: Mesh,
}

/// What a net is made of.
#[derive(Clone)]
struct Mesh {
    scope: Option<Arc<Scope>>,
    dev: bool,
    panics: bool,
}

impl Step for Net<Next> {
    fn run(&self, mut request: Request) -> Answer {
        if let Some(scope) = &self.mesh.scope {
            request.extensions_mut().insert(Around(Arc::clone(scope)));
        }
        if !self.mesh.dev && !self.mesh.panics {
            return self.inner.start(request);
        }
        let head = Head::of_request(&request);
        let answer = self.inner.start(request);
        Box::pin(self.mesh.clone().hold(answer, head))
    }
}

impl Endpoint for Net<Arc<dyn Endpoint>> {
    fn call(&self, cx: Box<Cx>) -> Answer {
        let head = Head::of_cx(&cx);
        let answer = self.inner.call(cx);
        Box::pin(self.mesh.clone().hold(answer, head))
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

impl Mesh {
    async fn hold(self, answer: Answer, head: Head) -> Response {
        let response = match self.panics {
            true => panics::caught(answer).await.unwrap_or_else(Problem::into_response),
            false => answer.await,
        };
        if !Problem::is_in(&response) {
            return response;
        }
        let response = match Told::of(&response) {
            Some(Told::Finally) => return response,
            Some(Told::Plainly) => response,
            None => tell(response, head.headers.get(header::ACCEPT), head.headers.get(TRACEPARENT)),
        };
        let catcher = self.scope.as_ref().and_then(|scope| scope.pick(Problem::of(&response)?));
        match catcher {
            Some(catcher) => catcher.answer(response, head.into_cx()).await,
            None if self.dev => error_page::show(response, &head),
            None => response,
        }
    }
}

/// A copy of a request without its body.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    extensions: Extensions,
    pub(crate) route: RouteCx,
}

impl Head {
    pub(crate) fn of_request(request: &Request) -> Head {
        let mut extensions = request.extensions().clone();
        let route = extensions.remove();
        Head {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: request.headers().clone(),
            extensions,
            route: route.unwrap_or_else(|| RouteCx::new(Arc::default(), None)),
        }
    }

    fn of_cx(cx: &Cx) -> Head {
        Head {
            method: cx.method().clone(),
            uri: cx.uri().clone(),
            version: cx.version(),
            headers: cx.headers().clone(),
            extensions: cx.extensions().clone(),
            route: cx.matched().clone(),
        }
    }

    pub(crate) fn into_cx(self) -> Box<Cx> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers;
        *request.extensions_mut() = self.extensions;
        Box::new(Cx::new(request, self.route))
    }
}
