//! The errors of reading a body.

use crate::BoxError;
use crate::problem::body_fault::BodyRefusal;

/// The reason why a body could not be read. As the response of a handler it becomes a
/// [`Problem`](crate::Problem) with the status that each variant names.
///
/// ```
/// use trine_core::{BodyError, Problem};
///
/// assert_eq!(Problem::from(BodyError::TimedOut).status(), 408);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// The body is larger than its limit: 413 for the body of a received request.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
        /// Whether it is the body of a received request. The limit of any other body, such as the
        /// response of an upstream, is not the fault of the client: 500.
        of_request: bool,
    },
    /// The peer stopped before the end of the body: 400. An incomplete body is never treated as
    /// complete.
    Incomplete,
    /// The peer sent no data for longer than the timeout of the server: 408.
    TimedOut,
    /// The framing of the body is malformed: 400. The text describes the fault.
    Malformed(&'static str),
    /// A layer around the body of a received request refuses it: 400 for an encoding that it cannot
    /// decode, 413 for a limit of its own.
    Refused(BodyRefusal),
    /// The producer of the body failed: 500, unless an error of a request body is the cause.
    Other(BoxError),
}

impl BodyError {
    // An error of this type may have been boxed by another layer.
    pub(super) fn of_stream(error: BoxError, of_request: bool) -> BodyError {
        match error.downcast::<BodyError>() {
            Ok(own) => *own,
            Err(other) if of_request => {
                BodyRefusal::new(other).map_or_else(BodyError::Other, BodyError::Refused)
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
        crate::problem::body_fault::source(self)
    }
}
