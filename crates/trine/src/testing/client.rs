//! The client: an application and a jar of cookies.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use http::{Method, Request, Uri};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo, Problem, Response};

use super::jar::Jar;
use crate::AppService;

/// Sends requests to an application. A clone shares its cookies.
///
/// `App::test` makes one that needs no socket, [`TestServer`](super::TestServer) one that talks to
/// a socket, and [`TestClient::new`] one of any Tower service.
///
/// # Panics
/// Its methods panic at the line of the test that gives them what cannot be sent.
#[derive(Clone)]
pub struct TestClient {
    app: App,
    started: Option<AppService>,
    host: Arc<str>,
    redirects: usize,
    jar: Arc<Mutex<Jar>>,
}

type App = Arc<dyn Fn(Request<Body>) -> Answer + Send + Sync>;
/// `Err` where no response came at all, as from a server that is gone.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, String>> + Send>>;

impl TestClient {
    /// A client of any Tower service that cannot fail, such as an `AppService`.
    pub fn new<S, B>(service: S) -> TestClient
    where
        S: Service<Request<Body>, Response = http::Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // The lock makes a service `Sync` that is only `Send`; it is held for a clone.
        let service = Mutex::new(service);
        TestClient::over("localhost", move |request| {
            let service = service.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Box::pin(async { Ok(call(service, request).await) })
        })
    }

    /// A client of whatever answers at `host`.
    pub(super) fn over(
        host: &str,
        answer: impl Fn(Request<Body>) -> Answer + Send + Sync + 'static,
    ) -> TestClient {
        TestClient {
            app: Arc::new(answer),
            started: None,
            host: host.into(),
            redirects: 0,
            jar: Arc::default(),
        }
    }

    /// The client of an application, which it can end, and whose routes it knows. Its requests come
    /// as by a Unix socket: from somebody without an address, whom only `unix` in a list means.
    pub(super) fn of_app(service: AppService) -> TestClient {
        TestClient::new(service.on(ConnInfo::unix())).knowing(service)
    }

    /// The same client, which knows the application that answers it.
    pub(super) fn knowing(self, service: AppService) -> TestClient {
        TestClient { started: Some(service), ..self }
    }

    /// The same client, following up to `most` redirects to this host for each request; otherwise
    /// it follows none, since a test wants to see them.
    ///
    /// A 303 is followed as `GET`, a 301 or 302 of a `POST` too, all others with the same method
    /// and body. A redirect to another host is not followed: it is the response. One more than
    /// `most` fails the test.
    #[must_use]
    pub fn follow_redirects(&self, most: usize) -> TestClient {
        TestClient { redirects: most, ..self.clone() }
    }

    /// A client of the same application that has no cookies: another user.
    #[must_use]
    pub fn another(&self) -> TestClient {
        TestClient { jar: Arc::default(), ..self.clone() }
    }

    /// Ends the application as the end of a server does: background tasks are told and waited for,
    /// then the hooks of [`App::on_shutdown`](crate::App::on_shutdown) run. Without it, tasks are
    /// dropped with the last client.
    ///
    /// # Panics
    /// With what a hook says that fails.
    pub async fn shutdown(&self) {
        if let Some(service) = &self.started
            && let Err(error) = service.shutdown().await
        {
            panic!("{error:#}");
        }
    }

    /// The value of a cookie that the application has set, whatever its path.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().value(name)
    }

    pub(super) fn jar(&self) -> std::sync::MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, request: Request<Body>) -> Answer {
        (self.app)(request)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn redirects(&self) -> usize {
        self.redirects
    }

    pub(super) fn route_of(&self, method: &Method, target: &Uri) -> Option<String> {
        let route = self.started.as_ref()?.route_of(method, target)?;
        let method = route.method.as_ref().map_or("ANY", Method::as_str);
        Some(format!(
            "{method} {} -> `{}` at {}:{}",
            route.path, route.handler, route.file, route.line
        ))
    }
}

impl std::fmt::Debug for TestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestClient")
            .field("host", &self.host)
            .field("jar", &self.jar)
            .finish_non_exhaustive()
    }
}

/// What a handler that panicked said.
#[derive(Debug, Clone)]
pub(super) struct Panicked(pub(super) String);

async fn call<S, B>(mut service: S, request: Request<Body>) -> Response
where
    S: Service<Request<Body>, Response = http::Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let accept = request.headers().get(http::header::ACCEPT).cloned();
    let answered = caught(async {
        let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
        let Ok(response) = service.call(request).await;
        response.map(Body::new)
    });
    answered.await.unwrap_or_else(|said| {
        let mut response = Problem::internal(said.clone()).render(accept.as_ref());
        response.extensions_mut().insert(Panicked(said));
        response
    })
}

/// Runs a future to its end or its panic, and says what the panic said.
pub(super) async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = std::pin::pin!(future);
    // Whatever the panic left half done is dropped with the future.
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Poll::Ready(Err(text.unwrap_or("a panic without a text").to_owned()))
        }
    })
    .await
}
