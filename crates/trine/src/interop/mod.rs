//! Extractors and answers of axum in our handlers, and ours in axum's (feature `axum`, axum 0.8).
//!
//! | in a handler of | write | for |
//! |---|---|---|
//! | Trine | [`Axum<T>`] | an extractor that leaves the body alone, and any answer |
//! | Trine | [`AxumBody<T>`] | an extractor that reads the body |
//! | Trine | [`AxumWith<T, S>`] | an extractor that needs the state `S` |
//! | axum | [`Trine<T>`] | any extractor or answer of ours |
//!
//! There is a wrapper, since a blanket implementation of one framework's trait for all types of the
//! other's would clash with those for single types.
//!
//! # What cannot work
//! axum's router leaves private notes in the request that only its own extractors read: its `Path`,
//! `RawPathParams`, `MatchedPath`, `NestedPath` and `OriginalUri`; its upgrades need hyper. In our
//! handlers take [`Path`](crate::Path), [`MatchedPath`](crate::MatchedPath) and [`http::Uri`]; what
//! takes upgrades stays in an axum router that is [mounted](crate::App::mount).
//!
//! # The address
//! `ConnectInfo<SocketAddr>` is found by extractors of axum in our handlers, and by everything in a
//! service that is mounted. It is the peer, as on axum's own server: behind a proxy the proxy's
//! address, and on a Unix socket there is none. The client that a trusted proxy tells of is
//! [`Client`](crate::extract::Client), in axum's handlers `Trine<Client>`.

mod axum_in_trine;
mod connect_info;
mod trine_in_axum;

pub use axum_in_trine::{Axum, AxumBody, AxumWith};
pub(crate) use connect_info::leave;
pub use trine_in_axum::Trine;

use trine_core::{Body, Response};

type AxumResponse = axum_core::response::Response;

/// Bodies go over as they are: boxed once where they are streams, never copied.
fn from_axum(response: AxumResponse) -> Response {
    response.map(Body::new)
}

fn to_axum(response: Response) -> AxumResponse {
    response.map(axum_core::body::Body::new)
}
