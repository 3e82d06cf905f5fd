//! The same client for tests that are plain functions: no `async`, no `.await`.
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
//! It brings a runtime of its own, whose background tasks go on between the requests.

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

/// What other frameworks call it.
#[doc(hidden)]
#[deprecated(note = "write `TestClient`, which `app.blocking_test()` makes")]
pub type Client = TestClient;

/// Sends requests to an application and waits for the answers. A clone shares its cookies.
///
/// # Panics
/// As the [asynchronous client](super::TestClient).
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
            "`blocking_test` waits, so it has no place in an async function: write `app.test().await`"
        );
        let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = match built {
            Ok(runtime) => Arc::new(runtime),
            Err(error) => panic!("the runtime of the test does not start: {error}"),
        };
        TestClient { inner: runtime.block_on(app.into_future()), runtime }
    }

    /// See [`follow_redirects`](super::TestClient::follow_redirects).
    #[must_use]
    pub fn follow_redirects(&self, most: usize) -> TestClient {
        TestClient { inner: self.inner.follow_redirects(most), runtime: Arc::clone(&self.runtime) }
    }

    /// A client of the same application that has no cookies: another user.
    #[must_use]
    pub fn another(&self) -> TestClient {
        TestClient { inner: self.inner.another(), runtime: Arc::clone(&self.runtime) }
    }

    /// Starts a request of any method.
    #[track_caller]
    pub fn request(&self, method: Method, target: impl AsRef<str>) -> TestRequest {
        TestRequest {
            inner: self.inner.request(method, target),
            runtime: Arc::clone(&self.runtime),
        }
    }

    /// Ends the application; see [`shutdown`](super::TestClient::shutdown).
    ///
    /// # Panics
    /// With what a hook says that fails.
    pub fn shutdown(&self) {
        self.runtime.block_on(self.inner.shutdown());
    }

    /// The value of a cookie that the application has set, whatever its path.
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
    /// The same for a test that is a plain function; see [`TestApp::blocking`].
    ///
    /// # Panics
    /// As [`App::test`], and in an async function.
    #[must_use]
    #[track_caller]
    pub fn blocking_test(self) -> TestClient {
        self.test().blocking()
    }
}

impl TestApp {
    /// Starts it for a test that is a plain function.
    ///
    /// # Panics
    /// As where it is awaited, and in an async function.
    #[must_use]
    #[track_caller]
    pub fn blocking(self) -> TestClient {
        TestClient::of(self)
    }
}

/// A request on its way to be sent.
///
/// # Panics
/// As the [asynchronous request](super::TestRequest).
#[derive(Debug)]
#[must_use = "a request goes out with `send()`"]
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
    #[track_caller]
    pub fn header<K, V>(mut self, name: K, value: V) -> TestRequest
    where
        K: TryInto<HeaderName, Error: Into<BoxError>>,
        V: TryInto<HeaderValue, Error: Into<BoxError>>,
    {
        self.inner = self.inner.header(name, value);
        self
    }

    /// Sends it and reads the whole response.
    ///
    /// # Panics
    /// As [`send`](super::TestRequest::send).
    #[track_caller]
    pub fn send(self) -> TestResponse {
        outside_of_runtimes(Location::caller());
        self.runtime.block_on(self.inner.send())
    }

    /// Sends it and leaves the body unread: for answers without an end, such as server-sent events.
    ///
    /// # Panics
    /// As [`send`](super::TestRequest::send).
    #[track_caller]
    pub fn send_streaming(self) -> TestStream {
        outside_of_runtimes(Location::caller());
        let response = self.runtime.block_on(self.inner.send_streaming());
        TestStream { response, runtime: self.runtime }
    }
}

#[track_caller]
fn outside_of_runtimes(at: &Location<'_>) {
    assert!(
        Handle::try_current().is_err(),
        "{at}: a blocking client has no place in an async function: write `app.test().await`"
    );
}

/// A response whose body is read part by part.
#[derive(Debug)]
pub struct TestStream {
    response: Response<Body>,
    runtime: Arc<Runtime>,
}

impl TestStream {
    /// The head, and the body that nobody waits for.
    #[must_use]
    pub fn response(&self) -> &Response<Body> {
        &self.response
    }

    /// Waits for the next bytes, `None` at the end.
    ///
    /// # Errors
    /// As [`Body::chunk`].
    pub fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        self.runtime.block_on(self.response.body_mut().chunk())
    }
}
