//! The limits, all in one place.

use std::time::Duration;

/// What a connection may use, and how long it waits. Sizes are in bytes; `Duration::MAX` means
/// never.
///
/// ```
/// use trine_websocket::WebSocketConfig;
///
/// let small = WebSocketConfig { max_message_size: 4 * 1024, ..WebSocketConfig::default() };
/// assert_eq!(small.max_fragments, 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// The largest message, inflated and all its fragments together: 1 MiB. More closes with 1009.
    pub max_message_size: usize,
    /// The largest payload of a single frame as it is on the wire: 1 MiB. More closes with 1009, as
    /// soon as the head of the frame says so.
    pub max_frame_size: usize,
    /// The most frames of one message: 1024. Without a bound, a flood of empty fragments would cost
    /// work for a message that never gets larger. More closes with 1008.
    pub max_fragments: u32,
    /// How many bytes of messages may wait to be written to one peer: 256 KiB. Where they are
    /// there, `send` waits and `try_send` refuses; one message of any size may wait alone. A
    /// message of 16 KiB and more that is sent on as it was received holds the buffer that it came
    /// in, of at most 64 KiB.
    pub max_queued_bytes: usize,
    /// After how much silence of the peer it is asked for a sign of life by a ping: 30 s.
    pub heartbeat_interval: Duration,
    /// How long the peer may take to give one, by any byte: 20 s. Then the connection is dropped.
    pub pong_timeout: Duration,
    /// How long a connection may stay without a message in either direction: 1 hour. Then it is
    /// closed with 1001. What counts is a text or binary message of at least one byte that came
    /// whole, and each part of one of ours that the peer takes. Pings, pongs, empty messages and
    /// fragments of what is not whole yet cost a peer nothing and do not count.
    pub idle_timeout: Duration,
    /// How long the peer may take to answer our close: 5 s. Then the connection is dropped.
    pub close_timeout: Duration,
    /// How long the peer may take no byte of what waits for it: 30 s. Then the connection is
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

/// How messages are compressed, where the peer offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// Messages of fewer bytes leave as they are: 128. So do those that would not become smaller,
    /// unless this is 0.
    pub min_size: usize,
    /// From 1 (fast) to 9 (small): 3.
    pub level: u8,
    /// Whether a message may refer to the ones before it: no. It makes many small messages smaller,
    /// and costs up to 300 KiB for each connection for as long as it lives. Without it, the threads
    /// lend what compresses and inflates for one message, and an idle connection has nothing of it.
    pub context_takeover: bool,
    /// How far back a message of ours refers, as a power of two from 9 to 15: 15, which is 32 KiB.
    pub server_window_bits: u8,
    /// The same for messages of the client, where it lets us choose: 15.
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
