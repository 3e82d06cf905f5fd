//! Endpoints for requests that no declared route matches: the fallbacks of the program, and the
//! built-in 400, 404, 405 with `Allow`, and responses to OPTIONS.

use std::borrow::Cow;
use std::future::ready;
use std::panic::Location;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use trine_core::{Cx, IntoResponse, Problem};

use crate::declare::names::function_name;
use crate::dispatch::endpoint::{Endpoint, HandlerEndpoint};
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::handler::{Args, Handler, ReadBodyOnce};
use crate::problem::finish::finish_route;

/// The handler of an application or a group for requests that no route matches.
pub(crate) struct Fallback {
    pub(crate) endpoint: Arc<dyn Endpoint>,
    /// The name of the handler.
    pub(crate) name: Cow<'static, str>,
    pub(crate) location: &'static Location<'static>,
}

impl Fallback {
    #[track_caller]
    pub(crate) fn new<H, A, K>(handler: H) -> Fallback
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + ReadBodyOnce + 'static,
        K: 'static,
    {
        let name = function_name(std::any::type_name::<H>()).into();
        Fallback {
            endpoint: Arc::new(HandlerEndpoint::new(handler)),
            name,
            location: Location::caller(),
        }
    }
}

/// Responds to a path without a route: a 404 problem, or a 501 problem to a request for a tunnel.
pub(crate) struct NotFound;

impl Endpoint for NotFound {
    fn call(&self, cx: Box<Cx>) -> BoxResponseFuture {
        // RFC 9110, section 9.3.7: `OPTIONS *` asks about the server as a whole.
        if cx.method() == Method::OPTIONS && cx.uri().path() == "*" {
            return Box::pin(ready(StatusCode::NO_CONTENT.into_response()));
        }
        // The target of a CONNECT is another server, so neither 404 nor 405 fits (RFC 9110,
        // sections 9.3.6 and 9.1).
        if cx.method() == Method::CONNECT && cx.uri().path().is_empty() {
            let problem =
                Problem::new(StatusCode::NOT_IMPLEMENTED).detail("this server opens no tunnels");
            return respond(cx, problem);
        }
        let detail = format!("no route matches `{}`", cx.uri().path());
        respond(cx, Problem::not_found(detail))
    }
}

/// Responds to a path with invalid percent-encoding: a 400 problem.
pub(crate) struct Malformed;

impl Endpoint for Malformed {
    fn call(&self, cx: Box<Cx>) -> BoxResponseFuture {
        let detail = format!(
            "path: expected two hexadecimal digits after each `%`, got `{}`",
            cx.uri().path()
        );
        respond(cx, Problem::bad_request(detail))
    }
}

/// Responds to the undeclared methods of a path: a 405 problem, or the allowed methods to OPTIONS.
pub(crate) struct OtherMethods {
    allow: HeaderValue,
    text: String,
}

impl OtherMethods {
    pub(crate) fn new(allow: &str) -> OtherMethods {
        let value = HeaderValue::from_str(allow).unwrap_or(HeaderValue::from_static(""));
        OtherMethods { allow: value, text: allow.to_owned() }
    }
}

impl Endpoint for OtherMethods {
    fn call(&self, cx: Box<Cx>) -> BoxResponseFuture {
        if cx.method() == Method::OPTIONS {
            let response =
                (StatusCode::NO_CONTENT, [(header::ALLOW, self.allow.clone())], ()).into_response();
            return Box::pin(ready(response));
        }
        let detail = format!(
            "`{}` has no handler for {}; it has {}",
            cx.uri().path(),
            cx.method(),
            self.text
        );
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED).detail(detail);
        respond(cx, problem.header(header::ALLOW, self.allow.clone()))
    }
}

fn respond(cx: Box<Cx>, problem: Problem) -> BoxResponseFuture {
    finish_route(problem.into_response(), cx)
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.name, self.location)
    }
}
