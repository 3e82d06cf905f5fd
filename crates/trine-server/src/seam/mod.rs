//! The seam between the server and the services that it runs. It has three steps: the process
//! ([`MakeWorker`]), a worker ([`MakeConnection`]), and a connection ([`HttpService`]).
//!
//! This file has the three traits, and `axum` implements them for a `Router`. `connection` is what
//! a protocol gets in order to serve a connection. `call` makes one call of the service, `failure`
//! is the response to its error, and `panics` catches its panics.

#[cfg(feature = "axum")]
pub(crate) mod axum;
pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod failure;
pub(crate) mod panics;

use std::future::Future;

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo};

/// A Tower service that the server can run.
///
/// Do not implement this trait: it is implemented for every service that takes `Request<Body>` and
/// returns a `Response` whose body has `Bytes` for its data. Such a service need not be `Send`.
///
/// ```
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use trine_core::Body;
/// use trine_server::HttpService;
///
/// fn check(_service: &impl HttpService) {}
///
/// check(&tower::service_fn(|_request: Request<Body>| async {
///     Ok::<_, Infallible>(Response::new(Body::from("hello")))
/// }));
/// ```
///
/// The server calls `poll_ready` only once a whole request head has arrived, and calls the very
/// value that became ready. An error of the service is answered as
/// [`error_status`](crate::error_status) says.
pub trait HttpService:
    Service<Request<Body>, Response = Response<Self::ResponseBody>, Error: Into<BoxError>> + 'static
{
    /// The body of the responses.
    type ResponseBody: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    type ResponseBody = B;
}

/// Step 1, the process: sets up each worker. It is shared by all workers.
///
/// Implement it when a worker needs something of its own, such as a cache without locks. For a
/// service that is `Clone`, use [`NativeUpgrades`] or [`HyperUpgrades`] instead.
///
/// ```
/// use std::cell::Cell;
/// use std::convert::Infallible;
/// use std::future::{Ready, ready};
/// use std::rc::Rc;
/// use std::task::{Context, Poll};
///
/// use http::{Request, Response};
/// use tower::Service;
/// use trine_core::{Body, BoxError, ConnInfo};
/// use trine_server::{MakeConnection, MakeWorker};
///
/// /// Counts the requests of each worker.
/// struct Counters;
///
/// impl MakeWorker for Counters {
///     type Worker = Counter;
///
///     async fn worker(&self, _index: usize) -> Result<Counter, BoxError> {
///         Ok(Counter::default())
///     }
/// }
///
/// // An `Rc` suffices, because a worker never leaves its thread.
/// #[derive(Clone, Default)]
/// struct Counter(Rc<Cell<u64>>);
///
/// impl MakeConnection for Counter {
///     type Service = Counter;
///
///     fn connection(&self, _info: &ConnInfo) -> Counter {
///         self.clone()
///     }
/// }
///
/// impl Service<Request<Body>> for Counter {
///     type Response = Response<Body>;
///     type Error = Infallible;
///     type Future = Ready<Result<Response<Body>, Infallible>>;
///
///     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn call(&mut self, _request: Request<Body>) -> Self::Future {
///         self.0.set(self.0.get() + 1);
///         ready(Ok(Response::new(Body::from(self.0.get().to_string()))))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let worker = Counters.worker(0).await?;
/// let mut service = worker.connection(&ConnInfo::unknown());
/// let response = service.call(Request::new(Body::empty())).await?;
/// assert_eq!(response.into_body().bytes().await?, "1");
/// # Ok::<(), BoxError>(())
/// # }).unwrap();
/// ```
pub trait MakeWorker: Send + Sync + 'static {
    /// The state of one worker. It never leaves the thread of the worker, so it need not be `Send`.
    type Worker: MakeConnection;

    /// Sets up worker `index`, counted from 0, on the thread and the runtime of that worker.
    ///
    /// # Errors
    /// An error stops the start of the whole server, which then returns
    /// [`ServerError::Worker`](crate::ServerError::Worker).
    fn worker(&self, index: usize) -> impl Future<Output = Result<Self::Worker, BoxError>>;
}

/// Step 2, a worker: makes the service of each connection. [`MakeWorker`] has an example.
pub trait MakeConnection: 'static {
    /// Step 3, a connection: the service is owned by its connection.
    type Service: HttpService;

    /// Makes the service of an accepted connection.
    ///
    /// The server calls this once per connection, and again after the service returned an error: a
    /// failed layer may still hold a place in a queue, which an idle connection must not keep.
    fn connection(&self, info: &ConnInfo) -> Self::Service;

    /// The type of the upgrade that the service takes from the extensions of this request, which
    /// asks for an upgrade. Default: [`UpgradeKind::Native`].
    ///
    /// Nothing else depends on it: all rules and limits hold for both kinds.
    fn upgrade_kind(&self, head: &http::request::Parts) -> UpgradeKind {
        let _ = head;
        UpgradeKind::Native
    }

    /// Whether the server announces to HTTP/2 clients that they may open other protocols on a
    /// stream (`SETTINGS_ENABLE_CONNECT_PROTOCOL`, RFC 8441, 3). Default: true.
    ///
    /// Browsers that receive this announcement open their WebSockets on a stream, and in no other
    /// way. Without it, they open a connection of HTTP/1.1 for each WebSocket. Return false if a
    /// service takes [`UpgradeKind::Hyper`], because hyper's upgrades exist for HTTP/1.1 only.
    fn extended_connect(&self) -> bool {
        true
    }
}

/// The type of the upgrade in the extensions of a request that asks for one.
///
/// ```
/// use trine_server::UpgradeKind;
///
/// assert_eq!(UpgradeKind::default(), UpgradeKind::Native);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpgradeKind {
    /// [`OnUpgrade`](crate::upgrade::OnUpgrade).
    #[default]
    Native,
    /// `hyper::upgrade::OnUpgrade`, which axum's WebSockets take. Without the feature
    /// `hyper-upgrade` this is the same as `Native`.
    Hyper,
}

/// Runs any `Clone` Tower service that takes hyper's upgrades. Every worker and every connection
/// gets a clone.
///
/// Use it for services of other libraries. With the feature `hyper-upgrade`, requests that ask for
/// an upgrade carry `hyper::upgrade::OnUpgrade`. With the feature `axum`, a `Router` can go to
/// [`Bound::serve`](crate::Bound::serve) as it is, and its handlers find `ConnectInfo` too.
///
/// ```no_run
/// # async fn run(router: axum::Router) -> Result<(), trine_server::ServerError> {
/// use trine_server::{HyperUpgrades, Server, ServerConfig};
///
/// Server::new(ServerConfig::default()).bind()?.serve(HyperUpgrades(router)).await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct HyperUpgrades<S>(pub S);

/// Runs any `Clone` Tower service that takes [`OnUpgrade`](crate::upgrade::OnUpgrade), or no
/// upgrades at all. Every worker and every connection gets a clone.
///
/// ```
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use trine_core::{Body, ConnInfo};
/// use trine_server::{MakeConnection, NativeUpgrades, UpgradeKind};
///
/// let service = tower::service_fn(|_request: Request<Body>| async {
///     Ok::<_, Infallible>(Response::new(Body::empty()))
/// });
/// let (head, ()) = Request::new(()).into_parts();
/// assert_eq!(NativeUpgrades(service).upgrade_kind(&head), UpgradeKind::Native);
/// ```
#[derive(Debug, Clone)]
pub struct NativeUpgrades<S>(pub S);

macro_rules! clone_per_connection {
    ($name:ident, $kind:expr) => {
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

            fn upgrade_kind(&self, _head: &http::request::Parts) -> UpgradeKind {
                $kind
            }

            fn extended_connect(&self) -> bool {
                !(cfg!(feature = "hyper-upgrade") && $kind == UpgradeKind::Hyper)
            }
        }
    };
}

clone_per_connection!(HyperUpgrades, UpgradeKind::Hyper);
clone_per_connection!(NativeUpgrades, UpgradeKind::Native);
