//! The client: it calls an application and keeps cookies.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use http::{Method, Request, Uri};
use tower_service::Service;
use trine_core::{Body, BoxError, ConnInfo, Problem, Response, panic_text};

use super::jar::Jar;
use crate::AppService;

/// Sends requests to an application. Clones share their cookies.
///
/// `App::test` makes a client without a socket, [`TestServer`](super::TestServer) has one for a
/// socket, and [`TestClient::new`] makes one for any Tower service.
///
/// ```
/// use trine::prelude::*;
///
/// async fn greet(name: String) -> String { format!("Hello, {name}!") }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/greet", post(greet)).test().await;
/// client.post("/greet").text("Ann").await.expect_status(200).expect_text("Hello, Ann!");
/// # }
/// ```
///
/// # Panics
/// A method panics, at the line of the test, if it gets a value that cannot be sent.
#[derive(Clone)]
pub struct TestClient {
    app: App,
    started: Option<AppService>,
    host: Arc<str>,
    redirects: usize,
    jar: Arc<Mutex<Jar>>,
}

type App = Arc<dyn Fn(Request<Body>) -> Answer + Send + Sync>;
/// `Err` if there was no response, for example because the server has stopped.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, String>> + Send>>;

impl TestClient {
    /// A client of any Tower service that cannot fail, such as an `AppService`.
    ///
    /// ```
    /// use trine::prelude::*;
    /// use trine::testing::TestClient;
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let service = App::new().route("/", get(async || "hello")).build().await?;
    /// TestClient::new(service).get("/").await.expect_text("hello");
    /// # Ok(())
    /// # }
    /// ```
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
        // The lock makes a service `Sync` that is only `Send`. It is held while the service is
        // cloned.
        let service = Mutex::new(service);
        TestClient::over("localhost", move |request| {
            let service = service.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Box::pin(async { Ok(call(service, request).await) })
        })
    }

    /// A client whose requests are answered by a function, under this host.
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

    /// The client of an application. It can shut the application down and knows its routes. Its
    /// requests have no client address, as over a Unix socket, so the only entry of the trusted
    /// proxies that matches it is `unix`.
    pub(super) fn of_app(service: AppService) -> TestClient {
        TestClient::new(service.on(ConnInfo::unix())).knowing(service)
    }

    /// Adds the application that answers the requests.
    pub(super) fn knowing(self, service: AppService) -> TestClient {
        TestClient { started: Some(service), ..self }
    }

    /// A client that follows up to `most` redirects per request. It shares the cookies of this one.
    /// Without it, a redirect is the response.
    ///
    /// A 303 is followed by a `GET`, and so is a 301 or 302 of a `POST`; all others keep their
    /// method and body. A redirect to another host is not followed. More than `most` redirects fail
    /// the test.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new()
    ///     .route("/old", get(async || Redirect::to("/new")))
    ///     .route("/new", get(async || "here"));
    /// let client = app.test().await.follow_redirects(1);
    /// client.get("/old").await.expect_text("here");
    /// # }
    /// ```
    #[must_use]
    pub fn follow_redirects(&self, most: usize) -> TestClient {
        TestClient { redirects: most, ..self.clone() }
    }

    /// Another client of the same application, without cookies.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn enter(mut cookies: Cookies) -> &'static str {
    ///     cookies.add(("user", "Ann"));
    ///     "welcome"
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(enter)).test().await;
    /// client.get("/").await;
    /// assert_eq!(client.another().cookie("user"), None);
    /// # }
    /// ```
    #[must_use]
    pub fn another(&self) -> TestClient {
        TestClient { jar: Arc::default(), ..self.clone() }
    }

    /// Shuts the application down, as a server does: background tasks end, then the hooks of
    /// [`App::on_shutdown`](crate::App::on_shutdown) run. Without it, the tasks are dropped with
    /// the last client.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let app = App::new().task("waits", |cx| async move {
    ///     cx.shutdown().await;
    ///     assert!(cx.is_shutting_down());
    ///     Ok(())
    /// });
    /// app.test().await.shutdown().await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics if a shutdown hook has failed.
    pub async fn shutdown(&self) {
        if let Some(service) = &self.started
            && let Err(error) = service.shutdown().await
        {
            panic!("{error:#}");
        }
    }

    /// The value of a cookie that the application has set, whatever its path.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn enter(mut cookies: Cookies) -> &'static str {
    ///     cookies.add(("user", "Ann"));
    ///     "welcome"
    /// }
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(enter)).test().await;
    /// client.get("/").await;
    /// assert_eq!(client.cookie("user").as_deref(), Some("Ann"));
    /// # }
    /// ```
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

/// The message of a handler's panic.
#[derive(Debug, Clone)]
pub(super) struct Panicked(pub(super) String);

async fn call<S, B>(mut service: S, request: Request<Body>) -> Response
where
    S: Service<Request<Body>, Response = http::Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let accept = request.headers().get(http::header::ACCEPT).cloned();
    let answered = catch_panic(async {
        let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
        let Ok(response) = service.call(request).await;
        response.map(Body::new)
    });
    answered.await.unwrap_or_else(|message| {
        let mut response = Problem::internal(message.clone()).render(accept.as_ref());
        response.extensions_mut().insert(Panicked(message));
        response
    })
}

/// Runs a future to its end. `Err` is the message of its panic.
pub(super) async fn catch_panic<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = std::pin::pin!(future);
    // State that the panic has left inconsistent is dropped with the future.
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic_text(&*panic).to_owned())),
    })
    .await
}
