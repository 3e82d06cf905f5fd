//! The limits of a connection.

use std::time::Duration;

/// The limits and timeouts of a connection. Sizes are in bytes; `Duration::MAX` disables a timeout.
///
/// ```
/// use trine_websocket::WebSocketConfig;
///
/// let small = WebSocketConfig { max_message_size: 4 * 1024, ..WebSocketConfig::default() };
/// assert_eq!(small.max_fragments, 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// The maximum size of a message, decompressed and with all of its fragments: 1 MiB. A larger
    /// message closes the connection with 1009.
    pub max_message_size: usize,
    /// The maximum payload of a single frame, as it is sent: 1 MiB. A larger frame closes the
    /// connection with 1009, as soon as its head is received.
    pub max_frame_size: usize,
    /// The maximum number of frames of one message: 1024. It stops a flood of empty fragments,
    /// which no size limit would stop. More frames close the connection with 1008.
    pub max_fragments: u32,
    /// The maximum number of bytes that wait to be written to one peer: 256 KiB. Beyond it `send`
    /// waits and `try_send` fails. A single message of any size may wait alone. A received message
    /// of 16 KiB or more that is sent on unchanged keeps its receive buffer of at most 64 KiB.
    pub max_queued_bytes: usize,
    /// The time without a byte from the peer after which it is sent a ping: 30 s.
    pub heartbeat_interval: Duration,
    /// How long the peer may take to send any byte after that ping: 20 s. Then the connection is
    /// dropped.
    pub pong_timeout: Duration,
    /// How long a connection may stay open without a message in either direction: 1 hour. Then it
    /// is closed with 1001. Messages that count are text and binary messages of at least one byte:
    /// received ones once they are complete, sent ones whenever the peer reads a part of them.
    /// Pings, pongs, empty messages and fragments of incomplete messages cost a peer nothing and do
    /// not count.
    pub idle_timeout: Duration,
    /// How long the peer may take to answer a close frame: 5 s. Then the connection is dropped.
    pub close_timeout: Duration,
    /// How long the peer may read nothing while bytes wait for it: 30 s. Then the connection is
    /// dropped.
    pub write_timeout: Duration,
    /// `permessage-deflate` (RFC 7692): on. `None` declines it.
    pub compression: Option<Compression>,
}

impl Default for WebSocketConfig {
    fn default() -> WebSocketConfig {
        WebSocketConfig {
            max_message_size: 1024 * 1024,
            max_frame_size: 1024 * 1024,
            max_fragments: 1024,
            max_queued_bytes: 256 * 1024,
            heartbeat_interval: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(60 * 60),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            compression: Some(Compression::default()),
        }
    }
}

/// How messages are compressed if the peer supports it.
///
/// ```
/// use trine_websocket::{Compression, WebSocketConfig};
///
/// let small = Compression { level: 9, context_takeover: true, ..Compression::default() };
/// let config = WebSocketConfig { compression: Some(small), ..WebSocketConfig::default() };
/// assert_eq!(config.compression.unwrap().min_size, 128);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// Messages with fewer bytes are sent uncompressed: 128. So are messages that compression would
    /// not make smaller, unless this is 0.
    pub min_size: usize,
    /// The compression level, from 1 (fast) to 9 (small): 3.
    pub level: u8,
    /// Whether a message may refer to earlier messages: no. With it, many small messages become
    /// smaller, but each connection uses up to 300 KiB as long as it is open. Without it, a
    /// connection borrows a compressor of its thread for one message, and an idle connection holds
    /// none.
    pub context_takeover: bool,
    /// The window of messages that the server sends, as a power of two from 9 to 15: 15, which is
    /// 32 KiB.
    pub server_window_bits: u8,
    /// The window of messages that the client sends, if it lets the server choose: 15.
    pub client_window_bits: u8,
}

impl Default for Compression {
    fn default() -> Compression {
        Compression {
            min_size: 128,
            level: 3,
            context_takeover: false,
            server_window_bits: 15,
            client_window_bits: 15,
        }
    }
}
