//! One call of a service: the service is made ready, called, and its response awaited.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use trine_core::Body;

use crate::seam::HttpService;
use crate::seam::failure::Failure;

/// The progress of one call.
///
/// The request and the response are large. They stay in slots of the caller, and are moved only
/// once.
pub(crate) struct ServiceCall<'a, S: HttpService> {
    service: &'a mut S,
    future: Pin<&'a mut Option<S::Future>>,
}

impl<'a, S: HttpService> ServiceCall<'a, S> {
    /// `future` is an empty slot for the future of the service.
    pub(crate) fn new(
        service: &'a mut S,
        future: Pin<&'a mut Option<S::Future>>,
    ) -> ServiceCall<'a, S> {
        ServiceCall { service, future }
    }

    /// Ready when the response is in `response`, or when the service failed.
    ///
    /// The service is made ready only now that a whole head is there: an idle connection must not
    /// hold a permit of a layer.
    #[inline]
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Option<T>,
        into_request: impl FnOnce(T) -> Request<Body>,
        response: &mut Option<Response<S::ResponseBody>>,
    ) -> Poll<Result<(), Failure>> {
        if head.is_some() {
            if let Err(error) = ready!(self.service.poll_ready(cx)) {
                return Poll::Ready(Err(Failure::of(&error.into())));
            }
            let head = head.take();
            self.future.set(head.map(|head| self.service.call(into_request(head))));
        }
        let Some(future) = self.future.as_mut().as_pin_mut() else { return Poll::Pending };
        Poll::Ready(match ready!(future.poll(cx)) {
            Ok(answer) => {
                *response = Some(answer);
                Ok(())
            }
            Err(error) => Err(Failure::of(&error.into())),
        })
    }

    /// Whether the service was called.
    pub(crate) fn is_called(&self) -> bool {
        self.future.is_some()
    }

    /// Lets the service finish although its client is gone. The response is dropped.
    pub(crate) async fn finish(mut self) {
        if let Some(future) = self.future.as_mut().as_pin_mut() {
            let _ = future.await;
        }
    }
}
