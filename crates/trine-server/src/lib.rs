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
//! # Layout
//! In the order in which a request meets them:
//! - [`server`](Server): a configuration becomes listeners and workers; [`config`](ServerConfig)
//!   holds every limit
//! - `listen`: one socket per worker; `accept`: the loop, its back-off and the limit of
//!   connections, past which `shed` answers
//! - `worker`: one thread and runtime per core; [`seam`](MakeWorker): where it gets its services
//!   from
//! - `enter`: what a listener asks of a connection before its first request
//! - `tls` (feature `tls`): the handshake, and the bytes behind it
//! - `conn`: THE loop of a connection, over `wire` (the socket, its buffers and its timer) and
//!   `out` (what is to be written)
//! - `h1/head`: bytes to request; `h1/framing`: where its body ends, the rules against smuggling;
//!   `semantics`: the rules of a head that all protocols share
//! - `upload`: the body on its way to the handler, through `h1/body`
//! - `call`: the service made ready and called
//! - `respond`: the answer on its way out, through `h1/encode`
//! - `h3` (feature `http3`, experimental): the same over QUIC
//! - `linger`, [`upgrade`], `hyper_upgrade`: how a connection ends; `shutdown`: how all of them do;
//!   `handover`: how another process goes on
//!
//! Beside the walk: [`https`], the layers that lead there; `io`, `buffer`, `date`, `timer`,
//! `patience`, `panics`, and [`error`](ServerError) with the three tables of what can go wrong.
//!
//! # What a service can rely on
//! - `poll_ready` is called only when a whole request head is there, on the very value that is then
//!   called.
//! - A panic is answered with 500 and logged; its connection ends, the server does not.
//! - An error is answered by the table of [`error_status`].
//! - A client that resets its connection cancels the request: its future is dropped. A client that
//!   only ends its own side still gets its answer. [`Cancel`] changes both.
//! - The request body is read while the service or its answer is pending, and only as far as
//!   somebody reads it.

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
pub use seam::axum::RouterOn;
pub use seam::{HttpService, MakeConnection, MakeWorker, Own, Shared};
#[doc(inline)]
pub use semantics::https;
pub use server::{Bound, Server, ServerHandle, serve};

/// What must hold for any bytes: one function per fuzz target.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::forwarded::fuzzing::forwarded;
    pub use crate::h1::fuzzing::{chunked, framing, head, uri};
    #[cfg(feature = "http3")]
    pub use crate::h3::fuzz_target::{h3_control, h3_request, h3_stream};
    pub use crate::listen::proxy_protocol::fuzz_target::proxy_protocol;
}
