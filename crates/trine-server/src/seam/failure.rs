//! The failure of a service, and the response to it.

use http::StatusCode;
use trine_core::BoxError;

use crate::error::error_status;

/// The detail of the response if a service failed or panicked.
pub(crate) const FAILED: &str = "the service failed; its log says why";

/// A service that returned an error.
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
}

impl Failure {
    #[cold]
    pub(crate) fn of(error: &BoxError) -> Failure {
        let status = error_status(error);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, "a service failed");
        } else {
            tracing::debug!(%error, status = status.as_u16(), "a service refused a request");
        }
        Failure { status }
    }

    // The text of the error itself is never sent, because it may contain details that belong only
    // in the log.
    pub(crate) fn detail(&self) -> &'static str {
        match self.status.as_u16() {
            400 => "the request body ended early or is malformed",
            408 => "the request body did not arrive in time",
            413 => "the request body is larger than this server accepts",
            503 => "the service is overloaded; try again later",
            504 => "the service did not answer in time",
            _ => FAILED,
        }
    }
}
