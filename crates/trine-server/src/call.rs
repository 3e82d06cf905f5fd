//! The call of the service, and what is told when it gives no answer.

use std::pin::pin;
use std::task::Poll;

use http::{Request, Response, StatusCode};
use trine_core::{Body, BoxError};

use crate::conn::{End, drive};
use crate::error::error_status;
use crate::io::Io;
use crate::panics::caught;
use crate::seam::HttpService;
use crate::upload::Upload;
use crate::wire::Wire;

/// A service that gave no answer.
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    /// Whether it panicked: then the connection ends too.
    pub(crate) panicked: bool,
}

impl Failure {
    #[cold]
    fn panicked() -> Failure {
        Failure { status: StatusCode::INTERNAL_SERVER_ERROR, panicked: true }
    }

    #[cold]
    fn of(error: &BoxError) -> Failure {
        let status = error_status(error);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, "a service failed");
        } else {
            tracing::debug!(%error, status = status.as_u16(), "a service refused a request");
        }
        Failure { status, panicked: false }
    }

    // Never the error's own text: it may hold what only the log should.
    pub(crate) fn detail(&self) -> &'static str {
        match self.status.as_u16() {
            400 => "the request body ended early or is malformed",
            408 => "the request body did not arrive in time",
            413 => "the request body is larger than this server accepts",
            503 => "the service is overloaded; try again later",
            504 => "the service did not answer in time",
            _ => "the service failed; its log says why",
        }
    }
}

/// Makes the service ready, only now that a whole head is there (an idle connection must hold no permit), and calls it.
pub(crate) async fn call<I, S>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    service: &mut S,
    request: Request<Body>,
) -> Result<Result<Response<S::ResponseBody>, Failure>, End>
where
    I: Io,
    S: HttpService,
{
    let ready = drive(wire, upload, |cx, _| match caught(|| service.poll_ready(cx)) {
        Ok(poll) => poll.map(|ready| ready.map_err(|error| Failure::of(&error.into()))),
        Err(_) => Poll::Ready(Err(Failure::panicked())),
    })
    .await?;
    if let Err(failure) = ready {
        return Ok(Err(failure));
    }
    let Ok(answer) = caught(|| service.call(request)) else { return Ok(Err(Failure::panicked())) };
    let mut answer = pin!(answer);
    drive(wire, upload, |cx, _| match caught(|| answer.as_mut().poll(cx)) {
        Ok(poll) => poll.map(|answer| answer.map_err(|error| Failure::of(&error.into()))),
        Err(_) => Poll::Ready(Err(Failure::panicked())),
    })
    .await
}
