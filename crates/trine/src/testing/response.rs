//! The response that a test checks.

use std::error::Error;
use std::fmt::{Display, Formatter};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::exchange::{Sent, show_body, show_headers};

/// A whole response. Its `Display` shows the request, the route with its handler and location, and
/// the response. Its expectations are in [`expect`](super::expect).
///
/// ```
/// use trine::prelude::*;
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/", get(async || Json([1, 2]))).test().await;
/// let response = client.get("/").await;
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.header("content-type"), Some("application/json"));
/// assert_eq!(response.json::<Vec<u8>>(), [1, 2]);
/// # }
/// ```
///
/// # Panics
/// A method panics, at the line of the test, if the response lacks the value that it reads. The
/// message shows the request and the response.
#[derive(Debug)]
pub struct TestResponse {
    sent: Sent,
    head: Parts,
    body: Bytes,
    note: Option<String>,
    broken: bool,
}

impl TestResponse {
    pub(super) fn new(sent: Sent, head: Parts, body: Bytes, note: Option<String>) -> TestResponse {
        TestResponse { sent, head, body, note, broken: false }
    }

    pub(super) fn broken(sent: Sent, head: Parts, error: &(dyn Error + 'static)) -> TestResponse {
        let mut note = format!("the body broke off: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            note = format!("{note}: {cause}");
            source = cause.source();
        }
        TestResponse { sent, head, body: Bytes::new(), note: Some(note), broken: true }
    }

    /// The status.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let response = App::new().test().await.get("/nowhere").await;
    /// assert_eq!(response.status(), StatusCode::NOT_FOUND);
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The header fields.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || "hello")).test().await;
    /// assert_eq!(client.get("/").await.headers()["content-type"], "text/plain; charset=utf-8");
    /// # }
    /// ```
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The first header field with this name; `None` if there is none, or if it is not text.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let response = App::new().test().await.get("/nowhere").await;
    /// assert_eq!(response.header("content-type"), Some("application/problem+json"));
    /// assert_eq!(response.header("location"), None);
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Whether the body ended in an error, which a client sees as a broken connection.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The body.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || vec![1, 2, 3])).test().await;
    /// assert_eq!(client.get("/").await.bytes(), vec![1, 2, 3]);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn bytes(&self) -> Bytes {
        assert!(!self.broken, "expected a whole body\n\n{self}");
        self.body.clone()
    }

    /// The body as text.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || "one\ntwo")).test().await;
    /// assert_eq!(client.get("/").await.text().lines().count(), 2);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> String {
        match String::from_utf8(self.bytes().into()) {
            Ok(text) => text,
            Err(error) => panic!("expected text: {error}\n\n{self}"),
        }
    }

    /// The body as JSON.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || Json(["bread", "milk"]))).test().await;
    /// let todos: Vec<String> = client.get("/").await.json();
    /// assert_eq!(todos.len(), 2);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.bytes()) {
            Ok(value) => value,
            Err(error) => panic!("expected JSON: {error}\n\n{self}"),
        }
    }
}

impl Display for TestResponse {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}{}", self.sent, self.status())?;
        show_headers(&self.head.headers, f)?;
        if let Some(note) = &self.note {
            writeln!(f, "({note})")?;
        }
        show_body(&self.body, f)
    }
}
