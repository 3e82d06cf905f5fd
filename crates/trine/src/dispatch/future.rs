//! The futures of responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use trine_core::Response;

/// The boxed future of a response, the one allocation that dispatch makes per request.
pub(crate) type BoxResponseFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The future of a response as Tower services return it. Its output is always `Ok`.
pub struct ResponseFuture(pub(crate) BoxResponseFuture);

impl Future for ResponseFuture {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl std::fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponseFuture")
    }
}
