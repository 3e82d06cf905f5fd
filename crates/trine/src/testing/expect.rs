//! The expectations of a response.
//!
//! Each one returns the response, so that calls can be chained. One that fails panics at the line
//! of the test and shows the request, the matched route with its handler and location, and the
//! response:
//!
//! ```text
//! expected status 201, got 422 Unprocessable Entity
//!
//! POST /todos
//! content-type: application/json
//!
//! {"titel":"bread"}
//!
//! route: POST /todos -> `create` at src/todos.rs:12
//!
//! 422 Unprocessable Entity
//! content-type: application/problem+json
//!
//! {"type":"about:blank","title":"Unprocessable Entity","status":422,…}
//! ```

use serde::Serialize;
use serde_json::Value;

use super::TestResponse;
use super::diff::differences;

impl TestResponse {
    /// Expects this status.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(async || StatusCode::CREATED)).test().await;
    /// client.post("/").await.expect_status(201);
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_status(&self, expected: u16) -> &TestResponse {
        let got = self.status();
        assert!(got.as_u16() == expected, "expected status {expected}, got {got}\n\n{self}");
        self
    }

    /// Expects a header field with this name and value. There may be more fields with the same
    /// name.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || Redirect::to("/todos"))).test().await;
    /// client.get("/").await.expect_header("location", "/todos");
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_header(&self, name: &str, expected: &str) -> &TestResponse {
        let found = self.headers().get_all(name).iter().any(|value| value == expected);
        assert!(found, "expected header `{name}: {expected}`\n\n{self}");
        self
    }

    /// Expects this text as the whole body.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || "hello")).test().await;
    /// client.get("/").await.expect_text("hello");
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_text(&self, expected: &str) -> &TestResponse {
        assert!(self.text() == expected, "expected the body `{expected}`\n\n{self}");
        self
    }

    /// Expects this text somewhere in the body.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || Html("<h1>Todos</h1>"))).test().await;
    /// client.get("/").await.expect_text_contains("Todos");
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_text_contains(&self, expected: &str) -> &TestResponse {
        assert!(self.text().contains(expected), "expected `{expected}` in the body\n\n{self}");
        self
    }

    /// Expects the body to be JSON that equals this value, which may be anything that `serde` can
    /// serialize: `json!({ … })`, a struct, a list.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", get(async || Json([1, 2]))).test().await;
    /// client.get("/").await.expect_json([1, 2]);
    /// # }
    /// ```
    ///
    /// A failure lists the paths at which the two differ, as in
    /// `$.user.name: expected "Ann", got "Bob"`.
    #[track_caller]
    pub fn expect_json(&self, expected: impl Serialize) -> &TestResponse {
        let expected = match serde_json::to_value(expected) {
            Ok(value) => value,
            Err(error) => panic!("the expectation is not JSON: {error}"),
        };
        let got = self.json::<Value>();
        let differ = differences(&expected, &got);
        assert!(differ.is_empty(), "expected other JSON:\n{differ}\n{self}");
        self
    }

    /// Expects a problem document (RFC 9457) with this status: the status of the response, the
    /// content type `application/problem+json`, and the member `status`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().test().await;
    /// client.get("/nowhere").await.expect_problem(404);
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_problem(&self, expected: u16) -> &TestResponse {
        self.expect_status(expected);
        let content_type = self.header("content-type").unwrap_or("no content type");
        assert!(
            content_type == "application/problem+json",
            "expected `application/problem+json`, got {content_type}\n\n{self}"
        );
        let status = &self.json::<Value>()["status"];
        assert!(
            status == expected,
            "expected the member `status` to be {expected}, got {status}\n\n{self}"
        );
        self
    }
}
