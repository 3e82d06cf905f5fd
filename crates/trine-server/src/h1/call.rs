//! The call of the service, and what is told when it gives no answer.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Poll, ready};

use http::Response;

use crate::config::Cancel;
use crate::h1::codec::head::Head;
use crate::h1::drive::drive;
use crate::h1::end::End;
use crate::h1::upload::Upload;
use crate::h1::wire::Wire;
use crate::seam::HttpService;
use crate::seam::failure::Failure;
use crate::transport::io::Io;

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
        && wire.config.cancel == Cancel::Never
        && let Some(answer) = answer.as_mut().as_pin_mut()
    {
        upload.lose();
        // The client is gone, and the service ends what it began. Its answer is nobody's.
        let _ = answer.await;
    }
    answered
}
