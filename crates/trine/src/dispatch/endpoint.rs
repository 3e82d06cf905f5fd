//! Endpoints: what a route leads to, a handler or a Tower service.

use std::marker::PhantomData;

use trine_core::{Cx, IntoResponse, Needs};

use crate::dispatch::declaration::DeclaredHandler;
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::handler::{Args, Handler};
use crate::problem::finish::finish_route;

/// The end of a route. It owns the request during the whole call. `cx` moves into the future as a
/// box, so the request itself is never moved.
pub(crate) trait Endpoint: Send + Sync {
    fn call(&self, cx: Box<Cx>) -> BoxResponseFuture;

    /// Collects what the endpoint needs from the application.
    fn needs(&self, needs: &mut Needs) {
        let _ = needs;
    }

    /// Whether the endpoint is a mounted service. Catchers have not seen the problems in its
    /// responses.
    fn foreign(&self) -> bool {
        false
    }

    /// Whether hyper has to perform the upgrades of the endpoint, because the service behind it
    /// knows no other upgrades.
    fn hyper_upgrades(&self) -> bool {
        false
    }
}

/// The endpoint of a handler that is a value: a function or a closure.
pub(crate) struct HandlerEndpoint<H, A, K> {
    handler: H,
    shape: PhantomData<fn() -> (A, K)>,
}

impl<H, A, K> HandlerEndpoint<H, A, K> {
    pub(crate) fn new(handler: H) -> Self {
        HandlerEndpoint { handler, shape: PhantomData }
    }
}

impl<H, A, K> Endpoint for HandlerEndpoint<H, A, K>
where
    H: Handler<A, K, Future: Send, Output: IntoResponse>,
    A: Args + 'static,
    K: 'static,
{
    fn call(&self, mut cx: Box<Cx>) -> BoxResponseFuture {
        let handler = self.handler.clone();
        Box::pin(async move {
            let response = match A::from_request(&mut cx).await {
                Ok(args) => handler.call(args).await.into_response(),
                Err(rejection) => return finish_route(rejection.into_response(), cx).await,
            };
            if response.extensions().is_empty() && cx.matched().jar().is_none() {
                cx.end();
                return response;
            }
            finish_route(response, cx).await
        })
    }

    fn needs(&self, needs: &mut Needs) {
        A::needs(needs);
    }
}

/// The endpoint of a handler that an attribute declared.
pub(crate) struct DeclaredEndpoint<T>(PhantomData<fn() -> T>);

impl<T> DeclaredEndpoint<T> {
    pub(crate) fn new() -> Self {
        DeclaredEndpoint(PhantomData)
    }
}

impl<T: DeclaredHandler> Endpoint for DeclaredEndpoint<T> {
    fn call(&self, mut cx: Box<Cx>) -> BoxResponseFuture {
        Box::pin(async move {
            match T::call(&mut cx).await {
                Ok(response)
                    if response.extensions().is_empty() && cx.matched().jar().is_none() =>
                {
                    cx.end();
                    response
                }
                Ok(response) => finish_route(response, cx).await,
                Err(rejection) => finish_route(rejection.into_response(), cx).await,
            }
        })
    }

    fn needs(&self, needs: &mut Needs) {
        T::needs(needs);
    }
}
