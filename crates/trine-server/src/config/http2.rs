//! The limits of HTTP/2 beside those that all versions share.

use std::time::Duration;

/// The limits of HTTP/2 (RFC 9113), in [`ServerConfig::http2`](super::ServerConfig::http2).
///
/// The limits that other versions have too are in [`ServerConfig`](super::ServerConfig), and apply
/// to each stream as they do to a request of HTTP/1: `head_timeout`, `keep_alive_timeout` (for a
/// connection without streams), `body_timeout`, `min_body_rate`, `write_timeout`, `min_write_rate`,
/// `max_head_bytes` (sent as `SETTINGS_MAX_HEADER_LIST_SIZE`), `max_headers`, `max_target_bytes`,
/// `max_gathered_bytes`.
///
/// ```
/// use trine_server::{Http2, ServerConfig};
///
/// let http2 = Http2 { max_concurrent_streams: 32, ..Http2::default() };
/// let config = ServerConfig { http2, ..ServerConfig::default() };
/// assert_eq!(config.http2.stream_window, 256 * 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http2 {
    /// Whether HTTP/2 is spoken: over TLS by ALPN, and in clear text by prior knowledge (RFC 9113,
    /// 3.3) on the port of HTTP/1. Default: true.
    pub enabled: bool,
    /// The number of streams that a client may have open at a time
    /// (`SETTINGS_MAX_CONCURRENT_STREAMS`). A further one is refused with `REFUSED_STREAM`.
    /// Default: 128.
    pub max_concurrent_streams: u32,
    /// Bytes of a request body that a client may send before the handler has read them; at most
    /// 2^31 - 1 (`SETTINGS_INITIAL_WINDOW_SIZE`). Beyond them the client waits. Default: 256 KiB.
    pub stream_window: u32,
    /// The same limit for all streams of a connection together; at least 65,535. Together with
    /// `early_bytes` it bounds the memory of unread bodies. Default: 1 MiB.
    pub connection_window: u32,
    /// Bytes of each request body, and of each CONNECT without a response, that are read before the
    /// handler reads them, outside of the two windows. So the small bodies of waiting requests do
    /// not block the uploads of others. The unread bodies of a connection are at most
    /// `connection_window` and this for each stream: 3 MiB by default. Their buffers may be larger,
    /// at worst some 7 MiB. Further bytes wait in the windows; while the window of the connection
    /// is used up, the other streams wait too. Default: 16 KiB.
    pub early_bytes: usize,
    /// The maximum size of a frame from the client in bytes, 16,384 to 16,777,215
    /// (`SETTINGS_MAX_FRAME_SIZE`). A larger one ends the connection with `FRAME_SIZE_ERROR`.
    /// Default: 16 KiB.
    pub max_frame_bytes: u32,
    /// Bytes of header fields that both sides store to compress later ones
    /// (`SETTINGS_HEADER_TABLE_SIZE`, RFC 7541, 4.2). A client cannot raise it. Default: 4 KiB.
    pub header_table_bytes: u32,
    /// Bytes of a streamed response that wait to be sent, per stream. While there are more, the
    /// response body is not polled. Default: 64 KiB.
    pub max_send_buffer: usize,
    /// The number of streams that a client may have reset before the server processed them. One
    /// more ends the connection with `ENHANCE_YOUR_CALM` (rapid reset, CVE-2023-44487).
    /// Default: 20.
    pub max_pending_resets: usize,
    /// The number of streams that a client may reset within ten seconds. One more ends the
    /// connection with `ENHANCE_YOUR_CALM`, because each has cost a call of the service. Default:
    /// 1,000.
    pub max_resets: u32,
    /// The number of streams that the server may have to reset because of errors of the client. One
    /// more ends the connection with `ENHANCE_YOUR_CALM`. Default: 256.
    pub max_error_resets: usize,
    /// The number of streams that the server has reset and remembers for a second, so that frames
    /// that were already sent are ignored instead of being errors. Default: 64.
    pub max_remembered_resets: usize,
    /// Bytes of overhead that small DATA frames may cause while they wait to be read, because each
    /// needs more memory than it carries. Beyond it the connection ends with `ENHANCE_YOUR_CALM`.
    /// Default: 256 KiB.
    pub data_frame_budget: usize,
    /// The number of frames within ten seconds that carry neither a request nor a body: SETTINGS,
    /// PING, PRIORITY, WINDOW_UPDATE, empty and unknown ones. A request, and each KiB of a body in
    /// either direction, allow four more. Beyond it the connection ends with `ENHANCE_YOUR_CALM`.
    /// Default: 10,000.
    pub max_control_frames: u32,
    /// The time without a byte from the client, while streams are open, after which the server
    /// sends a PING. Default: 30 s.
    pub ping_interval: Duration,
    /// The maximum time until the client answers a PING. After it, the connection is dropped.
    /// Default: 20 s.
    pub ping_timeout: Duration,
}

impl Default for Http2 {
    fn default() -> Http2 {
        Http2 {
            enabled: true,
            max_concurrent_streams: 128,
            stream_window: 256 * 1024,
            connection_window: 1024 * 1024,
            early_bytes: 16 * 1024,
            max_frame_bytes: 16 * 1024,
            header_table_bytes: 4 * 1024,
            max_send_buffer: 64 * 1024,
            max_pending_resets: 20,
            max_resets: 1_000,
            max_error_resets: 256,
            max_remembered_resets: 64,
            data_frame_budget: 256 * 1024,
            max_control_frames: 10_000,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

impl Http2 {
    /// What must be true, each with the error message if it is not.
    pub(super) fn rules(&self) -> [(bool, &'static str); 6] {
        const LARGEST_WINDOW: u32 = (1 << 31) - 1;
        [
            (self.max_concurrent_streams > 0, "`http2.max_concurrent_streams` must be at least 1"),
            (
                self.stream_window <= LARGEST_WINDOW,
                "`http2.stream_window` must be at most 2147483647",
            ),
            (
                (65_535..=LARGEST_WINDOW).contains(&self.connection_window),
                "`http2.connection_window` must be 65535 to 2147483647",
            ),
            (
                (16_384..=16_777_215).contains(&self.max_frame_bytes),
                "`http2.max_frame_bytes` must be 16384 to 16777215",
            ),
            (
                (1..=u32::MAX as usize).contains(&self.max_send_buffer),
                "`http2.max_send_buffer` must be 1 to 4294967295",
            ),
            (self.stream_window > 0, "`http2.stream_window` must be at least 1"),
        ]
    }
}
