//! A reverse proxy as a Tower service, with every limit and timeout on.
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
//! # Layout
//! In the order in which a request meets them:
//! - [`proxy`](Proxy): the service; [`config`](ProxyConfig) holds every limit, `settings` the rest
//! - `forward`: THE walk of a request, tried again by the rules of `retry`
//! - `request`: what is passed on of it: `target`, `headers` (hop-by-hop fields, framing),
//!   `forwarded` (with `claims` and `lists`), `hops`, `extended` (a WebSocket over HTTP/2)
//! - [`balance`](Balance): one of the [`upstream`](Upstream)s, by its `health` and `check`
//! - `place`: how many requests it may have, and the queue
//! - `pool`: a connection that is open, or `connect` (with `stream` and `tls`) opens one
//! - `conn`: the request on it, with its body `outgoing`; `clock` counts the time
//! - `answer`: the body of the answer; `upgrade`: the bytes after a 101
//! - [`error`](ProxyError): the table of what can go wrong
//!
//! # What it does to a message
//! - Fields of the connection are taken out, both ways (RFC 9110, 7.6.1): those that `Connection`
//!   names, `Keep-Alive`, `Proxy-Connection`, `TE` but for `trailers`, `Transfer-Encoding`,
//!   `Upgrade` unless the connection is upgraded.
//! - The length is said once: what is ambiguous is refused, what is known is written anew (RFC
//!   9112, 6.3). Of an answer too: two lengths, a length with chunks, or a transfer coding other
//!   than `chunked` are 502.
//! - An answer that can be told to be cut is cut for the client: its connection or its stream
//!   breaks off.
//! - Path and query stay byte for byte, but for prefixes. A segment `.` or `..`, however it is
//!   spelt, is refused, with parameters (`..;a=b`) too.
//! - `Via` names this proxy; `Forwarded` and `X-Forwarded-*` tell of the client, and what it says
//!   of itself, there and under many other names, is thrown away unless it is a trusted proxy
//!   ([`Forwarding`]).
//! - A host with `;` or `=` is refused: there are upstreams that would read parameters of
//!   `Forwarded` in it.
//! - Bodies and trailers are streamed, both ways, as fast as the slower side takes them.
//!
//! # What it does not do
//! - Interim answers (1xx) other than `100 Continue` and `101 Switching Protocols` are not passed
//!   on: a Tower service has no place for them.
//! - Upgrades need an upstream of HTTP/1. A client of HTTP/2 can open WebSockets (RFC 8441), and no
//!   other tunnel.
//! - Trailers that a request does not announce in `Trailer` do not reach an upstream of HTTP/1
//!   (hyper).
//! - It caches nothing.

mod config;
mod connection;
mod error;
mod forward;
mod proxy;
mod request;
mod response;
mod retry;
mod tunnel;
mod upstream;

pub use config::ProxyConfig;
#[cfg(feature = "tls-core")]
pub use connection::tls::TlsError;
pub use error::{Fault, ProxyError};
pub use proxy::{Connected, Forwarded, Host, Proxy, UpstreamStatus};
pub use request::forwarded::Forwarding;
#[cfg(feature = "tls-core")]
pub use rustls;
pub use upstream::balance::Balance;
pub use upstream::health_check::HealthCheck;
pub use upstream::{Upstream, UpstreamError};
