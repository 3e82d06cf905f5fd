//! What bounds a QUIC connection beyond the limits that all versions of HTTP share.

use std::time::Duration;

/// The limits that only HTTP/3 has (feature `http3`, experimental). Everything else, from
/// `max_head_bytes` to `min_write_rate`, holds for all versions and stands in
/// [`ServerConfig`](crate::ServerConfig).
///
/// ```
/// use trine_server::{Http3, ServerConfig};
///
/// let http3 = Http3 { max_concurrent_streams: 10, ..Http3::default() };
/// let config = ServerConfig { http3, ..ServerConfig::default() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http3 {
    /// Requests that a connection may have open at a time; at most 65,535. QUIC keeps clients from
    /// opening more (RFC 9000, 4.6). Default: 128.
    pub max_concurrent_streams: u32,
    /// Requests that a client may take back, or that break the rules, beyond those whose answers it
    /// took: each may have made work for nothing. The client sees the end of the connection,
    /// `H3_EXCESSIVE_LOAD`. Default: 200.
    pub max_cancelled: u32,
    /// Bytes of one request that a client may send before somebody reads them (RFC 9000, 4.1).
    /// Default: 256 KiB.
    pub stream_window: u32,
    /// The same for all requests of a connection together. Default: 1 MiB.
    pub connection_window: u32,
    /// Bytes of each request body that are taken before anybody reads them, outside of the two
    /// windows above, so that the small bodies of requests that wait do not stop the uploads of
    /// others. Unread bodies of a connection are at most the `connection_window` and this for each
    /// request: 3 MiB. The buffers that they lie in may be larger: a first piece holds the packets
    /// that it came in. At worst that is several times as much memory. What lies beyond it waits in
    /// the windows, and so do the other requests while the connection's is used up. Default: 16
    /// KiB.
    pub early_bytes: usize,
    /// Bytes of all answers of a connection that are held until the client has acknowledged them.
    /// An answer that is larger waits. Default: 1 MiB.
    pub send_window: u32,
    /// Time after which a client that gives no sign of life is gone (RFC 9000, 10.1). It is asked
    /// for one every third of it; a connection that is merely without requests lasts for
    /// `keep_alive_timeout`. Default: 30 s.
    pub idle_timeout: Duration,
    /// Handshakes of an endpoint under way past which a new client must first prove its address by
    /// a round trip (Retry, RFC 9000, 8.1.2), so that forged ones cost next to nothing. 0 asks it
    /// of everybody. Default: 100.
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
    /// What must hold, with what is said if it does not.
    pub(super) fn rules(&self) -> [(bool, &'static str); 5] {
        [
            // quinn makes room for all of them when a connection begins.
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
