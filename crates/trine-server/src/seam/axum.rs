//! An axum `Router` as it is (feature `axum`).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::future::RouteFuture;
use http::{Request, Response};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};

use crate::seam::{MakeConnection, MakeWorker};

/// An axum `Router`, as it is: its handlers find `ConnectInfo<SocketAddr>`, as they do on
/// `axum::serve` with `into_make_service_with_connect_info`, and its WebSockets work (feature
/// `hyper-upgrade`).
///
/// The address is that of the peer, as there: behind a proxy, the proxy's own. What the proxy says
/// of its client is another thing, and code that weighs the one against the other would be deceived
/// by the client's address in the peer's place.
/// [`TrustedProxies::client`](crate::TrustedProxies::client) of
/// [`ServerConfig::trusted`](crate::ServerConfig::trusted) has the client. With the PROXY protocol
/// it is the address that the balancer names. A Unix socket has none, and `ConnectInfo` is not
/// there.
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
    type Service = RouterOn;

    fn connection(&self, info: &ConnInfo) -> RouterOn {
        RouterOn { router: self.clone(), peer: info.peer }
    }

    fn foreign_upgrade(&self, _head: &http::request::Parts) -> bool {
        true
    }

    fn extended_connect(&self) -> bool {
        !cfg!(feature = "hyper-upgrade")
    }
}

/// A `Router` on one connection.
#[derive(Debug, Clone)]
pub struct RouterOn {
    router: Router,
    peer: Option<SocketAddr>,
}

impl Service<Request<Body>> for RouterOn {
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
