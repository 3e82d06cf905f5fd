//! Runs any Tower service on sockets, with every limit and timeout on.
//!
//! ```no_run
//! use std::convert::Infallible;
//!
//! use http::{Request, Response};
//! use trine_core::Body;
//!
//! # async fn run() -> Result<(), trine_server::ServerError> {
//! let hello = tower::service_fn(|_request: Request<Body>| async {
//!     Ok::<_, Infallible>(Response::new(Body::from("hello")))
//! });
//! trine_server::serve(hello).await
//! # }
//! ```
//!
//! [`Server`] runs it with a [configuration](ServerConfig), which has every limit and timeout; its
//! [`handle`](Bound::handle) stops or restarts the server. An axum `Router` runs unchanged; with
//! the feature `axum`, [`ConnectionRouter`] also gives it its `ConnectInfo`.
//!
//! # Layout
//! In the order in which a connection and its requests meet them. In comments, *the engine* is the
//! part that speaks HTTP: `transport`, `h1`, `h2`, `h3` and `semantics`.
//! - `config`: [`ServerConfig`], and the checked limits that the protocols see
//! - `listen`: from each [`Listener`] to its sockets; the PROXY protocol
//! - `server`: [`Server`] and [`Bound`]; `worker`: one thread and runtime per core; `accept`: its
//!   accept loop; `connection`: what a listener requires before the first request
//! - `tls` (feature `tls`): the handshake, and the decrypted bytes
//! - `transport`: the socket of a connection with its buffers and its timer
//! - `h1`: HTTP/1.1: `connection` is the loop of a connection, `codec` parses and writes bytes
//!   without I/O
//! - `h2` (feature `http2`) and `h3` (feature `http3`, experimental): the other versions of HTTP
//! - `semantics`: the rules of RFC 9110 that all versions share; [`https`]: layers that lead to
//!   HTTPS
//! - `seam`: how the server gets its services ([`MakeWorker`], [`MakeConnection`]) and calls them
//! - `forwarded`: the client address and scheme behind [trusted proxies](TrustedProxies)
//! - [`upgrade`]: connections that leave HTTP
//! - `handover`: a restart that loses no request; `server/shutdown`: the graceful shutdown
//! - `error`: the errors of the server ([`ServerError`]), and the status of each error of a request
//!
//! # What a service can rely on
//! - `poll_ready` is called only when a whole request head has arrived, on the same value that is
//!   then called.
//! - A panic is logged and answered with 500. Its connection ends, the server does not.
//! - An error is answered with the status of [`error_status`].
//! - A client that resets its connection cancels the request: its future is dropped. A client that
//!   only closes its sending side still receives its response. [`Cancel`] changes both.
//! - The request body is read while the service or its response is pending, and only as far as the
//!   service reads it.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
mod error;
mod forwarded;
mod h1;
#[cfg(feature = "http2")]
mod h2;
#[cfg(feature = "http3")]
mod h3;
#[cfg(unix)]
mod handover;
mod listen;
mod seam;
mod semantics;
mod server;
#[cfg(feature = "tls-core")]
pub mod tls;
#[cfg(not(feature = "tls-core"))]
#[path = "tls/disabled.rs"]
pub mod tls;
mod transport;
pub mod upgrade;

pub use config::{
    Acme, AcmeChallenge, AtCapacity, Cancel, Certificate, Http2, Http3, ServerConfig,
};
pub use error::{ServerError, error_status};
pub use forwarded::network::{IpRange, Network};
pub use forwarded::{Client, ForwardedBy, TrustedProxies, is_forwarded, over_tls};
#[cfg(feature = "http2")]
pub use h2::Protocol;
#[cfg(unix)]
pub use handover::HandoverError;
pub use listen::address::{Address, ParseAddressError};
pub use listen::listener::Listener;
pub use listen::text::ParseListenerError;
#[cfg(feature = "axum")]
pub use seam::axum::ConnectionRouter;
pub use seam::{
    HttpService, HyperUpgrades, MakeConnection, MakeWorker, NativeUpgrades, UpgradeKind,
};
#[doc(inline)]
pub use semantics::https;
pub use server::{Bound, Server, ServerHandle, serve};

/// One function per fuzz target: it panics if a property does not hold for the given bytes.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::forwarded::fuzzing::forwarded;
    pub use crate::h1::fuzzing::{chunked, framing, head, uri};
    #[cfg(feature = "http3")]
    pub use crate::h3::fuzzing::{h3_control, h3_request, h3_stream};
    pub use crate::listen::proxy_protocol::fuzz_target::proxy_protocol;
}
