//! A client for tests: the application without a socket.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use trine::testing::TestClient;
//! use trine::{Body, IntoResponse, Request};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // The service of an `App`, or any other Tower service:
//! let app = tower::service_fn(|request: Request| async move {
//!     Ok::<_, Infallible>(format!("you asked for {}", request.uri()).into_response())
//! });
//! let client = TestClient::new(app);
//!
//! let response = client.get("/todos").query(&[("done", "no")]).await;
//! response.assert_status(200);
//! assert_eq!(response.text(), "you asked for /todos?done=no");
//! # }
//! ```
//!
//! It keeps cookies from one request to the next, as a browser does. It follows no redirect: a test wants to see it.
//! A handler that panics answers 500, as it does on the server.

mod app;
mod client;
mod jar;
mod request;
mod response;

pub use self::app::TestApp;
pub use self::client::TestClient;
pub use self::request::TestRequest;
pub use self::response::TestResponse;
