//! The service.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};
use trine_server::{MakeConnection, MakeWorker, TrustedProxies};

use crate::config::ProxyConfig;
use crate::config::settings::Settings;
use crate::forward::forward;
use crate::request::forwarded::{Caller, Forwarding, Via};
use crate::retry::Budget;
use crate::upstream::balance::Balance;
use crate::upstream::health::Verdict;
use crate::upstream::health_check::{self, HealthCheck};
use crate::upstream::{Node, Upstream, UpstreamError};

/// A reverse proxy: a Tower service that passes requests on to upstreams.
///
/// It mounts wherever a service does: under `trine-server` directly, in an `App`, in an axum
/// `Router`. Clones share connections, health and limits.
///
/// ```no_run
/// use trine_proxy::Proxy;
/// use trine_server::{Server, ServerConfig};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let proxy = Proxy::to("http://127.0.0.1:9000")?;
/// Server::new(ServerConfig::default()).bind()?.serve(proxy).await?;
/// # Ok(())
/// # }
/// ```
///
/// Given to the server as it is, or mounted in an `App`, it knows the address of the client;
/// elsewhere a layer can put [`ConnInfo`] into the extensions of the request.
///
/// # Errors
/// It never fails: what goes wrong is an answer, see [`Fault`](crate::Fault).
///
/// # Limits
/// All of [`ProxyConfig`].
#[derive(Debug, Clone)]
pub struct Proxy(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) turn: AtomicUsize,
    pub(crate) budget: Budget,
    pub(crate) settings: Arc<Settings>,
}

/// The `Host` that an upstream sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Host {
    /// The client's: links, cookies and checks of the origin come out right.
    #[default]
    Preserve,
    /// That of the upstream's URL, as servers of many names want it.
    Upstream,
}

/// An upstream as [`Proxy::status`] shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamStatus {
    /// Its URL, as it was configured.
    pub url: String,
    /// Whether requests go to it.
    pub healthy: bool,
    /// Requests and upgraded connections that it has at this moment, and those that wait for it.
    pub pending: usize,
    /// HTTP/1 connections that wait for a request.
    pub idle: usize,
}

impl Proxy {
    /// To one upstream: `http://host[:port][/base]`, `https://…` with the feature `tls`, `h2c://…`.
    ///
    /// # Errors
    /// When it is not a URL of this kind. The error says what is wrong with it.
    pub fn to<U>(upstream: U) -> Result<Proxy, UpstreamError>
    where
        U: TryInto<Upstream, Error: Into<UpstreamError>>,
    {
        Proxy::among([upstream])
    }

    /// To several, among which each request finds one, see [`Balance`].
    ///
    /// ```
    /// use trine_proxy::{Balance, Proxy};
    ///
    /// # fn main() -> Result<(), trine_proxy::UpstreamError> {
    /// let proxy = Proxy::among(["http://10.0.0.1:9000", "http://10.0.0.2:9000"])?
    ///     .balance(Balance::LeastRequests);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When one is not the URL of an upstream, or there is none.
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
        if nodes.iter().any(|node| node.upstream.protocol == crate::upstream::Protocol::Tls) {
            // Without roots of the system, `roots` must give some; until then no upstream is
            // trusted.
            settings.tls = crate::connection::tls::Tls::of_system().ok();
        }
        Ok(Proxy(Arc::new(Inner::new(nodes, settings))))
    }

    /// Sets limits and timeouts.
    #[must_use]
    pub fn config(self, config: ProxyConfig) -> Proxy {
        self.with(|settings| settings.config = config.settled())
    }

    /// Sets how one of several upstreams is chosen. Default: [`Balance::RoundRobin`].
    #[must_use]
    pub fn balance(self, balance: Balance) -> Proxy {
        self.with(|settings| settings.balance = balance)
    }

    /// Sets which `Host` upstreams see. Default: [`Host::Preserve`].
    #[must_use]
    pub fn host(self, host: Host) -> Proxy {
        self.with(|settings| settings.host = host)
    }

    /// Sets what becomes of `Forwarded` and its siblings. Default: [`Forwarding::Replace`].
    #[must_use]
    pub fn forwarding(self, forwarding: Forwarding) -> Proxy {
        self.with(|settings| settings.forwarding = forwarding)
    }

    /// Sets whose `Forwarded` or `X-Forwarded-*` is kept and added to. Default: the application's
    /// `trusted_proxies`; outside of an application nobody's. Alone under a server:
    ///
    /// ```
    /// use trine_proxy::Proxy;
    /// use trine_server::ServerConfig;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = ServerConfig { trusted_proxies: vec!["10.0.0.0/8".parse()?], ..ServerConfig::default() };
    /// let proxy = Proxy::to("http://127.0.0.1:9000")?.trust(config.trusted());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn trust(self, proxies: TrustedProxies) -> Proxy {
        self.with(|settings| settings.trusted = Some(proxies))
    }

    /// Sets whether upstreams are told `X-Forwarded-For`, `-Proto` and `-Host` beside `Forwarded`.
    /// Default: true.
    #[must_use]
    pub fn x_forwarded(self, tell: bool) -> Proxy {
        self.with(|settings| settings.legacy = tell)
    }

    /// Sets the name of this proxy in `Via` (RFC 9110, 7.6.3). Default: `trine`.
    ///
    /// # Panics
    /// When it is not a token or `host:port`.
    #[must_use]
    #[track_caller]
    pub fn via(self, name: &str) -> Proxy {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(&byte);
        assert!(
            !name.is_empty() && name.bytes().all(plain),
            "`{name}` cannot name a proxy in `Via`: letters and digits can"
        );
        self.with(|settings| {
            if let Some(via) = Via::of(name) {
                settings.via = via;
            }
        })
    }

    /// Takes a prefix off each path that has it, at the end of a segment; `App::mount` and axum's
    /// `nest_service` did that already. What upstreams want before the path is the path of their
    /// URL.
    #[must_use]
    pub fn strip_prefix(self, prefix: &str) -> Proxy {
        let prefix = prefix.trim_end_matches('/');
        self.with(|settings| settings.prefix = (!prefix.is_empty()).then(|| Arc::from(prefix)))
    }

    /// Sets what [`Proxy::health_checks`] asks upstreams.
    #[must_use]
    pub fn health_check(self, check: HealthCheck) -> Proxy {
        self.with(|settings| settings.check = Some(check))
    }

    /// Trusts upstreams whose certificate one of these authorities signed, in PEM, and no others.
    /// Default: those that the system trusts.
    ///
    /// # Errors
    /// When there is no certificate in it.
    #[cfg(feature = "tls-core")]
    pub fn roots(self, pem: &[u8]) -> Result<Proxy, crate::connection::tls::TlsError> {
        let tls = crate::connection::tls::Tls::of_pem(pem)?;
        Ok(self.with(|settings| settings.tls = Some(tls)))
    }

    /// Speaks TLS to upstreams by this configuration of rustls: its roots, the certificate that it
    /// shows them, its provider of cryptography. Of its ALPN nothing is kept.
    ///
    /// ```
    /// use trine_proxy::Proxy;
    /// use trine_proxy::rustls::pki_types::pem::PemObject as _;
    /// use trine_proxy::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    /// use trine_proxy::rustls::{ClientConfig, RootCertStore};
    ///
    /// /// Upstreams that want to see a certificate (mTLS).
    /// fn proxy(roots: RootCertStore, chain: &[u8], key: &[u8]) -> Result<Proxy, Box<dyn std::error::Error>> {
    ///     let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
    ///     let tls = ClientConfig::builder_with_provider(trine_server::tls::default_provider()?)
    ///         .with_safe_default_protocol_versions()?
    ///         .with_root_certificates(roots)
    ///         .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?;
    ///     Ok(Proxy::to("https://internal.example")?.tls(tls))
    /// }
    /// ```
    #[cfg(feature = "tls-core")]
    #[must_use]
    pub fn tls(self, config: rustls::ClientConfig) -> Proxy {
        self.with(|settings| settings.tls = Some(crate::connection::tls::Tls::of(config)))
    }

    /// The health checks of all upstreams, to be spawned: nothing checks by itself. It ends at once
    /// where [`Proxy::health_check`] was not called, and else with the last clone of the proxy, or
    /// when it is dropped.
    pub fn health_checks(&self) -> impl Future<Output = ()> + Send + 'static {
        let settings = Arc::clone(&self.0.settings);
        let nodes: Vec<_> = self.0.nodes.iter().map(Arc::downgrade).collect();
        async move {
            let Some(check) = settings.check.clone() else { return };
            let mut watches = tokio::task::JoinSet::new();
            for node in nodes {
                watches.spawn(health_check::watch(node, (*settings).clone(), check.clone()));
            }
            while watches.join_next().await.is_some() {}
        }
    }

    /// What is known of each upstream at this moment.
    #[must_use]
    pub fn status(&self) -> Vec<UpstreamStatus> {
        let status = |node: &Arc<Node>| UpstreamStatus {
            url: node.name.clone(),
            healthy: match node.health.verdict() {
                Verdict::Healthy | Verdict::Trial => true,
                // The only one is never ejected.
                Verdict::Ejected => self.0.nodes.len() == 1,
                Verdict::Down => false,
            },
            pending: node.load(),
            idle: node.pool.idle(),
        };
        self.0.nodes.iter().map(status).collect()
    }

    /// Clones that were made before keep what they had.
    fn with(self, change: impl FnOnce(&mut Settings)) -> Proxy {
        let mut settings = (*self.0.settings).clone();
        change(&mut settings);
        Proxy(Arc::new(Inner::new(self.0.nodes.clone(), settings)))
    }
}

impl Inner {
    fn new(nodes: Vec<Arc<Node>>, settings: Settings) -> Inner {
        Inner {
            nodes,
            turn: AtomicUsize::new(0),
            budget: Budget::default(),
            settings: Arc::new(settings),
        }
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
        Forwarded(Box::pin(forward(Arc::clone(&self.0), request.map(Body::new), None)))
    }
}

impl MakeWorker for Proxy {
    type Worker = Proxy;

    async fn worker(&self, _index: usize) -> Result<Proxy, BoxError> {
        Ok(self.clone())
    }
}

impl MakeConnection for Proxy {
    type Service = Connected;

    fn connection(&self, info: &ConnInfo) -> Connected {
        Connected { proxy: Arc::clone(&self.0), caller: Arc::new(Caller::new(info.clone())) }
    }
}

/// A [`Proxy`] on one connection, whose client it knows.
#[derive(Debug, Clone)]
pub struct Connected {
    proxy: Arc<Inner>,
    caller: Arc<Caller>,
}

impl Service<Request<Body>> for Connected {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Forwarded;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Forwarded {
        Forwarded(Box::pin(forward(
            Arc::clone(&self.proxy),
            request,
            Some(Arc::clone(&self.caller)),
        )))
    }
}

/// The answer on its way. Dropped, it ends the request at the upstream as well.
pub struct Forwarded(Pin<Box<dyn Future<Output = Response<Body>> + Send>>);

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
