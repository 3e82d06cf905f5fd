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

/// A layer that makes browsers use only HTTPS from then on.
///
/// ```
/// use std::time::Duration;
///
/// use http::header::STRICT_TRANSPORT_SECURITY;
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
/// use trine_server::https::Hsts;
///
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// let service = service_fn(|_: Request<()>| async { Ok::<_, ()>(Response::new(())) });
/// let service = Hsts::new(180 * DAY).include_subdomains().layer(service);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let response = service.oneshot(Request::new(())).await.unwrap();
/// assert_eq!(
///     response.headers()[STRICT_TRANSPORT_SECURITY],
///     "max-age=15552000; includeSubDomains"
/// );
/// # });
/// ```
///
/// A browser remembers this for the whole time, which starts again with each response. It cannot be
/// taken back earlier, so begin with a short time. A response that already has the field keeps its
/// own value.
///
/// On the layers of a Trine application, responses to clients without TLS do not have the field
/// (RFC 6797, 7.2). Responses to a client that speaks TLS to one of the `trusted_proxies` have it.
/// Around any other service the layer does not know the connection and always adds the field.
/// Browsers ignore it without HTTPS (RFC 6797, 8.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hsts {
    max_age: Duration,
    subdomains: bool,
    preload: bool,
    always: bool,
}

impl Hsts {
    /// Browsers use HTTPS for this long, in whole seconds. Zero makes them forget an earlier value.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # use tower::{Layer, ServiceExt, service_fn};
    /// # use trine_server::https::Hsts;
    /// # let service = service_fn(|_: Request<()>| async { Ok::<_, ()>(Response::new(())) });
    /// let hsts = Hsts::new(std::time::Duration::from_secs(300));
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let response = hsts.layer(service).oneshot(Request::new(())).await.unwrap();
    /// assert_eq!(response.headers()["strict-transport-security"], "max-age=300");
    /// # });
    /// ```
    #[must_use]
    pub fn new(max_age: Duration) -> Hsts {
        Hsts { max_age, subdomains: false, preload: false, always: false }
    }

    /// Includes every subdomain of the host. Make sure that all of them speak HTTPS.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # use tower::{Layer, ServiceExt, service_fn};
    /// # use trine_server::https::Hsts;
    /// # let service = service_fn(|_: Request<()>| async { Ok::<_, ()>(Response::new(())) });
    /// let hsts = Hsts::new(std::time::Duration::from_secs(300)).include_subdomains();
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let response = hsts.layer(service).oneshot(Request::new(())).await.unwrap();
    /// let value = &response.headers()["strict-transport-security"];
    /// assert_eq!(value, "max-age=300; includeSubDomains");
    /// # });
    /// ```
    #[must_use]
    pub fn include_subdomains(mut self) -> Hsts {
        self.subdomains = true;
        self
    }

    /// Agrees to the host being added to the preload lists of browsers. That is hard to undo.
    #[must_use]
    pub fn preload(mut self) -> Hsts {
        self.preload = true;
        self
    }

    /// Adds the field to responses without TLS too. Use it behind a proxy that terminates TLS and
    /// is not one of the `trusted_proxies`, or does not forward the scheme.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use http::{Request, Response};
    /// # use tower::{Layer, ServiceExt, service_fn};
    /// # use trine_core::{ConnInfo, RouteCx};
    /// # use trine_server::https::Hsts;
    /// # let service = service_fn(|_: Request<()>| async { Ok::<_, ()>(Response::new(())) });
    /// # let mut request = Request::new(());
    /// # let connection = ConnInfo::plain(Some(([192, 0, 2, 1], 40_000).into()), None);
    /// # request.extensions_mut().insert(RouteCx::new(Arc::default(), Some(Arc::new(connection))));
    /// // The request did not arrive over TLS.
    /// let hsts = Hsts::new(std::time::Duration::from_secs(300)).always();
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let response = hsts.layer(service).oneshot(request).await.unwrap();
    /// assert!(response.headers().contains_key("strict-transport-security"));
    /// # });
    /// ```
    #[must_use]
    pub fn always(mut self) -> Hsts {
        self.always = true;
        self
    }

    fn value(&self) -> HeaderValue {
        let seconds = self.max_age.as_secs();
        let subdomains = if self.subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        // Digits and these words always form a valid value.
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

/// The service of the layer [`Hsts`].
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
        let secure = self.always
            || route.and_then(|route| over_tls(route, request.headers())).unwrap_or(true);
        let value = secure.then(|| self.value.clone());
        HstsFuture { inner: Box::pin(self.inner.call(request)), value }
    }
}

/// The future of a [`HstsService`].
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
            && let Entry::Vacant(entry) = response.headers_mut().entry(STRICT_TRANSPORT_SECURITY)
        {
            entry.insert(value);
        }
        Poll::Ready(Ok(response))
    }
}
