//! The redirect from `http://` to `https://`.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};

use crate::forwarded::{TrustedProxies, over_tls};
use crate::seam::{MakeConnection, UpgradeKind};
use crate::semantics::refusal;

/// A layer that redirects every request without TLS to the same URL under `https://`.
///
/// The status is 308, so method and body stay the same. On a listener the redirect is one line:
/// [`Listener::redirect_to_https`](crate::Listener::redirect_to_https), or `tls_redirect` of
/// [`ServerConfig`](crate::ServerConfig).
///
/// ```
/// use http::{Request, Response, StatusCode};
/// use tower::{Layer, ServiceExt, service_fn};
/// use trine_core::Body;
/// use trine_server::https::HttpsRedirect;
///
/// let service = service_fn(async |_: Request<Body>| Ok::<_, ()>(Response::new(Body::empty())));
/// let redirect = HttpsRedirect::new().port(8443).hosts(["example.com", "*.example.com"]);
/// let service = redirect.layer(service);
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let request = Request::get("/a?b").header("host", "example.com").body(Body::empty()).unwrap();
/// let response = service.oneshot(request).await.unwrap();
/// assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
/// assert_eq!(response.headers()["location"], "https://example.com:8443/a?b");
/// # });
/// ```
///
/// # The host
/// The redirect keeps the host of the request and replaces its port, because only the client knows
/// under which name it reached the server. A client can send any host. That is harmless for
/// browsers, which follow only their own redirect, and the response has `Cache-Control: no-store`,
/// so no cache passes it to another client. With [`HttpsRedirect::hosts`] any other host is a 421.
///
/// # Requests that are not redirected
/// Requests that came over TLS reach the service. That includes requests that a proxy of
/// `trusted_proxies` received over TLS, and, on the layers of a Trine application, requests that
/// reached this server over TLS. Around any other service the layer does not know the connection
/// and redirects every request, so use it only for the service of a plain port.
///
/// Paths below `/.well-known/acme-challenge/` reach the service, because a certificate authority
/// fetches its proof over plain HTTP (RFC 8555, 8.3). The proofs of [`Acme`](crate::Acme) are
/// served before this layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsRedirect {
    port: u16,
    hosts: Vec<String>,
}

impl HttpsRedirect {
    /// Redirects every host to port 443.
    ///
    /// ```
    /// use trine_server::https::HttpsRedirect;
    ///
    /// assert_eq!(HttpsRedirect::new(), HttpsRedirect::new().port(443));
    /// ```
    #[must_use]
    pub fn new() -> HttpsRedirect {
        HttpsRedirect { port: 443, hosts: Vec::new() }
    }

    /// The port at which clients reach TLS. Default: 443.
    ///
    /// ```
    /// # use http::{Request, Response};
    /// # use tower::{Layer, ServiceExt, service_fn};
    /// # use trine_core::Body;
    /// # use trine_server::https::HttpsRedirect;
    /// # let inner = async |_: Request<Body>| Ok::<_, ()>(Response::new(Body::empty()));
    /// # let inner = service_fn(inner);
    /// # let request = Request::get("http://example.com/").body(Body::empty()).unwrap();
    /// let service = HttpsRedirect::new().port(8443).layer(inner);
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let response = service.oneshot(request).await.unwrap();
    /// assert_eq!(response.headers()["location"], "https://example.com:8443/");
    /// # });
    /// ```
    #[must_use]
    pub fn port(mut self, port: u16) -> HttpsRedirect {
        self.port = port;
        self
    }

    /// Redirects only these hosts, which are given without a port. `*.example.com` matches one
    /// label in front of `example.com`. Default: any host.
    #[must_use]
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> HttpsRedirect {
        self.hosts = hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect();
        self
    }

    /// The response to a request that does not reach the service.
    pub(crate) fn response<A>(
        &self,
        request: &Request<A>,
        origin: Option<&ConnectionOrigin>,
    ) -> Option<Response<Body>> {
        let headers = request.headers();
        let secure = match origin {
            Some(origin) => origin.secure(headers),
            None => request
                .extensions()
                .get()
                .and_then(|route| over_tls(route, headers))
                .unwrap_or(false),
        };
        if secure || request.uri().path().starts_with(CHALLENGES) {
            return None;
        }
        let Some(authority) = authority(request) else {
            return Some(problem(
                StatusCode::BAD_REQUEST,
                "the request names no host to redirect to",
            ));
        };
        let host = authority.host();
        if !self.knows(host) {
            return Some(problem(
                StatusCode::MISDIRECTED_REQUEST,
                "this server does not answer for the host of the request",
            ));
        }
        let port = if self.port == 443 { String::new() } else { format!(":{}", self.port) };
        // `OPTIONS *` and CONNECT have no path.
        let rest = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let rest = if rest.starts_with('/') { rest } else { "/" };
        let Ok(location) = HeaderValue::from_str(&format!("https://{host}{port}{rest}")) else {
            return Some(problem(StatusCode::BAD_REQUEST, "the target cannot be redirected"));
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(LOCATION, location);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
    }

    fn knows(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.hosts.is_empty()
            || self.hosts.iter().any(|known| match known.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => *known == host,
            })
    }
}

impl Default for HttpsRedirect {
    fn default() -> HttpsRedirect {
        HttpsRedirect::new()
    }
}

const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// The authority of the target, or else of `Host` (RFC 9112, 3.2.2).
fn authority<A>(request: &Request<A>) -> Option<Authority> {
    let target = request.uri().authority().cloned();
    target.or_else(|| request.headers().get(HOST)?.to_str().ok()?.parse().ok()).filter(
        |authority: &Authority| !authority.host().is_empty() && !authority.as_str().contains('@'),
    )
}

fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(refusal::problem(status, detail)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, refusal::PROBLEM_JSON);
    response
}

impl<S> Layer<S> for HttpsRedirect {
    type Service = HttpsRedirectService<S>;

    fn layer(&self, inner: S) -> HttpsRedirectService<S> {
        HttpsRedirectService { inner, redirect: self.clone(), origin: None }
    }
}

/// The service of the layer [`HttpsRedirect`].
#[derive(Debug, Clone)]
pub struct HttpsRedirectService<S> {
    inner: S,
    redirect: HttpsRedirect,
    origin: Option<ConnectionOrigin>,
}

/// The connection of a request, and the proxies that may say that it came over TLS.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionOrigin {
    pub(crate) conn: ConnInfo,
    pub(crate) trusted: Arc<TrustedProxies>,
}

impl ConnectionOrigin {
    pub(crate) fn secure(&self, headers: &HeaderMap) -> bool {
        self.trusted.secure(&self.conn, headers)
    }
}

impl<S, A, B> Service<Request<A>> for HttpsRedirectService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<HttpsRedirectBody<B>>;
    type Error = S::Error;
    type Future = HttpsRedirectFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> HttpsRedirectFuture<S::Future> {
        match self.redirect.response(&request, self.origin.as_ref()) {
            Some(response) => HttpsRedirectFuture::redirected(response),
            None => HttpsRedirectFuture::inner(self.inner.call(request)),
        }
    }
}

/// The future of a [`HttpsRedirectService`].
#[derive(Debug)]
pub struct HttpsRedirectFuture<F>(State<F>);

#[derive(Debug)]
enum State<F> {
    Redirected(Option<Response<Body>>),
    Inner(Pin<Box<F>>),
}

impl<F> HttpsRedirectFuture<F> {
    pub(crate) fn redirected(response: Response<Body>) -> HttpsRedirectFuture<F> {
        HttpsRedirectFuture(State::Redirected(Some(response)))
    }

    pub(crate) fn inner(inner: F) -> HttpsRedirectFuture<F> {
        HttpsRedirectFuture(State::Inner(Box::pin(inner)))
    }
}

impl<F, B, E> Future for HttpsRedirectFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<HttpsRedirectBody<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Redirected(response) => {
                let response = response.take().unwrap_or_default();
                Poll::Ready(Ok(response.map(|body| HttpsRedirectBody(BodyKind::Redirect(body)))))
            }
            State::Inner(inner) => {
                let wrap = |body| HttpsRedirectBody(BodyKind::Inner(Box::pin(body)));
                inner.as_mut().poll(cx).map_ok(|response| response.map(wrap))
            }
        }
    }
}

/// The body of a response of a [`HttpsRedirectService`].
#[derive(Debug)]
pub struct HttpsRedirectBody<B>(BodyKind<B>);

#[derive(Debug)]
enum BodyKind<B> {
    Redirect(Body),
    Inner(Pin<Box<B>>),
}

impl<B> HttpBody for HttpsRedirectBody<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            BodyKind::Redirect(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            BodyKind::Inner(body) => body.as_mut().poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            BodyKind::Redirect(body) => body.is_end_stream(),
            BodyKind::Inner(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            BodyKind::Redirect(body) => body.size_hint(),
            BodyKind::Inner(body) => body.size_hint(),
        }
    }
}

/// Makes the services of a listener that redirects.
#[derive(Debug)]
pub(crate) struct Redirecting<M> {
    pub(crate) inner: M,
    pub(crate) redirect: HttpsRedirect,
    pub(crate) origin: ConnectionOrigin,
}

impl<M, T> MakeConnection for Redirecting<M>
where
    M: Deref<Target = T> + 'static,
    T: MakeConnection,
{
    type Service = HttpsRedirectService<T::Service>;

    fn connection(&self, info: &ConnInfo) -> Self::Service {
        let (redirect, origin) = (self.redirect.clone(), Some(self.origin.clone()));
        HttpsRedirectService { inner: self.inner.connection(info), redirect, origin }
    }

    fn upgrade_kind(&self, head: &http::request::Parts) -> UpgradeKind {
        if self.origin.secure(&head.headers) {
            self.inner.upgrade_kind(head)
        } else {
            UpgradeKind::Native
        }
    }

    fn extended_connect(&self) -> bool {
        self.inner.extended_connect()
    }
}
