//! Why a body could not be read.

use crate::BoxError;

/// Why a body could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// More data than the limit allows: 413 where it is the body of a request that came in.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
        /// Whether it is the body of a request that came in. A limit on another body, an answer of
        /// an upstream for example, is the server's affair: 500.
        of_request: bool,
    },
    /// The peer stopped before the end of the body: never handed on as complete.
    Incomplete,
    /// The peer sent no data for longer than the server waits: 408.
    TimedOut,
    /// The peer broke the framing of the body: 400. The text says how.
    Malformed(&'static str),
    /// A layer around the body of a request that came in refuses what the client sent: an encoding
    /// that it cannot undo, 400, or more than a limit of its own, 413.
    Refused(BoxError),
    /// The source of the body failed: the server's affair, 500, unless an error of a request's body
    /// is the cause.
    Other(BoxError),
}

impl BodyError {
    // An error that was boxed on its way through a foreign layer keeps its meaning.
    pub(super) fn of_stream(error: BoxError, of_request: bool) -> BodyError {
        match error.downcast::<BodyError>() {
            Ok(own) => *own,
            Err(other) if of_request && crate::problem::of_body::is_refused(&*other) => {
                BodyError::Refused(other)
            }
            Err(other) => BodyError::Other(other),
        }
    }
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BodyError::TooLarge { limit, .. } => {
                write!(f, "the body is larger than the limit of {limit} bytes")
            }
            BodyError::Incomplete => f.write_str("the body ended before its last byte"),
            BodyError::TimedOut => f.write_str("the body stalled for too long"),
            BodyError::Malformed(how) => write!(f, "the body is malformed: {how}"),
            BodyError::Refused(_) | BodyError::Other(_) => {
                f.write_str("the body could not be read")
            }
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        crate::problem::of_body::source(self)
    }
}
