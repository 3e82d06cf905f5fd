//! The proxy as a service of `trine-server`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};
use trine_server::{MakeConnection, MakeWorker};

use crate::forward::ProxyInner;
use crate::proxy::{Forwarded, Proxy};
use crate::request::forwarded::ClientConnection;

impl MakeWorker for Proxy {
    type Worker = Proxy;

    async fn worker(&self, _index: usize) -> Result<Proxy, BoxError> {
        Ok(self.clone())
    }
}

impl MakeConnection for Proxy {
    type Service = ProxyConnection;

    fn connection(&self, info: &ConnInfo) -> ProxyConnection {
        let connection = Arc::new(ClientConnection::new(info.clone()));
        ProxyConnection { proxy: Arc::clone(self.inner()), connection }
    }
}

/// A [`Proxy`] for the requests of one client connection, whose address it knows. `trine-server`
/// makes one for each connection.
#[derive(Debug, Clone)]
pub struct ProxyConnection {
    proxy: Arc<ProxyInner>,
    connection: Arc<ClientConnection>,
}

impl Service<Request<Body>> for ProxyConnection {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Forwarded;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Forwarded {
        Forwarded::new(&self.proxy, request, Some(&self.connection))
    }
}
