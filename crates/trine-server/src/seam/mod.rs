//! Where services meet the server, in three steps: the process, a worker, a connection.

#[cfg(feature = "axum")]
pub(crate) mod axum;
pub(crate) mod call;
pub(crate) mod failure;
pub(crate) mod panics;

use std::future::Future;

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};

/// A Tower service that the server can run. Never implement it: every service of the right shape is
/// one.
pub trait HttpService:
    Service<Request<Body>, Response = Response<Self::ResponseBody>, Error: Into<BoxError>> + 'static
{
    /// The body of its responses.
    type ResponseBody: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    type ResponseBody = B;
}

/// Step 1, the process: shared by all workers.
pub trait MakeWorker: Send + Sync + 'static {
    /// What one worker owns. It never leaves the worker's thread, so it need not be `Send`.
    type Worker: MakeConnection;

    /// Sets up worker `index`, on its own thread and runtime. An error stops the whole start.
    fn worker(&self, index: usize) -> impl Future<Output = Result<Self::Worker, BoxError>>;
}

/// Step 2, one worker: makes the service of each connection.
pub trait MakeConnection: 'static {
    /// Step 3, one connection: owned by it, and made ready only when a whole request head is there.
    type Service: HttpService;

    /// Called once per accepted connection, and again when its service gave an error: what a layer
    /// left behind, a place in a queue say, must not stay with an idle connection.
    fn connection(&self, info: &ConnInfo) -> Self::Service;

    /// Whether the service behind this head, which asks for an upgrade, knows only hyper's upgrade
    /// type. The request then carries `hyper::upgrade::OnUpgrade`, and no
    /// [`OnUpgrade`](crate::upgrade::OnUpgrade). Nothing else is different: all rules and limits
    /// hold. Needs the feature `hyper-upgrade`; without it the answer does not matter.
    fn foreign_upgrade(&self, head: &http::request::Parts) -> bool {
        let _ = head;
        false
    }

    /// Whether clients of HTTP/2 are told that they may open other protocols on a stream
    /// (`SETTINGS_ENABLE_CONNECT_PROTOCOL`, RFC 8441, 3). Browsers that are told open their
    /// WebSockets so and in no other way; those that are not open a connection of HTTP/1.1 for
    /// each. To be denied where a service knows only hyper's upgrades, which are of HTTP/1.1.
    fn extended_connect(&self) -> bool {
        true
    }
}

/// Any `Clone` Tower service: every worker and every connection gets a clone.
///
/// With the feature `hyper-upgrade`, requests that ask for an upgrade carry hyper's type, which is
/// what axum's WebSockets take. A service that takes [`OnUpgrade`](crate::upgrade::OnUpgrade) goes
/// into [`Own`]. With the feature `axum`, a `Router` goes to [`Bound::serve`](crate::Bound::serve)
/// as it is, and its handlers find `ConnectInfo` too.
///
/// ```no_run
/// # async fn run(router: axum::Router) -> Result<(), trine_server::ServerError> {
/// use trine_server::{Server, ServerConfig, Shared};
///
/// Server::new(ServerConfig::default()).bind()?.serve(Shared(router)).await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Shared<S>(pub S);

/// As [`Shared`], for a service whose upgrades are ours: it takes
/// [`OnUpgrade`](crate::upgrade::OnUpgrade).
#[derive(Debug, Clone)]
pub struct Own<S>(pub S);

macro_rules! cloned {
    ($name:ident, foreign: $foreign:literal) => {
        impl<S> MakeWorker for $name<S>
        where
            S: HttpService + Clone + Send + Sync,
        {
            type Worker = $name<S>;

            async fn worker(&self, _index: usize) -> Result<$name<S>, BoxError> {
                Ok(self.clone())
            }
        }

        impl<S> MakeConnection for $name<S>
        where
            S: HttpService + Clone,
        {
            type Service = S;

            fn connection(&self, _info: &ConnInfo) -> S {
                self.0.clone()
            }

            fn foreign_upgrade(&self, _head: &http::request::Parts) -> bool {
                $foreign
            }

            fn extended_connect(&self) -> bool {
                !($foreign && cfg!(feature = "hyper-upgrade"))
            }
        }
    };
}

cloned!(Shared, foreign: true);
cloned!(Own, foreign: false);
