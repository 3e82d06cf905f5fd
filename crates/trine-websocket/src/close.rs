//! Close codes and reasons (RFC 6455, 7.4).

use crate::error::ProtocolError;

/// A status code of a close frame.
///
/// ```
/// use trine_websocket::CloseCode;
///
/// assert_eq!(CloseCode::AWAY.as_u16(), 1001);
/// assert_eq!(CloseCode::new(4000).map(CloseCode::as_u16), Some(4000));
/// // 1006 reports that there was no close frame, so no close frame may contain it.
/// assert_eq!(CloseCode::new(1006), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: the server is shutting down, or the browser is leaving the page.
    pub const AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: CloseCode = CloseCode(1002);
    /// 1003: an unsupported kind of message, such as a binary message where text is expected.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// 1007: a message with invalid content, such as text that is not UTF-8.
    pub const INVALID: CloseCode = CloseCode(1007);
    /// 1008: a violation of the rules of this endpoint for which there is no other code.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// 1009: a message is too big.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// 1011: the server failed.
    pub const ERROR: CloseCode = CloseCode(1011);
    /// 1012: the server is restarting; reconnect after a moment.
    pub const RESTART: CloseCode = CloseCode(1012);
    /// 1013: the server is overloaded; reconnect later.
    pub const TRY_AGAIN: CloseCode = CloseCode(1013);

    /// A code that may be sent: the registered codes that may appear in a frame, 3000 to 3999
    /// (registered by libraries), and 4000 to 4999 (private use). `None` for every other number.
    #[must_use]
    pub const fn new(code: u16) -> Option<CloseCode> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(CloseCode(code)),
            _ => None,
        }
    }

    /// The code as a number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The content of a close frame.
///
/// ```
/// use trine_websocket::{CloseCode, CloseFrame};
///
/// let frame = CloseFrame::new(CloseCode::POLICY, "too many rooms");
/// assert_eq!((frame.code.as_u16(), &*frame.reason), (1008, "too many rooms"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// The code.
    pub code: CloseCode,
    /// A reason for logs, not for users. At most 123 bytes of it are sent.
    pub reason: String,
}

impl CloseFrame {
    /// A close frame with a code and a reason.
    pub fn new(code: CloseCode, reason: impl Into<String>) -> CloseFrame {
        CloseFrame { code, reason: reason.into() }
    }

    /// Parses the payload of a close frame. `None` is a close frame without a code.
    pub(crate) fn parse(payload: &[u8]) -> Result<Option<CloseFrame>, ProtocolError> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(ProtocolError::CloseLength),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(ProtocolError::CloseCode(code))?;
        let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::Utf8)?;
        Ok(Some(CloseFrame { code, reason: reason.to_owned() }))
    }

    /// The reason, truncated to the size of a control frame.
    pub(crate) fn truncated_reason(&self) -> &str {
        const MAX_LEN: usize = 125 - 2;
        &self.reason[..self.reason.floor_char_boundary(MAX_LEN)]
    }
}

impl From<CloseCode> for CloseFrame {
    fn from(code: CloseCode) -> CloseFrame {
        CloseFrame { code, reason: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_close_frames_are_parsed() {
        assert_eq!(CloseFrame::parse(b""), Ok(None));
        assert_eq!(CloseFrame::parse(b"\x03"), Err(ProtocolError::CloseLength));
        assert_eq!(
            CloseFrame::parse(b"\x03\xe8bye"),
            Ok(Some(CloseFrame::new(CloseCode::NORMAL, "bye")))
        );
        assert_eq!(CloseFrame::parse(b"\x03\xe8\xff"), Err(ProtocolError::Utf8));
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            let [high, low] = code.to_be_bytes();
            assert_eq!(CloseFrame::parse(&[high, low]), Err(ProtocolError::CloseCode(code)));
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let frame = CloseFrame::new(CloseCode::NORMAL, "é".repeat(100));
        assert_eq!(frame.truncated_reason(), "é".repeat(61));
    }
}
