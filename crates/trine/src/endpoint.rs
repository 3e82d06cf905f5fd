//! What stands at the end of a route: a handler behind its one box, or any Tower service.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use http::HeaderValue;
use trine_core::{Cx, IntoResponse, Needs, Problem, Rejection, Response};

use crate::handler::{Args, Handler};
use crate::respond::locate_pending;

/// The one box of a request.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The end of a route. It owns the request for the whole call; `cx` goes into the box and is used where it lies.
pub(crate) trait Endpoint: Send + Sync {
    fn call(&self, cx: Box<Cx>) -> Answer;

    fn needs(&self, needs: &mut Needs) {
        let _ = needs;
    }

    /// Whether an upgrade is the affair of a service that takes hyper's own type.
    fn foreign(&self) -> bool {
        false
    }
}

/// A handler that is a value: a function or a closure.
pub(crate) struct Called<H, A, K> {
    handler: H,
    shape: PhantomData<fn() -> (A, K)>,
}

impl<H, A, K> Called<H, A, K> {
    pub(crate) fn new(handler: H) -> Self {
        Called { handler, shape: PhantomData }
    }
}

impl<H, A, K> Endpoint for Called<H, A, K>
where
    H: Handler<A, K, Future: Send, Output: IntoResponse>,
    A: Args + 'static,
    K: 'static,
{
    fn call(&self, mut cx: Box<Cx>) -> Answer {
        let handler = self.handler.clone();
        Box::pin(async move {
            let response = match A::from_request(&mut cx).await {
                Ok(args) => handler.call(args).await.into_response(),
                Err(rejection) => return told(cx, rejection.into_response()),
            };
            if response.extensions().is_empty() {
                cx.end();
                return response;
            }
            told(cx, response)
        })
    }

    fn needs(&self, needs: &mut Needs) {
        A::needs(needs);
    }
}

/// A handler that an attribute declared on a function.
pub trait DeclaredHandler: 'static {
    /// What the attribute says.
    const DECLARATION: Declaration;

    /// What its arguments need of the application.
    fn needs(needs: &mut Needs);

    /// Takes the arguments, calls the function, makes the response.
    fn call(cx: &mut Cx) -> impl Future<Output = Result<Response, Rejection>> + Send;
}

/// What an attribute such as `#[get("/")]` says, and where it stands.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The method, `None` for any.
    pub method: Option<&'static str>,
    /// The path of the template.
    pub path: &'static str,
    /// The name of the function.
    pub name: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line in it.
    pub line: u32,
    /// The doc comment.
    pub doc: Option<&'static str>,
    /// Whether the function is `#[deprecated]`.
    pub deprecated: bool,
    /// The limit of the body in bytes, where the attribute sets one.
    pub limit: Option<u64>,
}

/// The endpoint of a declared handler.
pub(crate) struct Declared<T>(PhantomData<fn() -> T>);

impl<T> Declared<T> {
    pub(crate) fn new() -> Self {
        Declared(PhantomData)
    }
}

impl<T: DeclaredHandler> Endpoint for Declared<T> {
    fn call(&self, mut cx: Box<Cx>) -> Answer {
        Box::pin(async move {
            match T::call(&mut cx).await {
                Ok(response) if response.extensions().is_empty() => {
                    cx.end();
                    response
                }
                Ok(response) => told(cx, response),
                Err(rejection) => told(cx, rejection.into_response()),
            }
        })
    }

    fn needs(&self, needs: &mut Needs) {
        T::needs(needs);
    }
}

/// An answer whose extensions may carry a problem, or a link. It has a function of its own, so that those that carry
/// nothing are not moved once more.
#[cold]
fn told(cx: Box<Cx>, response: Response) -> Response {
    let response = finish(response, &cx);
    cx.end();
    response
}

/// Renders the problem that a response carries as the client accepts it, and logs what is behind it; writes the link
/// that a response points at.
pub(crate) fn finish(response: Response, cx: &Cx) -> Response {
    if response.extensions().get::<Rendered>().is_some() {
        return response;
    }
    let mut response = locate_pending(response, cx);
    match Problem::take(&mut response) {
        None => response,
        Some(problem) => render(problem, response, cx.accept()),
    }
}

/// Marks a response whose problem has been rendered and logged. It still carries the problem, so that a layer can
/// take it and tell it in words of its own.
#[derive(Clone)]
struct Rendered;

#[cold]
fn render(problem: Problem, carrier: Response, accept: Option<&HeaderValue>) -> Response {
    log(&problem);
    let mut response = problem.render(accept);
    // What a tuple added around the problem stays: `(StatusCode, [(name, value)], Problem)`.
    *response.status_mut() = carrier.status();
    let (head, _) = carrier.into_parts();
    for (name, value) in &head.headers {
        if !response.headers().contains_key(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response.extensions_mut().extend(head.extensions);
    // Once: an outer layer of ours must not log it again.
    response.extensions_mut().insert(Rendered);
    response
}

fn log(problem: &Problem) {
    let mut causes = String::new();
    let mut cause = problem.source_error().map(|error| error as &dyn std::error::Error);
    while let Some(error) = cause {
        causes.push_str(": ");
        causes.push_str(&error.to_string());
        cause = error.source();
    }
    if problem.status().is_server_error() {
        tracing::error!(target: "trine::problem", "{problem}{causes}");
    } else {
        tracing::debug!(target: "trine::problem", "{problem}{causes}");
    }
}
