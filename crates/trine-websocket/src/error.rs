//! Violations of the protocol by a peer.

use crate::close::CloseCode;

/// The peer violated the protocol or a limit. The connection ends with a close frame that names the
/// violation.
///
/// ```
/// use trine_websocket::{CloseCode, ProtocolError};
///
/// let error = ProtocolError::MessageTooBig(1024);
/// assert_eq!(error.to_string(), "a message has more than 1024 bytes");
/// assert_eq!(error.close_code(), CloseCode::TOO_BIG);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// RFC 6455, 5.2: no negotiated extension defines these bits.
    #[error("a frame has reserved bits set")]
    ReservedBits,
    /// RFC 6455, 5.2.
    #[error("opcode {0} is reserved")]
    Opcode(u8),
    /// RFC 6455, 5.5.
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// RFC 6455, 5.5.
    #[error("a control frame has more than 125 bytes")]
    LongControl,
    /// RFC 6455, 5.2: the shortest form is required.
    #[error("a length is not encoded in its shortest form")]
    LengthForm,
    /// RFC 6455, 5.2.
    #[error("a length has its highest bit set")]
    LengthTopBit,
    /// RFC 6455, 5.1.
    #[error("a frame from a client is not masked")]
    NotMasked,
    /// RFC 6455, 5.1.
    #[error("a frame from a server is masked")]
    Masked,
    /// RFC 6455, 5.4.
    #[error("a continuation frame does not continue a message")]
    LoneContinuation,
    /// RFC 6455, 5.4.
    #[error("a message begins before the last one has ended")]
    Interleaved,
    /// RFC 6455, 5.5.1.
    #[error("a close frame has a payload of one byte")]
    CloseLength,
    /// RFC 6455, 7.4.
    #[error("close code {0} may not be sent")]
    CloseCode(u16),
    /// RFC 6455, 8.1.
    #[error("a text message is not UTF-8")]
    Utf8,
    /// RFC 7692, 7.2.2.
    #[error("a compressed message cannot be decompressed")]
    Inflate,
    /// [`WebSocketConfig::max_frame_size`](crate::WebSocketConfig::max_frame_size).
    #[error("a frame has more than {0} bytes")]
    FrameTooBig(usize),
    /// [`WebSocketConfig::max_message_size`](crate::WebSocketConfig::max_message_size),
    /// decompressed.
    #[error("a message has more than {0} bytes")]
    MessageTooBig(usize),
    /// [`WebSocketConfig::max_fragments`](crate::WebSocketConfig::max_fragments).
    #[error("a message has more than {0} fragments")]
    TooManyFragments(u32),
}

impl ProtocolError {
    /// The code of the close frame that is sent to the peer.
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        match self {
            ProtocolError::Utf8 | ProtocolError::Inflate => CloseCode::INVALID,
            ProtocolError::FrameTooBig(_) | ProtocolError::MessageTooBig(_) => CloseCode::TOO_BIG,
            ProtocolError::TooManyFragments(_) => CloseCode::POLICY,
            _ => CloseCode::PROTOCOL,
        }
    }
}
