//! Extractors and responses of axum in handlers of Trine, and the reverse (feature `axum`, for axum
//! 0.8).
//!
//! | in a handler of | write | for |
//! |---|---|---|
//! | Trine | [`Axum<T>`] | an axum extractor that does not read the body, or an axum response |
//! | Trine | [`AxumBody<T>`] | an axum extractor that reads the body |
//! | Trine | [`AxumWith<T, S>`] | an axum extractor that needs the state `S` |
//! | axum | [`Trine<T>`] | any extractor or response of Trine |
//!
//! ```
//! use axum::response::NoContent;
//! use trine::{Axum, prelude::*};
//!
//! # #[trine::main]
//! # async fn main() {
//! let app = App::new().route("/", delete(async || Axum(NoContent)));
//! app.test().await.delete("/").await.expect_status(204);
//! # }
//! ```
//!
//! The wrappers are necessary because a blanket implementation of the trait of one framework for
//! all types of the other would conflict with the implementations for single types.
//!
//! # What cannot work
//! axum's `Path`, `RawPathParams`, `MatchedPath`, `NestedPath` and `OriginalUri` read private
//! extensions that only axum's router sets. In Trine handlers, use [`Path`](crate::Path),
//! [`MatchedPath`](crate::MatchedPath) and [`http::Uri`] instead. Upgrades of axum need hyper, so
//! handlers with upgrades stay in an axum router that is [mounted](crate::App::mount).
//!
//! # The address
//! `ConnectInfo<SocketAddr>` is available to axum extractors in Trine handlers, and to everything
//! in a mounted service. It is the address of the peer, as on axum's own server. Behind a proxy
//! that is the address of the proxy, and on a Unix socket there is none. The address of the client,
//! as a trusted proxy reports it, is [`Client`](crate::extract::Client), in axum handlers
//! `Trine<Client>`.
//!
//! # Layout
//! `axum_in_trine` and `trine_in_axum` have the wrappers for each direction. `connect_info`
//! provides the address.

mod axum_in_trine;
mod connect_info;
mod trine_in_axum;

pub use axum_in_trine::{Axum, AxumBody, AxumWith};
pub(crate) use connect_info::insert_connect_info;
pub use trine_in_axum::Trine;

use trine_core::{Body, Response};

type AxumResponse = axum_core::response::Response;

/// Bodies are converted without copying. A stream is boxed once.
fn from_axum(response: AxumResponse) -> Response {
    response.map(Body::new)
}

fn to_axum(response: Response) -> AxumResponse {
    response.map(axum_core::body::Body::new)
}
