//! The limits of HTTP/3 beside those that all versions share.

use std::time::Duration;

/// The limits that only HTTP/3 has (feature `http3`, experimental), in
/// [`ServerConfig::http3`](crate::ServerConfig::http3). The limits of
/// [`ServerConfig`](crate::ServerConfig), from `max_head_bytes` to `min_write_rate`, apply too.
///
/// ```
/// use trine_server::{Http3, ServerConfig};
///
/// let http3 = Http3 { max_concurrent_streams: 10, ..Http3::default() };
/// let config = ServerConfig { http3, ..ServerConfig::default() };
/// assert_eq!(config.http3.stream_window, 256 * 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http3 {
    /// The number of requests that a connection may have open at a time; at most 65,535. QUIC
    /// prevents clients from opening more (RFC 9000, 4.6). Default: 128.
    pub max_concurrent_streams: u32,
    /// The number of requests that a client may cancel, or that are invalid, beyond those whose
    /// responses it has received: each may have caused work for nothing. One more ends the
    /// connection with `H3_EXCESSIVE_LOAD`. Default: 200.
    pub max_cancelled: u32,
    /// Bytes of one request that a client may send before the handler reads them (RFC 9000, 4.1);
    /// at least 1 KiB. Default: 256 KiB.
    pub stream_window: u32,
    /// The same limit for all requests of a connection together; at least 1 KiB. Default: 1 MiB.
    pub connection_window: u32,
    /// Bytes of each request body that are read before the handler reads them, outside of the two
    /// windows above. So the small bodies of waiting requests do not block the uploads of others.
    /// The unread bodies of a connection are at most `connection_window` and this for each request:
    /// 3 MiB by default. Their buffers may be larger, because a piece keeps the packets that it
    /// arrived in; at worst they take several times as much memory. Further bytes wait in the
    /// windows; while the window of the connection is used up, the other requests wait too.
    /// Default: 16 KiB.
    pub early_bytes: usize,
    /// Bytes of all responses of a connection that are stored until the client has acknowledged
    /// them; at least 1 KiB. A larger response waits. Default: 1 MiB.
    pub send_window: u32,
    /// The time without a packet from the client after which the connection is dropped (RFC 9000,
    /// 10.1); at least 10 ms. The server asks for a packet every third of it. A connection without
    /// requests stays open for `keep_alive_timeout`. Default: 30 s.
    pub idle_timeout: Duration,
    /// The number of concurrent handshakes of an endpoint above which a new client must first prove
    /// its address by a round trip (Retry, RFC 9000, 8.1.2), so that forged addresses cost almost
    /// nothing. With 0, every client must. Default: 100.
    pub max_unproven: usize,
}

impl Default for Http3 {
    fn default() -> Http3 {
        Http3 {
            max_concurrent_streams: 128,
            max_cancelled: 200,
            stream_window: 256 * 1024,
            connection_window: 1024 * 1024,
            early_bytes: 16 * 1024,
            send_window: 1024 * 1024,
            idle_timeout: Duration::from_secs(30),
            max_unproven: 100,
        }
    }
}

impl Http3 {
    /// What must be true, each with the error message if it is not.
    pub(super) fn rules(&self) -> [(bool, &'static str); 5] {
        [
            // quinn allocates memory for all of them at the start of a connection.
            (
                (1..=65_535).contains(&self.max_concurrent_streams),
                "`http3.max_concurrent_streams` must be 1 to 65535",
            ),
            (self.stream_window >= 1024, "`http3.stream_window` must be at least 1024"),
            (self.connection_window >= 1024, "`http3.connection_window` must be at least 1024"),
            (self.send_window >= 1024, "`http3.send_window` must be at least 1024"),
            (
                self.idle_timeout >= Duration::from_millis(10),
                "`http3.idle_timeout` must be at least 10 ms",
            ),
        ]
    }
}
