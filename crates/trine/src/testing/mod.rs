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
//! | [`TestClient`] | `app.test().await` | most tests: the whole application without a socket |
//! | [`blocking::TestClient`] | `app.blocking_test()` | the same, in a plain `#[test]` function |
//! | `TestServer` (feature `test-server`) | `app.test_server().await` | tests that need a socket, another client, or a URL |
//!
//! A client keeps cookies between requests, as a browser does. It follows redirects only after
//! [`TestClient::follow_redirects`]; by default, a redirect is the response. A handler that panics
//! answers with 500, as on the server. The expectations of a response are in [`expect`]. One that
//! fails shows the request, the response and the route.
//!
//! # Layout
//! - `app`: [`TestApp`], an application before its test starts
//! - `client`, `request`, `response`: the asynchronous client; `jar` keeps its cookies, `redirect`
//!   says where a redirect leads, `multipart` encodes forms with files
//! - [`blocking`]: the same client for plain functions
//! - [`expect`]: the expectations; `diff` compares JSON, `exchange` shows what was sent
//! - `server`, `websocket`: a real socket, and the client of a WebSocket

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
/// The name that other frameworks use.
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
