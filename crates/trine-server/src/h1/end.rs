//! How a connection ends.

use crate::error::RequestError;
use crate::upgrade::Offer;

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum ConnectionEnd {
    /// The socket is dropped: the peer is gone, or nothing is left to be sent.
    Quiet,
    /// The gathered bytes are written, then our side is closed. With `linger`, the peer may still
    /// be sending.
    Close { linger: bool },
    /// The response cannot be completed, and only a reset can say so.
    Reset,
    /// The engine answers the request itself. The response to a HEAD has no body.
    Refused { error: RequestError, head: bool },
    /// The service accepted an upgrade. The holder of the other end of the offer gets the bytes.
    Upgraded(Offer),
}

#[cold]
pub(crate) fn stalled() -> ConnectionEnd {
    tracing::debug!("a client did not read its response in time; the connection ends");
    ConnectionEnd::Quiet
}
