//! The client for tests that are plain functions: no `async`, no `.await`.
//!
//! ```
//! use trine::prelude::*;
//!
//! async fn hello(Path(name): Path<String>) -> String { format!("Hello, {name}!") }
//!
//! // #[test]
//! fn greets() {
//!     let client = App::new().route("/hello/{name}", get(hello)).blocking_test();
//!     client.get("/hello/Ann").send().expect_status(200).expect_text("Hello, Ann!");
//! }
//! # greets();
//! ```
//!
//! The client has its own runtime. Background tasks of the application run on it, also between
//! requests.

use std::future::IntoFuture as _;
use std::panic::Location;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, Response};
use serde::Serialize;
use tokio::runtime::{Builder, Handle, Runtime};
use trine_core::{Body, BodyError, BoxError};

use super::{Multipart, TestApp, TestResponse};
use crate::declare::app::App;

/// The name that other frameworks use.
#[doc(hidden)]
#[deprecated(note = "write `TestClient`, which `app.blocking_test()` makes")]
pub type Client = TestClient;

/// Sends requests to an application and waits for the responses. Clones share their cookies.
///
/// ```
/// use trine::prelude::*;
///
/// let client = App::new().route("/", get(async || "hello")).blocking_test();
/// client.get("/").send().expect_text("hello");
/// ```
///
/// # Panics
/// Panics like the [asynchronous client](super::TestClient).
#[derive(Debug, Clone)]
pub struct TestClient {
    inner: super::TestClient,
    runtime: Arc<Runtime>,
}

impl TestClient {
    #[track_caller]
    fn of(app: TestApp) -> TestClient {
        // Blocking a thread that drives a runtime would stop that runtime.
        assert!(
            Handle::try_current().is_err(),
            "`blocking_test` blocks the thread, so it cannot be used in an async function: write \
             `app.test().await`"
        );
        let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = match built {
            Ok(runtime) => Arc::new(runtime),
            Err(error) => panic!("the runtime of the test does not start: {error}"),
        };
        TestClient { inner: runtime.block_on(app.into_future()), runtime }
    }

    /// See [`follow_redirects`](super::TestClient::follow_redirects).
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let app = App::new()
    ///     .route("/old", get(async || Redirect::to("/new")))
    ///     .route("/new", get(async || "here"));
    /// app.blocking_test().follow_redirects(1).get("/old").send().expect_text("here");
    /// ```
    #[must_use]
    pub fn follow_redirects(&self, most: usize) -> TestClient {
        TestClient { inner: self.inner.follow_redirects(most), runtime: Arc::clone(&self.runtime) }
    }

    /// Another client of the same application, without cookies.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let client = App::new().route("/", get(async || "hello")).blocking_test();
    /// client.another().get("/").send().expect_text("hello");
    /// ```
    #[must_use]
    pub fn another(&self) -> TestClient {
        TestClient { inner: self.inner.another(), runtime: Arc::clone(&self.runtime) }
    }

    /// Starts a request of any method.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let app = App::new().route("/", any(async |method: Method| method.to_string()));
    /// app.blocking_test().request(Method::TRACE, "/").send().expect_text("TRACE");
    /// ```
    #[track_caller]
    pub fn request(&self, method: Method, target: impl AsRef<str>) -> TestRequest {
        TestRequest {
            inner: self.inner.request(method, target),
            runtime: Arc::clone(&self.runtime),
        }
    }

    /// Shuts the application down; see [`shutdown`](super::TestClient::shutdown).
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let app = App::new().task("waits", |cx| async move {
    ///     cx.shutdown().await;
    ///     assert!(cx.is_shutting_down());
    ///     Ok(())
    /// });
    /// app.blocking_test().shutdown();
    /// ```
    ///
    /// # Panics
    /// Panics if a shutdown hook has failed.
    pub fn shutdown(&self) {
        self.runtime.block_on(self.inner.shutdown());
    }

    /// The value of a cookie that the application has set, whatever its path.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// async fn enter(mut cookies: Cookies) -> &'static str {
    ///     cookies.add(("user", "Ann"));
    ///     "welcome"
    /// }
    /// let client = App::new().route("/", get(enter)).blocking_test();
    /// client.get("/").send();
    /// assert_eq!(client.cookie("user").as_deref(), Some("Ann"));
    /// ```
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.inner.cookie(name)
    }
}

macro_rules! methods {
    ($($name:ident $method:ident;)*) => {
        impl TestClient {
            $(
                #[doc = concat!("Starts a `", stringify!($method), "`.")]
                #[track_caller]
                pub fn $name(&self, target: impl AsRef<str>) -> TestRequest {
                    self.request(Method::$method, target)
                }
            )*
        }
    };
}

methods! { get GET; head HEAD; post POST; put PUT; patch PATCH; delete DELETE; options OPTIONS; }

impl App {
    /// Starts the application for a test that is a plain function; see [`TestApp::blocking`].
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let client = App::new().route("/", get(async || "hello")).blocking_test();
    /// client.get("/").send().expect_text("hello");
    /// ```
    ///
    /// # Panics
    /// Panics like [`App::test`], and also if it is called in an async function.
    #[must_use]
    #[track_caller]
    pub fn blocking_test(self) -> TestClient {
        self.test().blocking()
    }
}

impl TestApp {
    /// Starts the application for a test that is a plain function.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// struct Price { cents: u32 }
    /// let price = get(async |price: State<Price>| price.cents.to_string());
    /// let app = App::new().state(Price { cents: 5 }).route("/", price);
    /// app.test().with_state(Price { cents: 7 }).blocking().get("/").send().expect_text("7");
    /// ```
    ///
    /// # Panics
    /// Panics like awaiting a [`TestApp`], and also if it is called in an async function.
    #[must_use]
    #[track_caller]
    pub fn blocking(self) -> TestClient {
        TestClient::of(self)
    }
}

/// A request that a test builds. [`send`](TestRequest::send) sends it.
///
/// # Panics
/// Panics like the [asynchronous request](super::TestRequest).
#[derive(Debug)]
#[must_use = "a request is sent by `send()`"]
pub struct TestRequest {
    inner: super::TestRequest,
    runtime: Arc<Runtime>,
}

macro_rules! builder {
    ($($name:ident($($arg:ident: $ty:ty),*) $(where $generic:ident: $bound:path)?;)*) => {
        impl TestRequest {
            $(
                #[doc = concat!("See [`", stringify!($name), "`](super::TestRequest::", stringify!($name), ").")]
                #[track_caller]
                pub fn $name$(<$generic: $bound + ?Sized>)?(mut self, $($arg: $ty),*) -> TestRequest {
                    self.inner = self.inner.$name($($arg),*);
                    self
                }
            )*
        }
    };
}

builder! {
    cookie(name: &str, value: &str);
    query(fields: &T) where T: Serialize;
    json(value: &T) where T: Serialize;
    form(fields: &T) where T: Serialize;
    multipart(form: Multipart);
    text(text: impl Into<String>);
    bytes(bytes: impl Into<Bytes>);
    body(body: impl Into<Body>);
}

impl TestRequest {
    /// Adds a header field.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let app = App::new().route("/", get(async || "beta").header("x-beta", "yes"));
    /// app.blocking_test().get("/").header("x-beta", "yes").send().expect_text("beta");
    /// ```
    #[track_caller]
    pub fn header<K, V>(mut self, name: K, value: V) -> TestRequest
    where
        K: TryInto<HeaderName, Error: Into<BoxError>>,
        V: TryInto<HeaderValue, Error: Into<BoxError>>,
    {
        self.inner = self.inner.header(name, value);
        self
    }

    /// Sends the request and reads the whole response.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let client = App::new().route("/", post(async |body: String| body)).blocking_test();
    /// client.post("/").text("hello").send().expect_text("hello");
    /// ```
    ///
    /// # Panics
    /// Panics like [`send`](super::TestRequest::send).
    #[track_caller]
    pub fn send(self) -> TestResponse {
        assert_no_runtime(Location::caller());
        self.runtime.block_on(self.inner.send())
    }

    /// Sends the request and leaves the body of the response unread: for responses without an end,
    /// such as server-sent events.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let client = App::new().route("/", get(async || "hello")).blocking_test();
    /// let stream = client.get("/").send_streaming();
    /// assert_eq!(stream.response().status(), 200);
    /// ```
    ///
    /// # Panics
    /// Panics like [`send`](super::TestRequest::send).
    #[track_caller]
    pub fn send_streaming(self) -> TestStream {
        assert_no_runtime(Location::caller());
        let response = self.runtime.block_on(self.inner.send_streaming());
        TestStream { response, runtime: self.runtime }
    }
}

#[track_caller]
fn assert_no_runtime(at: &Location<'_>) {
    assert!(
        Handle::try_current().is_err(),
        "{at}: a blocking client cannot be used in an async function: write `app.test().await`"
    );
}

/// A response whose body is read chunk by chunk.
#[derive(Debug)]
pub struct TestStream {
    response: Response<Body>,
    runtime: Arc<Runtime>,
}

impl TestStream {
    /// The response, with its unread body.
    #[must_use]
    pub fn response(&self) -> &Response<Body> {
        &self.response
    }

    /// Waits for the next bytes of the body; `None` at its end.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// let client = App::new().route("/", get(async || "hello")).blocking_test();
    /// let mut stream = client.get("/").send_streaming();
    /// assert_eq!(stream.chunk().unwrap().unwrap(), "hello");
    /// assert!(stream.chunk().is_none());
    /// ```
    ///
    /// # Errors
    /// Fails like [`Body::chunk`].
    pub fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        self.runtime.block_on(self.response.body_mut().chunk())
    }
}
