//! The rest of the way, as layers see it.

use std::any::Any;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header;
use tower_service::Service;
use trine_core::cx::TRACEPARENT;
use trine_core::problem::body_problem;
use trine_core::{Body, BoxError, IntoResponse, Problem, Request, Response, RouteCx};

use crate::dispatch::endpoint::Answer;
use crate::problem::catch::{Around, Head};
use crate::problem::settle::{is_due, refuse, tell};

/// What comes after a layer: the layers inside it, the guards, the handler.
///
/// It is the service that every [`tower::Layer`](tower_layer::Layer) of an application wraps, and
/// the last argument of a [`middleware`](crate::declare::middleware()) function. It takes a request
/// with any body and never fails: the errors of the layers inside it are responses already.
#[derive(Clone)]
pub struct Next(Arc<dyn Step>);

/// One step on the way.
pub(crate) trait Step: Send + Sync {
    fn run(&self, request: Request) -> Answer;
}

impl Next {
    pub(crate) fn step(step: impl Step + 'static) -> Next {
        Next(Arc::new(step))
    }

    /// Any service as a step. A [`Next`] passes through as it is.
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

    /// Passes the request on and waits for the answer.
    pub async fn run(self, request: Request) -> Response {
        self.0.run(request).await
    }

    pub(crate) fn start(&self, request: Request) -> Answer {
        self.0.run(request)
    }
}

impl<B> Service<Request<B>> for Next
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
        NeverFails(self.0.run(request.map(Body::new)))
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Next")
    }
}

/// Takes the match out of the extensions, where it rides across foreign layers.
pub(crate) fn take_route(request: &mut Request) -> RouteCx {
    request.extensions_mut().remove().unwrap_or_else(|| RouteCx::new(Arc::default(), None))
}

/// An answer on its way, as Tower wants it: a future of a `Result` that is always `Ok`.
pub struct NeverFails(pub(crate) Answer);

impl Future for NeverFails {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl std::fmt::Debug for NeverFails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NeverFails")
    }
}

/// A Tower service as a step: cloned for the request, made ready, called; its error becomes a
/// problem.
struct ServiceStep<S>(S);

impl<S, B> Step for ServiceStep<S>
where
    S: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    fn run(&self, mut request: Request) -> Answer {
        let mut service = self.0.clone();
        request.body_mut().mark_request();
        // Catchers see the request as it came to what refuses it, and a service keeps it to itself.
        let seen = Around::is_of(&request).then(|| Head::of_request(&request).into_cx());
        let accept = request.headers().get(header::ACCEPT).cloned();
        let traceparent = request.headers().get(TRACEPARENT).cloned();
        Box::pin(async move {
            // Readiness belongs to the clone that is called: a concurrency limit holds its permit
            // there.
            let ready = poll_fn(|cx| service.poll_ready(cx).map_err(Into::into)).await;
            let response = match ready {
                Ok(()) => match service.call(request).await {
                    Ok(response) => response.map(Body::new),
                    Err(error) => failed(error.into()),
                },
                Err(error) => failed(error),
            };
            match seen {
                _ if !is_due(&response) => response,
                Some(cx) => refuse(response, cx).await,
                None => tell(response, accept.as_ref(), traceparent.as_ref()),
            }
        })
    }
}

/// The problem for an error of a layer: what the body of the request has caused tells its status,
/// overloaded is 503, elapsed is 504, everything else 500.
#[cold]
pub(crate) fn failed(error: BoxError) -> Response {
    let problem = body_problem(error).unwrap_or_else(|error| {
        let status = trine_server::error_status(&error);
        Problem::new(status).source(error)
    });
    problem.into_response()
}
