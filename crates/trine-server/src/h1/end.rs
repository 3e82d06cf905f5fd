//! How a connection ends.

use crate::error::RequestError;
use crate::upgrade::Offer;

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// There is nobody to tell, or nothing to say.
    Quiet,
    /// What is gathered is written, then our side is closed. With `linger` the peer may still be
    /// sending.
    Close { linger: bool },
    /// The answer cannot be completed, and only a reset says so.
    Reset,
    /// The request is answered by the engine itself; without a body if it was a HEAD.
    Refused { error: RequestError, head: bool },
    /// The bytes are no longer HTTP; whoever took the offer gets them.
    Switched(Offer),
}

#[cold]
pub(crate) fn stalled() -> End {
    tracing::debug!("a client did not read its answer in time; its connection ends");
    End::Quiet
}
