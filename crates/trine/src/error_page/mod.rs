//! stub
use crate::catch::Head;
use trine_core::Response;
pub(crate) fn show(response: Response, _head: &Head) -> Response {
    response
}
