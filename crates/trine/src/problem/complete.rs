//! Pending changes: they were requested before there was a response to which they could be applied.

use trine_core::{Cx, Response};

use crate::extract::{CookieChanges, set_changed_cookies};
use crate::problem::render::{is_unrendered, log_and_render};
use crate::respond::complete_location;
use trine_core::battery::Completion;

/// Applies the pending changes: `Location` headers of links, ends of event streams, changed
/// cookies.
pub(crate) fn complete(response: Response, cx: &Cx, whose: CookieChanges) -> Response {
    set_changed_cookies(
        Completion::run(complete_location(response, cx), cx),
        cx.matched().jar(),
        whose,
    )
}

/// Applies the pending changes and renders a problem in its default form, without catchers. It is
/// for code that is not a stage of dispatch: a catcher, or an extractor in a handler of axum.
pub(crate) fn complete_and_render(response: Response, cx: &Cx, whose: CookieChanges) -> Response {
    let response = complete(response, cx, whose);
    match is_unrendered(&response) {
        true => log_and_render(response, cx.accept(), cx.traceparent()),
        false => response,
    }
}
