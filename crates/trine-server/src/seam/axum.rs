//! Serves an axum `Router` as it is (feature `axum`).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::future::RouteFuture;
use http::{Request, Response};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};

use crate::seam::{MakeConnection, MakeWorker, UpgradeKind};

/// An axum `Router` is served as it is.
///
/// Its handlers find `ConnectInfo<SocketAddr>`, as with `axum::serve` and
/// `into_make_service_with_connect_info`. Its WebSockets work with the feature `hyper-upgrade`.
///
/// The address is always the address of the peer. Behind a proxy it is the address of the proxy:
/// [`TrustedProxies::client`](crate::TrustedProxies::client) of
/// [`ServerConfig::trusted`](crate::ServerConfig::trusted) finds the client. With the PROXY
/// protocol it is the address that the load balancer names. A Unix socket has no address, so
/// `ConnectInfo` is absent there.
///
/// ```no_run
/// # async fn run(router: axum::Router) -> Result<(), trine_server::ServerError> {
/// use trine_server::{Server, ServerConfig};
///
/// Server::new(ServerConfig::default()).bind()?.serve(router).await
/// # }
/// ```
impl MakeWorker for Router {
    type Worker = Router;

    async fn worker(&self, _index: usize) -> Result<Router, BoxError> {
        Ok(self.clone())
    }
}

impl MakeConnection for Router {
    type Service = ConnectionRouter;

    fn connection(&self, info: &ConnInfo) -> ConnectionRouter {
        ConnectionRouter { router: self.clone(), peer: info.peer }
    }

    fn upgrade_kind(&self, _head: &http::request::Parts) -> UpgradeKind {
        UpgradeKind::Hyper
    }

    fn extended_connect(&self) -> bool {
        !cfg!(feature = "hyper-upgrade")
    }
}

/// The service of one connection: a `Router` that knows its peer. It is the
/// [`MakeConnection::Service`](crate::MakeConnection::Service) of a `Router`.
#[derive(Debug, Clone)]
pub struct ConnectionRouter {
    router: Router,
    peer: Option<SocketAddr>,
}

impl Service<Request<Body>> for ConnectionRouter {
    type Response = Response<axum::body::Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> RouteFuture<Infallible> {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        self.router.call(request)
    }
}
