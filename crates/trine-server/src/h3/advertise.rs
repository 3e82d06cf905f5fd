//! Announces HTTP/3 to clients of the other HTTP versions (Alt-Svc, RFC 7838).
//!
//! This wraps the services of listeners that speak HTTP/3 too. Other listeners do not pay for it.

use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{ALT_SVC, Entry};
use http::{HeaderValue, Request, Response};
use tower_service::Service;
use trine_core::{Body, ConnInfo};

use crate::seam::{HttpService, MakeConnection, UpgradeKind};

/// Makes services whose responses announce HTTP/3.
#[derive(Debug)]
pub(crate) struct Advertise<D> {
    make: D,
    value: HeaderValue,
}

impl<D> Advertise<D> {
    /// `port` is the UDP port. Clients may remember it for a day, the default of RFC 7838, 3.1.
    pub(crate) fn new(make: D, port: u16) -> Advertise<D> {
        let value = HeaderValue::try_from(format!("h3=\":{port}\"; ma=86400"));
        Advertise { make, value: value.unwrap_or(HeaderValue::from_static("clear")) }
    }
}

impl<D, M> MakeConnection for Advertise<D>
where
    D: Deref<Target = M> + 'static,
    M: MakeConnection,
{
    type Service = Advertising<M::Service>;

    fn connection(&self, info: &ConnInfo) -> Advertising<M::Service> {
        Advertising { inner: self.make.connection(info), value: self.value.clone() }
    }

    fn upgrade_kind(&self, head: &http::request::Parts) -> UpgradeKind {
        self.make.upgrade_kind(head)
    }

    fn extended_connect(&self) -> bool {
        self.make.extended_connect()
    }
}

#[derive(Debug)]
pub(crate) struct Advertising<S> {
    inner: S,
    value: HeaderValue,
}

impl<S: HttpService> Service<Request<Body>> for Advertising<S> {
    type Response = Response<S::ResponseBody>;
    type Error = S::Error;
    type Future = AdvertisingFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> AdvertisingFuture<S::Future> {
        AdvertisingFuture { inner: Box::pin(self.inner.call(request)), value: self.value.clone() }
    }
}

/// Adds the field to the response of the service, unless the service has set it.
#[derive(Debug)]
pub(crate) struct AdvertisingFuture<F> {
    inner: Pin<Box<F>>,
    value: HeaderValue,
}

impl<F, B, E> Future for AdvertisingFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.inner.as_mut().poll(cx).map_ok(|mut response| {
            if let Entry::Vacant(entry) = response.headers_mut().entry(ALT_SVC) {
                entry.insert(self.value.clone());
            }
            response
        })
    }
}
