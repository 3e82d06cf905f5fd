//! The last step of a response: pending changes are applied, and a problem in it is logged,
//! rendered as the client accepts it, and offered to the catchers.

use std::future::ready;

use trine_core::{Cx, Problem, Response};

use crate::dispatch::future::BoxResponseFuture;
use crate::extract::CookieChanges;
use crate::problem::catch::{EnclosingCatchers, RouteCatchers};
use crate::problem::complete::complete;
use crate::problem::render::{is_unrendered, log_and_render};

/// Finishes the response of a route. A problem is rendered by the innermost catcher around the
/// handler, or in its default form. Responses without extensions need no finishing, so the endpoint
/// does not call this for them.
#[cold]
pub(crate) fn finish_route(response: Response, cx: Box<Cx>) -> BoxResponseFuture {
    let response = complete(response, &cx, CookieChanges::All);
    if !is_unrendered(&response) {
        cx.end();
        return Box::pin(ready(response));
    }
    Box::pin(async move {
        let response = log_and_render(response, cx.accept(), cx.traceparent());
        let catchers = RouteCatchers::around(cx.matched());
        let catcher = catchers.as_ref().and_then(|catchers| catchers.pick(Problem::of(&response)?));
        match catcher {
            Some(catcher) => catcher.respond(response, cx).await,
            None => {
                cx.end();
                response
            }
        }
    })
}

/// Finishes the response of a guard or a middleware function. A problem that it made is rendered by
/// the innermost catcher around it, or in its default form. The layers around it see the result
/// like any other response. `inside` is the number that the cookie jar gives to changes made by
/// what the guard or middleware encloses.
pub(crate) async fn finish_layer(response: Response, cx: Cx, inside: u32) -> Response {
    let response = complete(response, &cx, CookieChanges::Outside(inside));
    match is_unrendered(&response) {
        true => render_with_catchers(response, Box::new(cx)).await,
        false => response,
    }
}

/// Renders the problem of a layer, a guard or a middleware function.
#[cold]
pub(crate) fn render_with_catchers(response: Response, cx: Box<Cx>) -> BoxResponseFuture {
    Box::pin(async move {
        let response = log_and_render(response, cx.accept(), cx.traceparent());
        let enclosing = cx.extensions().get::<EnclosingCatchers>().cloned();
        let catcher = enclosing
            .as_ref()
            .and_then(|EnclosingCatchers(catchers)| catchers.pick(Problem::of(&response)?));
        match catcher {
            Some(catcher) => catcher.respond(response, cx).await,
            None => response,
        }
    })
}
