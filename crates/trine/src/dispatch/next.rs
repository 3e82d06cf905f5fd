//! The remaining stages of dispatch, as a layer sees them.

use std::any::Any;
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header;
use tower_service::Service;
use trine_core::cx::TRACEPARENT;
use trine_core::problem::body_problem;
use trine_core::{Body, BoxError, IntoResponse, Problem, Request, Response, RouteCx};

use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::snapshot::RequestSnapshot;
use crate::problem::catch::EnclosingCatchers;
use crate::problem::finish::render_with_catchers;
use crate::problem::render::{is_unrendered, log_and_render};

pub use crate::dispatch::future::ResponseFuture;

/// Everything inside a layer: the inner layers, the guards and the handler.
///
/// Each [`tower::Layer`](tower_layer::Layer) of an application wraps this service. A
/// [`middleware`](crate::middleware()) function gets it as its last argument. It takes a
/// request with any body type and never fails, because the errors of the inner layers have already
/// become responses.
///
/// ```
/// use trine::prelude::*;
///
/// async fn stamp(request: Request, next: Next) -> Response {
///     let mut response = next.run(request).await;
///     response.headers_mut().insert("x-stamp", HeaderValue::from_static("seen"));
///     response
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().route("/", get(async || "hello")).layer(middleware(stamp));
/// app.test().await.get("/").await.expect_text("hello").expect_header("x-stamp", "seen");
/// # }
/// ```
#[derive(Clone)]
pub struct Next(Arc<dyn Step>);

/// One stage of dispatch.
pub(crate) trait Step: Send + Sync {
    fn run(&self, request: Request) -> BoxResponseFuture;
}

impl Next {
    pub(crate) fn step(step: impl Step + 'static) -> Next {
        Next(Arc::new(step))
    }

    /// Wraps any service. A [`Next`] is returned unchanged.
    pub(crate) fn service<S, B>(service: S) -> Next
    where
        S: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
        S: Clone + Send + Sync + 'static,
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        match (&service as &dyn Any).downcast_ref::<Next>() {
            Some(next) => next.clone(),
            None => Next::step(ServiceStep(service)),
        }
    }

    /// Passes the request on and waits for the response.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// async fn only_get(request: Request, next: Next) -> Response {
    ///     if request.method() != Method::GET {
    ///         return Problem::new(StatusCode::METHOD_NOT_ALLOWED).into_response();
    ///     }
    ///     next.run(request).await
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().route("/", any(async || "hello")).layer(middleware(only_get));
    /// let client = app.test().await;
    /// client.get("/").await.expect_text("hello");
    /// client.put("/").await.expect_problem(405);
    /// # }
    /// ```
    pub async fn run(self, request: Request) -> Response {
        self.0.run(request).await
    }

    pub(crate) fn start(&self, request: Request) -> BoxResponseFuture {
        self.0.run(request)
    }
}

impl<B> Service<Request<B>> for Next
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        ResponseFuture(self.0.run(request.map(Body::new)))
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Next")
    }
}

/// Takes the matched route out of the extensions, which carry it through layers.
pub(crate) fn take_route(request: &mut Request) -> RouteCx {
    request.extensions_mut().remove().unwrap_or_else(|| RouteCx::new(Arc::default(), None))
}

/// A Tower service as a stage. It is cloned for each request, awaited until it is ready, and
/// called. Its error becomes a problem.
struct ServiceStep<S>(S);

impl<S, B> Step for ServiceStep<S>
where
    S: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    fn run(&self, mut request: Request) -> BoxResponseFuture {
        let mut service = self.0.clone();
        request.body_mut().mark_request();
        // The service consumes the request, so catchers get a copy from before the call.
        let snapshot = EnclosingCatchers::exist(&request)
            .then(|| RequestSnapshot::of_request(&request).into_cx());
        let accept = request.headers().get(header::ACCEPT).cloned();
        let traceparent = request.headers().get(TRACEPARENT).cloned();
        Box::pin(async move {
            // The clone that became ready has to be the one that is called: a concurrency limit
            // holds its permit in it.
            let ready = poll_fn(|cx| service.poll_ready(cx).map_err(Into::into)).await;
            let response = match ready {
                Ok(()) => match service.call(request).await {
                    Ok(response) => response.map(Body::new),
                    Err(error) => error_response(error.into()),
                },
                Err(error) => error_response(error),
            };
            match snapshot {
                _ if !is_unrendered(&response) => response,
                Some(cx) => render_with_catchers(response, cx).await,
                None => log_and_render(response, accept.as_ref(), traceparent.as_ref()),
            }
        })
    }
}

/// The problem for an error of a layer. An error that the request body caused has the status of
/// that error, an overloaded service is a 503, an elapsed timeout a 504, and any other error a 500.
#[cold]
pub(crate) fn error_response(error: BoxError) -> Response {
    let problem = body_problem(error).unwrap_or_else(|error| {
        let status = trine_server::error_status(&error);
        Problem::new(status).source(error)
    });
    problem.into_response()
}
