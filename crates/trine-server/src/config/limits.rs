//! What bounds a connection: the checked form of [`ServerConfig`](super::ServerConfig) that the
//! protocols see.

use std::time::Duration;

use super::http2::Http2;
use super::http3::Http3;
use crate::forwarded::network::Network;

/// The limits and timeouts of a connection and its requests. The fields of the same name in
/// [`ServerConfig`](super::ServerConfig) have the description.
#[derive(Debug, Clone)]
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
    /// The peers that may name another scheme than that of their connection.
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

/// When the future of a service is dropped before it has answered, because nobody waits for the
/// answer.
///
/// A shutdown whose time is over drops it in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cancel {
    /// When the client resets the connection, or when what we write to it fails. A client that only
    /// ends its own side (a FIN, as `nc` sends behind its input) still waits for its answer and
    /// gets it.
    #[default]
    Reset,
    /// When the client ends its own side too, which most clients do by closing. Saves work where
    /// answers are costly, at the price of clients that half-close: they get no answer.
    Fin,
    /// Never: what a service began, it ends. Its answer is thrown away if nobody is there to read
    /// it.
    Never,
}

/// What becomes of a new connection while [`ServerConfig::max_connections`](super::ServerConfig::max_connections) are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtCapacity {
    /// It waits in the system's backlog, where it costs no memory of ours, until another one ends.
    /// Right where peaks are short, and where clients would only try again.
    #[default]
    Wait,
    /// Its request is answered with 503, `Retry-After: 1` and the end of the connection, so that a
    /// load balancer goes elsewhere at once. At most 64 such answers of a worker are on their way
    /// at a time, each for at most [`ServerConfig::discard_timeout`](super::ServerConfig::discard_timeout); further connections are
    /// reset.
    Shed,
}
