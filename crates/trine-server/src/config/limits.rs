//! The limits of a connection: the checked form of [`ServerConfig`](super::ServerConfig) that the
//! protocols see.

use std::time::Duration;

use super::http2::Http2;
use super::http3::Http3;
use crate::forwarded::network::Network;

/// The limits and timeouts of a connection and its requests. The fields of the same name in
/// [`ServerConfig`](super::ServerConfig) have the description.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(all(feature = "tls-core", feature = "http2", feature = "http3")),
    allow(dead_code, reason = "each protocol reads the limits of its own")
)]
pub(crate) struct Limits {
    pub(crate) at_capacity: AtCapacity,
    pub(crate) cancel: Cancel,

    pub(crate) handshake_timeout: Duration,
    pub(crate) max_handshakes: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) body_timeout: Duration,
    /// In bytes per second.
    pub(crate) min_body_rate: u64,
    pub(crate) write_timeout: Duration,
    /// In bytes per second.
    pub(crate) min_write_rate: u64,
    pub(crate) discard_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,

    pub(crate) head: HeadLimits,
    pub(crate) body: BodyLimits,
    pub(crate) max_discard_bytes: u64,
    pub(crate) max_gathered_bytes: usize,

    pub(crate) http2: Http2,
    pub(crate) http3: Http3,
    /// The peers that may state a scheme that differs from the scheme of their connection.
    pub(crate) trusted_proxies: Vec<Network>,
}

/// The limits of a request head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    pub(crate) bytes: usize,
    /// The number of header fields.
    pub(crate) headers: usize,
    /// Bytes of the request target.
    pub(crate) target: usize,
}

impl HeadLimits {
    /// The largest value of `bytes`, and of [`BodyLimits::trailers`]: positions in a head are kept
    /// in 32 bits.
    pub(crate) const MAX_BYTES: usize = 1 << 30;
    /// The largest value of `headers`, which bounds the work for one head.
    pub(crate) const MAX_HEADERS: usize = 256;
    /// The largest value of `target`: the longest target that `http::Uri` can hold.
    pub(crate) const MAX_TARGET: usize = 65_534;
}

/// The limits of a request body beside its length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    /// Bytes of all chunk extensions of one body together.
    pub(crate) extensions: usize,
    /// Bytes of the trailer section.
    pub(crate) trailers: usize,
    /// The number of trailer fields.
    pub(crate) headers: usize,
}

/// When the future of a service is dropped before it has produced a response, because the client is
/// gone.
///
/// A shutdown drops it in any case once [`shutdown_timeout`](super::ServerConfig::shutdown_timeout)
/// has elapsed.
///
/// ```
/// use trine_server::{Cancel, ServerConfig};
///
/// // Each request runs to its end, for example because it changes data in several steps.
/// let config = ServerConfig { cancel: Cancel::Never, ..ServerConfig::default() };
/// assert_eq!(Cancel::default(), Cancel::Reset);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cancel {
    /// When the client resets the connection, or when writing to it fails. A client that only
    /// closes its sending side (a FIN, as `nc` sends at the end of its input) still receives its
    /// response.
    #[default]
    Reset,
    /// Also when the client closes its sending side, which most clients do by closing the
    /// connection. It saves work where responses are expensive. Clients that half-close the
    /// connection receive no response.
    Fin,
    /// Never: the service runs to its end. Its response is discarded if the client is gone.
    Never,
}

/// What happens to a new connection while
/// [`max_connections`](super::ServerConfig::max_connections) are open.
///
/// ```
/// use trine_server::{AtCapacity, ServerConfig};
///
/// let config = ServerConfig { at_capacity: AtCapacity::Shed, ..ServerConfig::default() };
/// assert_eq!(AtCapacity::default(), AtCapacity::Wait);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtCapacity {
    /// It waits in the backlog of the system, where it uses no memory of this process, until
    /// another connection ends. It suits short peaks, and clients that would only retry.
    #[default]
    Wait,
    /// Its request is answered with 503 and `Retry-After: 1`, and the connection is closed, so that
    /// a load balancer chooses another server at once. Each worker sends at most 64 such responses
    /// at a time, each within [`discard_timeout`](super::ServerConfig::discard_timeout); further
    /// connections are reset.
    Shed,
}
