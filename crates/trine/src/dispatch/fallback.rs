//! The answers that nobody wrote: 400, 404, 405 with `Allow`, and OPTIONS.

use std::borrow::Cow;
use std::future::ready;
use std::panic::Location;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use trine_core::{Cx, IntoResponse, Problem, RouteMeta};

use crate::declare::names::function_name;
use crate::dispatch::endpoint::{Answer, Called, Endpoint};
use crate::dispatch::handler::{Args, Handler, ReadBodyOnce};
use crate::problem::settle::settle;

/// A handler for where nothing stands, of an application or a group.
pub(crate) struct Fallback {
    pub(crate) endpoint: Arc<dyn Endpoint>,
    /// The name of the handler.
    pub(crate) name: Cow<'static, str>,
    pub(crate) place: &'static Location<'static>,
}

impl Fallback {
    /// What stands before the name of the handler.
    pub(crate) const NAME: &'static str = "fallback ";

    #[track_caller]
    pub(crate) fn new<H, A, K>(handler: H) -> Fallback
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + ReadBodyOnce + 'static,
        K: 'static,
    {
        let name = function_name(std::any::type_name::<H>()).into();
        Fallback { endpoint: Arc::new(Called::new(handler)), name, place: Location::caller() }
    }
}

/// Whether somebody declared the route, and it is not one that answers where no other does.
pub(crate) fn is_declared(route: &RouteMeta) -> bool {
    route.handler != OtherMethods::NAME && !route.handler.starts_with(Fallback::NAME)
}

/// Nothing stands at the path: a 404 problem. A tunnel that nobody opens: a 501 problem.
pub(crate) struct NotFound;

impl Endpoint for NotFound {
    fn call(&self, cx: Box<Cx>) -> Answer {
        // RFC 9110 section 9.3.7: `OPTIONS *` asks about the server as a whole.
        if cx.method() == Method::OPTIONS && cx.uri().path() == "*" {
            return Box::pin(ready(StatusCode::NO_CONTENT.into_response()));
        }
        // Its target is no resource of ours, so that it is neither missing nor lacks a method (RFC
        // 9110, 9.3.6 and 9.1).
        if cx.method() == Method::CONNECT && cx.uri().path().is_empty() {
            let problem =
                Problem::new(StatusCode::NOT_IMPLEMENTED).detail("this server opens no tunnels");
            return answer(cx, problem);
        }
        let detail = format!("nothing stands at `{}`", cx.uri().path());
        answer(cx, Problem::not_found(detail))
    }
}

/// The path is not valid percent-encoding: a 400 problem.
pub(crate) struct Malformed;

impl Endpoint for Malformed {
    fn call(&self, cx: Box<Cx>) -> Answer {
        let detail = format!(
            "path: expected two hexadecimal digits after each `%`, got `{}`",
            cx.uri().path()
        );
        answer(cx, Problem::bad_request(detail))
    }
}

/// The path has no handler for the method: OPTIONS is answered, everything else is a 405 problem.
pub(crate) struct OtherMethods {
    allow: HeaderValue,
    text: String,
}

impl OtherMethods {
    /// What stands in the place of a handler's name.
    pub(crate) const NAME: &'static str = "other methods";

    pub(crate) fn new(allow: &str) -> OtherMethods {
        let value = HeaderValue::from_str(allow).unwrap_or(HeaderValue::from_static(""));
        OtherMethods { allow: value, text: allow.to_owned() }
    }
}

impl Endpoint for OtherMethods {
    fn call(&self, cx: Box<Cx>) -> Answer {
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
        answer(cx, problem.header(header::ALLOW, self.allow.clone()))
    }
}

fn answer(cx: Box<Cx>, problem: Problem) -> Answer {
    settle(problem.into_response(), cx)
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.name, self.place)
    }
}
