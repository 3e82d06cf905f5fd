//! A reverse proxy as a Tower service, with limits and timeouts that are on by default.
//!
//! A [`Proxy`] forwards requests to one or several upstreams over pooled connections of HTTP/1 and
//! HTTP/2. It chooses among healthy upstreams, retries requests if that is safe, and tunnels
//! WebSockets and other upgrades.
//!
//! ```no_run
//! use trine_proxy::{HealthCheck, Proxy};
//! use trine_server::{Server, ServerConfig};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = Proxy::among(["http://10.0.0.1:9000", "http://10.0.0.2:9000"])?
//!     .health_check(HealthCheck::get("/health"));
//! tokio::spawn(proxy.health_checks());
//! Server::new(ServerConfig::default()).bind()?.serve(proxy).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does to a message
//! - It removes the fields of the connection in both directions (RFC 9110, 7.6.1): those that
//!   `Connection` names, `Keep-Alive`, `Proxy-Connection`, `TE` except for `trailers`,
//!   `Transfer-Encoding`, and `Upgrade` unless the connection is upgraded.
//! - It ensures that a message has one length: an ambiguous length is refused, and a known one is
//!   written anew (RFC 9112, 6.3). A response with two lengths, with a length beside chunks, or
//!   with a transfer coding other than `chunked` becomes a 502.
//! - A truncated response is truncated for the client too: its connection or its stream is aborted.
//! - Path and query stay the same byte for byte, except for prefixes. A path with a segment `.` or
//!   `..` is refused, in any spelling and also with parameters (`..;a=b`).
//! - `Via` names this proxy. `Forwarded` and `X-Forwarded-*` describe the client. The client's own
//!   statements, in these and in many similar fields, are removed unless the client is a trusted
//!   proxy ([`Forwarding`]).
//! - A host with `;` or `=` is refused, because some upstreams would take it for parameters of
//!   `Forwarded`.
//! - Bodies and trailers are streamed in both directions, at the pace of the slower side.
//!
//! # What it does not do
//! - It does not forward interim responses (1xx) other than `100 Continue` and `101 Switching
//!   Protocols`, because a Tower service cannot return them.
//! - Upgrades need an upstream with HTTP/1. Over HTTP/2 clients can open WebSockets (RFC 8441), but
//!   no other tunnels.
//! - Trailers that a request does not announce in `Trailer` do not reach an upstream over HTTP/1
//!   (hyper).
//! - It does not cache.
//!
//! # Features
//! - `server` (default): the proxy is a service of `trine-server`, and learns the address of each
//!   client from it
//! - `tls`: upstreams over TLS, with the cryptography of aws-lc-rs; `ring` uses the cryptography of
//!   ring instead
//! - `http2`: WebSockets that clients open over HTTP/2
//!
//! # Layout
//! In the order of a request:
//! - [`proxy`](Proxy): the service; `server`: the service of `trine-server`;
//!   [`config`](ProxyConfig): limits and options
//! - `forward`: the path of a request through the proxy, with its retries (`retry`)
//! - `request`: the request for an upstream: its target, header fields, `forwarded` fields and body
//! - `upstream`: choosing an upstream (`balance`, `health`, `health_check`), and the `permit` to
//!   send it a request
//! - `connection`: an idle connection from the `pool` or a new one, and one request on it
//! - `response`: the response body; `tunnel`: the bytes after a 101
//! - [`error`](ProxyError): every failure, in one table

#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
mod connection;
mod error;
mod forward;
mod proxy;
mod request;
mod response;
mod retry;
#[cfg(feature = "server")]
mod server;
mod tunnel;
mod upstream;

pub use config::ProxyConfig;
pub use config::health_check::HealthCheck;
pub use config::options::{Balance, Forwarding, Host};
#[cfg(feature = "tls-core")]
pub use connection::tls::TlsError;
pub use error::{Fault, ProxyError};
pub use proxy::{Forwarded, Proxy, UpstreamStatus};
#[cfg(feature = "tls-core")]
pub use rustls;
#[cfg(feature = "server")]
pub use server::ProxyConnection;
pub use upstream::url::{Upstream, UpstreamError};
