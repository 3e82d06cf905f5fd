//! Clients for tests.
//!
//! ```
//! use serde_json::json;
//! use trine::prelude::*;
//!
//! #[derive(serde::Deserialize, serde::Serialize)]
//! struct Todo { title: String }
//!
//! async fn create(todo: Json<Todo>) -> (StatusCode, Json<Todo>) { (StatusCode::CREATED, todo) }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // In a test: #[trine::test] async fn …
//! let client = App::new().route("/todos", post(create)).test().await;
//!
//! client
//!     .post("/todos")
//!     .json(&json!({ "title": "bread" }))
//!     .await
//!     .expect_status(201)
//!     .expect_json(json!({ "title": "bread" }));
//! client.post("/todos").json(&json!({ "titel": "bread" })).await.expect_problem(422);
//! # }
//! ```
//!
//! | client | made by | what it is for |
//! |---|---|---|
//! | [`TestClient`] | `app.test().await` | almost everything: the whole application without a socket |
//! | [`blocking::TestClient`] | `app.blocking_test()` | the same in a plain `#[test]` function |
//! | `TestServer` (feature `test-server`) | `app.test_server().await` | what needs a socket, a real client, or a URL |
//!
//! A client keeps cookies from one request to the next, as a browser does. It follows no redirect
//! unless it is told to ([`TestClient::follow_redirects`]): a test wants to see it. A handler that
//! panics answers 500, as it does on the server. What is expected of a response stands in
//! [`expect`]; one that fails shows the whole exchange and the route.

mod app;
pub mod blocking;
mod client;
mod diff;
mod exchange;
pub mod expect;
mod jar;
mod multipart;
mod redirect;
mod request;
mod response;
#[cfg(feature = "test-server")]
pub mod server;
#[cfg(feature = "ws")]
pub mod websocket;

pub use self::app::TestApp;
pub use self::client::TestClient;
/// What other frameworks call it.
#[doc(hidden)]
#[deprecated(note = "write `TestClient`, which `app.test().await` makes")]
pub type Client = TestClient;
pub use self::multipart::{Content, Multipart};
pub use self::request::TestRequest;
pub use self::response::TestResponse;
#[cfg(feature = "test-server")]
pub use self::server::TestServer;
#[cfg(feature = "ws")]
pub use self::websocket::{TestSocket, TestWebSocket};
