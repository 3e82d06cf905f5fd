//! Calls the service, while the rest of the connection keeps moving.

use std::pin::pin;

use http::Response;

use crate::config::limits::Cancel;
use crate::h1::codec::head::Head;
use crate::h1::drive::drive;
use crate::h1::end::ConnectionEnd;
use crate::h1::upload::Upload;
use crate::h1::wire::Wire;
use crate::seam::HttpService;
use crate::seam::call::ServiceCall;
use crate::seam::failure::Failure;
use crate::transport::io::Io;

/// Calls the service with the request in `head`. On success the response is in `response`.
pub(crate) async fn call<I, S>(
    wire: &mut Wire<I>,
    upload: &mut Upload,
    service: &mut S,
    head: &mut Option<Head>,
    response: &mut Option<Response<S::ResponseBody>>,
) -> Result<Result<(), Failure>, ConnectionEnd>
where
    I: Io,
    S: HttpService,
{
    let mut future = pin!(None);
    let mut call = ServiceCall::new(service, future.as_mut());
    let outcome =
        drive(wire, upload, |cx, _| call.poll(cx, head, |head| head.request, response)).await;
    if outcome.is_err() && wire.limits.cancel == Cancel::Never && call.is_called() {
        upload.lose();
        call.finish().await;
    }
    outcome
}
