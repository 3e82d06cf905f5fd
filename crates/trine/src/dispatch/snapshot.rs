//! A copy of a request without its body.

use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Uri, Version};
use trine_core::{Body, Cx, Request, RouteCx};

/// A copy of a request without its body, taken before a service or a handler consumes the request.
/// Catchers and the error page read it.
pub(crate) struct RequestSnapshot {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    extensions: Extensions,
    pub(crate) route: RouteCx,
}

impl RequestSnapshot {
    pub(crate) fn of_request(request: &Request) -> RequestSnapshot {
        let mut extensions = request.extensions().clone();
        let route = extensions.remove();
        RequestSnapshot {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: request.headers().clone(),
            extensions,
            route: route.unwrap_or_else(|| RouteCx::new(Arc::default(), None)),
        }
    }

    pub(crate) fn of_cx(cx: &Cx) -> RequestSnapshot {
        RequestSnapshot {
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
