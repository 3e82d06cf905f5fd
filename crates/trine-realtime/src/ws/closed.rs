//! The reasons for which a socket is closed.

use std::any::Any;
use std::sync::Arc;

use trine_core::panic_text;
use trine_websocket::{CloseCode, CloseFrame, ProtocolError};

/// The reason why a socket is closed.
///
/// ```
/// use trine::ws::{CloseCode, CloseFrame, Closed};
///
/// let closed = Closed::Peer(Some(CloseFrame::new(CloseCode::NORMAL, "bye")));
/// assert_eq!(closed.to_string(), "the peer closed the connection with 1000: \"bye\"");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The peer closed the connection, with an optional code and reason.
    #[error("the peer closed the connection{}", describe(.0.as_ref()))]
    Peer(Option<CloseFrame>),
    /// This side closed it: by `close`, or because the function of the socket has ended.
    #[error("this side closed the connection")]
    Local,
    /// The server is shutting down, and has closed the connection with 1001.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The peer violated the protocol or a limit, and the connection was closed with its code.
    #[error("the peer violated the protocol: {0}")]
    Protocol(ProtocolError),
    /// A timeout of [`WebSocketConfig`](super::WebSocketConfig) expired.
    #[error("a timeout expired: {0}")]
    TimedOut(&'static str),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Lost(Arc<std::io::Error>),
}

fn describe(frame: Option<&CloseFrame>) -> String {
    match frame {
        None => " without a code".to_owned(),
        Some(frame) if frame.reason.is_empty() => format!(" with {}", frame.code),
        Some(frame) => format!(" with {}: {:?}", frame.code, frame.reason),
    }
}

/// Logs a panic of the function of a socket, or of a stream that it forwards, and returns the frame
/// that closes the socket.
pub(super) fn close_frame_of_panic(panic: &(dyn Any + Send)) -> CloseFrame {
    let text = panic_text(panic);
    tracing::error!(panic = text, "the function of a WebSocket panicked; it is closed with 1011");
    CloseFrame::new(CloseCode::ERROR, "the server failed")
}
