//! The call of the service, and what is told when it gives no answer.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Poll, ready};

use http::{Response, StatusCode};
use trine_core::BoxError;

use crate::config::limits::Cancel;
use crate::error::error_status;
use crate::h1::codec::head::Head;
use crate::h1::connection::{End, drive};
use crate::h1::upload::Upload;
use crate::seam::HttpService;
use crate::transport::io::Io;
use crate::transport::wire::Wire;

/// What a client learns of a service that failed or panicked.
pub(crate) const FAILED: &str = "the service failed; its log says why";

/// A service that gave no answer.
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

    // Never the error's own text: it may hold what only the log should.
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

/// Makes the service ready, only now that a whole head is there (an idle connection must hold no
/// permit), and calls it with the request in `head`. The answer lies in `out` then.
pub(crate) async fn call<I, S>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    service: &mut S,
    head: &mut Option<Head>,
    out: &mut Option<Response<S::ResponseBody>>,
) -> Result<Result<(), Failure>, End>
where
    I: Io,
    S: HttpService,
{
    let mut answer = pin!(None);
    let answered = drive(wire, upload, |cx, _| {
        if head.is_some() {
            if let Err(error) = ready!(service.poll_ready(cx)) {
                return Poll::Ready(Err(Failure::of(&error.into())));
            }
            answer.set(head.take().map(|head| service.call(head.request)));
        }
        let Some(answer) = answer.as_mut().as_pin_mut() else { return Poll::Pending };
        Poll::Ready(match ready!(answer.poll(cx)) {
            Ok(answer) => {
                *out = Some(answer);
                Ok(())
            }
            Err(error) => Err(Failure::of(&error.into())),
        })
    })
    .await;
    if answered.is_err()
        && wire.limits.cancel == Cancel::Never
        && let Some(answer) = answer.as_mut().as_pin_mut()
    {
        upload.lose();
        // The client is gone, and the service ends what it began. Its answer is nobody's.
        let _ = answer.await;
    }
    answered
}
