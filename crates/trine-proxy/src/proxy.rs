//! The proxy as a Tower service.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;
use trine_core::client::TrustedProxies;
use trine_core::{Body, BoxError};

use crate::config::ProxyConfig;
use crate::config::health_check::HealthCheck;
use crate::config::limits::Limits;
use crate::config::options::{Balance, Forwarding, Host};
use crate::config::settings::Settings;
#[cfg(feature = "tls-core")]
use crate::connection::tls::{Tls, TlsError};
use crate::forward::{ProxyInner, forward};
use crate::request::forwarded::ClientConnection;
use crate::request::forwarded::via::Via;
use crate::upstream::health::Verdict;
#[cfg(feature = "tls-core")]
use crate::upstream::url::UpstreamProtocol;
use crate::upstream::url::{Upstream, UpstreamError};
use crate::upstream::{Node, health_check};

/// A reverse proxy: a Tower service that forwards requests to upstreams.
///
/// It can be used wherever a service can: directly under `trine-server`, in an `App`, or in an axum
/// `Router`. Clones share the connections, the health of the upstreams and the limits.
///
/// ```
/// use http::{Request, StatusCode};
/// use tower::ServiceExt as _;
/// use trine_core::Body;
/// use trine_proxy::Proxy;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), trine_proxy::UpstreamError> {
/// // The discard port: nothing listens there.
/// let proxy = Proxy::to("http://127.0.0.1:9")?;
/// let Ok(response) = proxy.oneshot(Request::new(Body::empty())).await;
/// assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
/// # Ok(())
/// # }
/// ```
///
/// Under `trine-server` and in an `App` the proxy knows the address of the client. Elsewhere a
/// layer can put a [`ConnInfo`](trine_core::ConnInfo) into the extensions of the request.
///
/// # Errors
/// The service never fails. A failure is a response: see [`Fault`](crate::Fault).
///
/// # Limits
/// See [`ProxyConfig`].
#[derive(Debug, Clone)]
pub struct Proxy(Arc<ProxyInner>);

/// The state of one upstream, as [`Proxy::status`] reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamStatus {
    /// The URL, as it was configured.
    pub url: String,
    /// Whether the upstream gets requests.
    pub healthy: bool,
    /// The number of current requests and upgraded connections, including the requests that wait.
    pub pending: usize,
    /// The number of idle HTTP/1 connections.
    pub idle: usize,
}

impl Proxy {
    /// A proxy for one upstream: `http://host[:port][/base]`, `https://…` with the feature `tls`,
    /// or `h2c://…`.
    ///
    /// ```
    /// use trine_proxy::Proxy;
    ///
    /// assert!(Proxy::to("http://127.0.0.1:9000/base").is_ok());
    /// assert!(Proxy::to("127.0.0.1:9000").is_err());
    /// ```
    ///
    /// # Errors
    /// [`UpstreamError`] if the text is not such a URL.
    pub fn to<U>(upstream: U) -> Result<Proxy, UpstreamError>
    where
        U: TryInto<Upstream, Error: Into<UpstreamError>>,
    {
        Proxy::among([upstream])
    }

    /// A proxy for several upstreams. [`Balance`] chooses the upstream of each request.
    ///
    /// ```
    /// use trine_proxy::Proxy;
    ///
    /// # fn main() -> Result<(), trine_proxy::UpstreamError> {
    /// let proxy = Proxy::among(["http://10.0.0.1:9000", "http://10.0.0.2:9000"])?;
    /// assert_eq!(proxy.status()[1].url, "http://10.0.0.2:9000");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UpstreamError`] if one of them is not the URL of an upstream, or if there is none.
    pub fn among<U>(upstreams: impl IntoIterator<Item = U>) -> Result<Proxy, UpstreamError>
    where
        U: TryInto<Upstream, Error: Into<UpstreamError>>,
    {
        let mut nodes = Vec::new();
        for upstream in upstreams {
            nodes.push(Arc::new(Node::new(upstream.try_into().map_err(Into::into)?)));
        }
        if nodes.is_empty() {
            return Err(UpstreamError::NONE);
        }
        #[cfg_attr(not(feature = "tls-core"), allow(unused_mut, reason = "TLS has settings"))]
        let mut settings = Settings::default();
        #[cfg(feature = "tls-core")]
        if nodes.iter().any(|node| node.upstream.protocol == UpstreamProtocol::Tls) {
            // An error is the cause of each failed request, until `roots` or `tls` is called.
            settings.tls = Tls::of_system();
        }
        Ok(Proxy(Arc::new(ProxyInner::new(nodes, settings))))
    }

    /// Sets the limits and timeouts. See [`ProxyConfig`] for an example.
    #[must_use]
    pub fn config(self, config: ProxyConfig) -> Proxy {
        self.with(|settings| settings.limits = Limits::new(config))
    }

    /// Sets how one of several upstreams is chosen. Default: [`Balance::RoundRobin`].
    ///
    /// ```
    /// use trine_proxy::{Balance, Proxy};
    ///
    /// # fn main() -> Result<(), trine_proxy::UpstreamError> {
    /// let proxy = Proxy::among(["http://10.0.0.1:9000", "http://10.0.0.2:9000"])?
    ///     .balance(Balance::LeastRequests);
    /// assert_eq!(proxy.status().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn balance(self, balance: Balance) -> Proxy {
        self.with(|settings| settings.balance = balance)
    }

    /// Sets the `Host` that upstreams see. Default: [`Host::Preserve`].
    ///
    /// ```
    /// # use http::{HeaderMap, Request};
    /// # use tower::ServiceExt as _;
    /// # use trine_core::Body;
    /// # use trine_proxy::{Host, Proxy};
    /// # use trine_server::{HyperUpgrades, Server, ServerConfig};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let host = async |headers: HeaderMap| headers["host"].to_str().unwrap().to_owned();
    /// # let router = axum::Router::new().route("/", axum::routing::get(host));
    /// # let config = ServerConfig { port: 0, workers: 1, ..ServerConfig::default() };
    /// # let bound = Server::new(config).bind()?;
    /// # let upstream = bound.local_addr().to_string();
    /// # tokio::spawn(bound.serve(HyperUpgrades(router)));
    /// // The upstream answers with the `Host` that it sees.
    /// let proxy = Proxy::to(format!("http://{upstream}"))?.host(Host::Upstream);
    /// let request = Request::get("/").header("host", "example.com").body(Body::empty())?;
    /// assert_eq!(proxy.oneshot(request).await?.into_body().bytes().await?, upstream);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn host(self, host: Host) -> Proxy {
        self.with(|settings| settings.host = host)
    }

    /// Sets what happens to `Forwarded` and similar fields. Default: [`Forwarding::Replace`].
    ///
    /// ```
    /// # use http::{HeaderMap, Request};
    /// # use tower::ServiceExt as _;
    /// # use trine_core::Body;
    /// # use trine_proxy::{Forwarding, Proxy};
    /// # use trine_server::{HyperUpgrades, Server, ServerConfig};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let forwarded = async |headers: HeaderMap| headers.contains_key("forwarded").to_string();
    /// # let router = axum::Router::new().route("/", axum::routing::get(forwarded));
    /// # let config = ServerConfig { port: 0, workers: 1, ..ServerConfig::default() };
    /// # let bound = Server::new(config).bind()?;
    /// # let upstream = bound.local_addr();
    /// # tokio::spawn(bound.serve(HyperUpgrades(router)));
    /// // The upstream answers whether it sees the field `Forwarded`.
    /// let proxy = Proxy::to(format!("http://{upstream}"))?.forwarding(Forwarding::Hide);
    /// let response = proxy.oneshot(Request::new(Body::empty())).await?;
    /// assert_eq!(response.into_body().bytes().await?, "false");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn forwarding(self, forwarding: Forwarding) -> Proxy {
        self.with(|settings| settings.forwarding = forwarding)
    }

    /// Sets the trusted proxies, whose `Forwarded` or `X-Forwarded-*` fields are kept. Default: the
    /// `trusted_proxies` of the application. Without an application, no proxy is trusted unless it
    /// is set here:
    ///
    /// ```
    /// use trine_core::client::{ForwardedBy, TrustedProxies};
    /// use trine_proxy::Proxy;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let trusted = TrustedProxies::new(["10.0.0.0/8".parse()?], ForwardedBy::XForwarded);
    /// let proxy = Proxy::to("http://127.0.0.1:9000")?.trust(trusted);
    /// # drop(proxy);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn trust(self, proxies: TrustedProxies) -> Proxy {
        self.with(|settings| settings.trusted = Some(proxies))
    }

    /// Sets whether upstreams get `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` in
    /// addition to `Forwarded`. Default: true.
    #[must_use]
    pub fn x_forwarded(self, enabled: bool) -> Proxy {
        self.with(|settings| settings.x_forwarded = enabled)
    }

    /// Sets the name of this proxy in `Via` (RFC 9110, 7.6.3). Default: `trine`.
    ///
    /// # Panics
    /// If the name is neither a token nor `host:port`.
    #[must_use]
    #[track_caller]
    pub fn via(self, name: &str) -> Proxy {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(&byte);
        assert!(
            !name.is_empty() && name.bytes().all(plain),
            "`{name}` cannot be the name of a proxy in `Via`: expected a token or `host:port`"
        );
        self.with(|settings| {
            if let Some(via) = Via::new(name) {
                settings.via = via;
            }
        })
    }

    /// Removes a prefix from each path that has it, in whole segments. `App::mount` and the
    /// `nest_service` of axum remove their prefix themselves. To add a prefix for upstreams, put it
    /// into their URL.
    ///
    /// ```
    /// use trine_proxy::Proxy;
    ///
    /// # fn main() -> Result<(), trine_proxy::UpstreamError> {
    /// // `/api/users` is `/v2/users` for the upstream.
    /// let proxy = Proxy::to("http://127.0.0.1:9000/v2")?.strip_prefix("/api");
    /// # drop(proxy);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn strip_prefix(self, prefix: &str) -> Proxy {
        let prefix = prefix.trim_end_matches('/');
        self.with(|settings| settings.prefix = (!prefix.is_empty()).then(|| Arc::from(prefix)))
    }

    /// Sets the request of [`Proxy::health_checks`]. See [`HealthCheck`] for an example.
    #[must_use]
    pub fn health_check(self, check: HealthCheck) -> Proxy {
        self.with(|settings| settings.health_check = Some(check))
    }

    /// Trusts only upstreams with a certificate that one of these authorities has signed, in PEM.
    /// Default: the authorities that the system trusts.
    ///
    /// ```
    /// use trine_proxy::Proxy;
    ///
    /// # fn main() -> Result<(), trine_proxy::UpstreamError> {
    /// let proxy = Proxy::to("https://internal.example")?;
    /// assert!(proxy.roots(b"no certificate").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TlsError`] if the text contains no certificate, or an invalid one.
    #[cfg(feature = "tls-core")]
    pub fn roots(self, pem: &[u8]) -> Result<Proxy, TlsError> {
        let tls = Tls::of_pem(pem)?;
        Ok(self.with(|settings| settings.tls = Ok(tls)))
    }

    /// Sets the TLS configuration for upstreams: the roots, the client certificate and the
    /// cryptography provider. The proxy replaces its ALPN protocols.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use trine_proxy::Proxy;
    /// use trine_proxy::rustls::pki_types::pem::PemObject as _;
    /// use trine_proxy::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    /// use trine_proxy::rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
    ///
    /// /// For upstreams that require a client certificate (mTLS).
    /// fn proxy(
    ///     provider: Arc<CryptoProvider>,
    ///     roots: RootCertStore,
    ///     chain: &[u8],
    ///     key: &[u8],
    /// ) -> Result<Proxy, Box<dyn std::error::Error>> {
    ///     let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
    ///     let tls = ClientConfig::builder_with_provider(provider)
    ///         .with_safe_default_protocol_versions()?
    ///         .with_root_certificates(roots)
    ///         .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?;
    ///     Ok(Proxy::to("https://internal.example")?.tls(tls))
    /// }
    /// ```
    #[cfg(feature = "tls-core")]
    #[must_use]
    pub fn tls(self, config: rustls::ClientConfig) -> Proxy {
        self.with(|settings| settings.tls = Ok(Tls::new(config)))
    }

    /// A future that runs the health checks of all upstreams. Nothing is checked unless it is
    /// spawned. Without [`Proxy::health_check`] it ends at once, and otherwise with the last clone
    /// of the proxy.
    ///
    /// ```
    /// use trine_proxy::{HealthCheck, Proxy};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), trine_proxy::UpstreamError> {
    /// let check = HealthCheck { unhealthy_after: 1, ..HealthCheck::get("/health") };
    /// // No server listens at this port.
    /// let proxy = Proxy::to("http://127.0.0.1:1")?.health_check(check);
    /// assert!(proxy.status()[0].healthy);
    /// tokio::spawn(proxy.health_checks());
    /// while proxy.status()[0].healthy {
    ///     tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn health_checks(&self) -> impl Future<Output = ()> + Send + 'static {
        let settings = Arc::clone(&self.0.settings);
        let nodes: Vec<_> = self.0.nodes.iter().map(Arc::downgrade).collect();
        async move {
            let Some(check) = settings.health_check.clone() else { return };
            let mut watches = tokio::task::JoinSet::new();
            for node in nodes {
                watches.spawn(health_check::watch(node, (*settings).clone(), check.clone()));
            }
            while watches.join_next().await.is_some() {}
        }
    }

    /// The current state of each upstream.
    ///
    /// ```
    /// use trine_proxy::Proxy;
    ///
    /// # fn main() -> Result<(), trine_proxy::UpstreamError> {
    /// let status = Proxy::to("http://127.0.0.1:9000")?.status();
    /// assert!(status[0].healthy && status[0].pending == 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> Vec<UpstreamStatus> {
        let status = |node: &Arc<Node>| UpstreamStatus {
            url: node.name.clone(),
            healthy: match node.health.verdict() {
                Verdict::Healthy | Verdict::Trial => true,
                // A single upstream is never ejected.
                Verdict::Ejected => self.0.nodes.len() == 1,
                Verdict::Down => false,
            },
            pending: node.load(),
            idle: node.pool.idle(),
        };
        self.0.nodes.iter().map(status).collect()
    }

    #[cfg(feature = "server")]
    pub(crate) fn inner(&self) -> &Arc<ProxyInner> {
        &self.0
    }

    /// The proxy with other settings. Earlier clones keep theirs.
    fn with(self, change: impl FnOnce(&mut Settings)) -> Proxy {
        let mut settings = (*self.0.settings).clone();
        change(&mut settings);
        Proxy(Arc::new(ProxyInner::new(self.0.nodes.clone(), settings)))
    }
}

impl<B> Service<Request<B>> for Proxy
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Forwarded;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Forwarded {
        Forwarded::new(&self.0, request.map(Body::new), None)
    }
}

/// The future of a response. If it is dropped, the request ends at the upstream too.
///
/// ```
/// use http::Request;
/// use tower::ServiceExt as _;
/// use trine_core::Body;
/// use trine_proxy::Proxy;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // No server listens at this port.
/// let proxy = Proxy::to("http://127.0.0.1:1")?;
/// let response = proxy.oneshot(Request::new(Body::empty())).await?;
/// assert_eq!(response.status(), 502);
/// # Ok(())
/// # }
/// ```
pub struct Forwarded(Pin<Box<dyn Future<Output = Response<Body>> + Send>>);

impl Forwarded {
    pub(crate) fn new(
        proxy: &Arc<ProxyInner>,
        request: Request<Body>,
        connection: Option<&Arc<ClientConnection>>,
    ) -> Forwarded {
        Forwarded(Box::pin(forward(Arc::clone(proxy), request, connection.map(Arc::clone))))
    }
}

impl Future for Forwarded {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl std::fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forwarded")
    }
}
