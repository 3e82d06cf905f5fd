//! `Strict-Transport-Security` (RFC 6797).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{Entry, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use trine_core::RouteCx;

use crate::forwarded::over_tls;

/// A layer that tells browsers to come back over HTTPS only, for a time that each answer begins
/// anew.
///
/// ```
/// use std::time::Duration;
///
/// use trine_server::https::Hsts;
///
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// let router: axum::Router = axum::Router::new().layer(Hsts::new(180 * DAY).include_subdomains());
/// ```
///
/// It cannot be taken back before the time is over: begin with a short one. An answer that has the
/// field keeps its own.
///
/// On the layers of a Trine application it says nothing to clients without TLS (RFC 6797, 7.2); one
/// that speaks TLS to a proxy of `trusted_proxies` is told. Elsewhere a layer cannot know the
/// connection, and it is always said; browsers heed it over HTTPS only (RFC 6797, 8.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hsts {
    max_age: Duration,
    subdomains: bool,
    preload: bool,
    always: bool,
}

impl Hsts {
    /// For this long, counted in whole seconds. Zero makes browsers forget what was said before.
    #[must_use]
    pub fn new(max_age: Duration) -> Hsts {
        Hsts { max_age, subdomains: false, preload: false, always: false }
    }

    /// For every name below that of the request too: make sure that all of them speak HTTPS.
    #[must_use]
    pub fn include_subdomains(mut self) -> Hsts {
        self.subdomains = true;
        self
    }

    /// Agrees to be put on the lists that browsers come with. That is hard to take back.
    #[must_use]
    pub fn preload(mut self) -> Hsts {
        self.preload = true;
        self
    }

    /// To clients without TLS too: where a proxy in front ends TLS that is not in
    /// `trusted_proxies`, or does not say so.
    #[must_use]
    pub fn always(mut self) -> Hsts {
        self.always = true;
        self
    }

    fn value(&self) -> HeaderValue {
        let seconds = self.max_age.as_secs();
        let subdomains = if self.subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        // Digits and these words are always a value.
        HeaderValue::from_str(&format!("max-age={seconds}{subdomains}{preload}"))
            .unwrap_or_else(|_| HeaderValue::from_static("max-age=0"))
    }
}

impl<S> Layer<S> for Hsts {
    type Service = HstsService<S>;

    fn layer(&self, inner: S) -> HstsService<S> {
        HstsService { inner, value: self.value(), always: self.always }
    }
}

/// What [`Hsts`] makes of a service.
#[derive(Debug, Clone)]
pub struct HstsService<S> {
    inner: S,
    value: HeaderValue,
    always: bool,
}

impl<S, A, B> Service<Request<A>> for HstsService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = HstsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> HstsFuture<S::Future> {
        let route = request.extensions().get::<RouteCx>();
        let said = self.always
            || route.and_then(|route| over_tls(route, request.headers())).unwrap_or(true);
        let value = said.then(|| self.value.clone());
        HstsFuture { inner: Box::pin(self.inner.call(request)), value }
    }
}

/// The answer of a [`HstsService`].
#[derive(Debug)]
pub struct HstsFuture<F> {
    inner: Pin<Box<F>>,
    value: Option<HeaderValue>,
}

impl<F, B, E> Future for HstsFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut response = ready!(self.inner.as_mut().poll(cx))?;
        if let Some(value) = self.value.take()
            && let Entry::Vacant(place) = response.headers_mut().entry(STRICT_TRANSPORT_SECURITY)
        {
            place.insert(value);
        }
        Poll::Ready(Ok(response))
    }
}
