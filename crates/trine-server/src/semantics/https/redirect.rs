//! From `http://` to `https://`.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HOST, LOCATION};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};

use crate::forwarded::{TrustedProxies, over_tls};
use crate::seam::MakeConnection;

/// A layer that answers every request without TLS with the same URL under `https://`: 308, so that
/// method and body stay.
///
/// On a listener it is one line: [`Listener::redirect_to_https`](crate::Listener::redirect_to_https),
/// or `tls_redirect` of [`ServerConfig`](crate::ServerConfig). As a layer it goes before any
/// service.
///
/// ```
/// use trine_server::https::HttpsRedirect;
///
/// let plain: axum::Router =
///     axum::Router::new().layer(HttpsRedirect::new().port(8443).hosts(["example.com", "*.example.com"]));
/// ```
///
/// # The host
/// It is that of the request, since only the client knows how it reached us; its port is replaced.
/// Whoever sends the request chooses it, but a browser takes nobody else's word for it, and the
/// answer must not be stored (`Cache-Control: no-store`), so that no cache in between hands one
/// client's host to another. With [`HttpsRedirect::hosts`] any other host is 421.
///
/// # What passes
/// What came over TLS: to a proxy of `trusted_proxies` that says so, and on the layers of a Trine
/// application to us as well. Around another service the layer does not know the connection and
/// redirects everything, so it belongs to the service of a plain port.
///
/// Paths below `/.well-known/acme-challenge/` reach the service: there an authority looks for a
/// proof over plain HTTP (RFC 8555, 8.3). The proofs of [`Acme`](crate::Acme) are shown before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsRedirect {
    port: u16,
    hosts: Vec<String>,
}

impl HttpsRedirect {
    /// To port 443, whatever the host is.
    #[must_use]
    pub fn new() -> HttpsRedirect {
        HttpsRedirect { port: 443, hosts: Vec::new() }
    }

    /// The port that clients reach TLS at. Default: 443.
    #[must_use]
    pub fn port(mut self, port: u16) -> HttpsRedirect {
        self.port = port;
        self
    }

    /// The only hosts that are redirected, without ports; `*.example.com` is one label before it.
    /// Default: any.
    #[must_use]
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> HttpsRedirect {
        self.hosts = hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect();
        self
    }

    /// The answer to a request, unless it passes.
    pub(crate) fn answer<A>(
        &self,
        request: &Request<A>,
        came: Option<&Came>,
    ) -> Option<Response<Body>> {
        let headers = request.headers();
        let secure = match came {
            Some(came) => came.secure(headers),
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

/// The target's own, else that of `Host` (RFC 9112, 3.2.2).
fn authority<A>(request: &Request<A>) -> Option<Authority> {
    let of_target = request.uri().authority().cloned();
    of_target.or_else(|| request.headers().get(HOST)?.to_str().ok()?.parse().ok()).filter(
        |authority: &Authority| !authority.host().is_empty() && !authority.as_str().contains('@'),
    )
}

fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or_default();
    let text = format!(
        "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{},\"detail\":\"{detail}\"}}",
        status.as_u16()
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

impl<S> Layer<S> for HttpsRedirect {
    type Service = HttpsRedirectService<S>;

    fn layer(&self, inner: S) -> HttpsRedirectService<S> {
        HttpsRedirectService { inner, redirect: self.clone(), came: None }
    }
}

/// What [`HttpsRedirect`] makes of a service.
#[derive(Debug, Clone)]
pub struct HttpsRedirectService<S> {
    inner: S,
    redirect: HttpsRedirect,
    came: Option<Came>,
}

/// On which connection requests come, and who is believed there.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) conn: ConnInfo,
    pub(crate) trusted: Arc<TrustedProxies>,
}

impl Came {
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
        match self.redirect.answer(&request, self.came.as_ref()) {
            Some(answer) => HttpsRedirectFuture::answered(answer),
            None => HttpsRedirectFuture::passed(self.inner.call(request)),
        }
    }
}

/// The answer of a [`HttpsRedirectService`].
#[derive(Debug)]
pub struct HttpsRedirectFuture<F>(Answer<F>);

#[derive(Debug)]
enum Answer<F> {
    Redirected(Option<Response<Body>>),
    Passed(Pin<Box<F>>),
}

impl<F> HttpsRedirectFuture<F> {
    pub(crate) fn answered(answer: Response<Body>) -> HttpsRedirectFuture<F> {
        HttpsRedirectFuture(Answer::Redirected(Some(answer)))
    }

    pub(crate) fn passed(inner: F) -> HttpsRedirectFuture<F> {
        HttpsRedirectFuture(Answer::Passed(Box::pin(inner)))
    }
}

impl<F, B, E> Future for HttpsRedirectFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<HttpsRedirectBody<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Answer::Redirected(answer) => {
                let answer = answer.take().unwrap_or_default();
                Poll::Ready(Ok(answer.map(|body| HttpsRedirectBody(Part::Ours(body)))))
            }
            Answer::Passed(inner) => {
                let passed = |body| HttpsRedirectBody(Part::Theirs(Box::pin(body)));
                inner.as_mut().poll(cx).map_ok(|response| response.map(passed))
            }
        }
    }
}

/// The body of an answer of a [`HttpsRedirectService`]: of the redirect, or of what passed.
#[derive(Debug)]
pub struct HttpsRedirectBody<B>(Part<B>);

#[derive(Debug)]
enum Part<B> {
    Ours(Body),
    Theirs(Pin<Box<B>>),
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
            Part::Ours(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Part::Theirs(body) => body.as_mut().poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Part::Ours(body) => body.is_end_stream(),
            Part::Theirs(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Part::Ours(body) => body.size_hint(),
            Part::Theirs(body) => body.size_hint(),
        }
    }
}

/// The services of a connection to a listener that redirects.
#[derive(Debug)]
pub(crate) struct Redirecting<M> {
    pub(crate) inner: M,
    pub(crate) redirect: HttpsRedirect,
    pub(crate) came: Came,
}

impl<M, T> MakeConnection for Redirecting<M>
where
    M: Deref<Target = T> + 'static,
    T: MakeConnection,
{
    type Service = HttpsRedirectService<T::Service>;

    fn connection(&self, info: &ConnInfo) -> Self::Service {
        let (redirect, came) = (self.redirect.clone(), Some(self.came.clone()));
        HttpsRedirectService { inner: self.inner.connection(info), redirect, came }
    }

    fn foreign_upgrade(&self, head: &http::request::Parts) -> bool {
        self.came.secure(&head.headers) && self.inner.foreign_upgrade(head)
    }

    fn extended_connect(&self) -> bool {
        self.inner.extended_connect()
    }
}
