//! Why a socket is closed.

use std::sync::Arc;

use trine_websocket::{CloseFrame, ProtocolError};

/// Why a socket is closed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The peer said goodbye, with a code where it gave one.
    #[error("the peer closed the connection{}", told(.0.as_ref()))]
    Peer(Option<CloseFrame>),
    /// This side did: by `close`, or as the function of the socket has ended.
    #[error("this side closed the connection")]
    Here,
    /// The server shuts down; the peer was told by 1001.
    #[error("the server shuts down")]
    ShuttingDown,
    /// The peer broke a rule or a limit, and was told which.
    #[error("the peer was let go: {0}")]
    Protocol(ProtocolError),
    /// The peer gave no sign of life, did not read, or nobody said anything for too long.
    #[error("the peer was let go: {0}")]
    TimedOut(&'static str),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Lost(Arc<std::io::Error>),
}

fn told(frame: Option<&CloseFrame>) -> String {
    match frame {
        None => " without a code".to_owned(),
        Some(frame) if frame.reason.is_empty() => format!(" with {}", frame.code),
        Some(frame) => format!(" with {}: {:?}", frame.code, frame.reason),
    }
}
