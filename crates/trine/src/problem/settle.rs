//! What becomes of a problem that a response carries: it is logged, rendered as the client accepts
//! it, and offered to the catchers.

use std::error::Error;
use std::future::ready;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use trine_core::problem::vary;
use trine_core::{Cx, Problem, Response};

use crate::dispatch::endpoint::Answer;
use crate::dispatch::trace_id::trace_id;
use crate::extract::{CookieChanges, put_cookies_before, set_changed_cookies};
use crate::problem::catch::{Around, Catchers};
use crate::realtime::sse::end_pending;
use crate::respond::complete_location;

/// How far a problem has come. It rides in the response beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Logged and rendered. A layer may take it, and a catcher further out may tell it better.
    Plainly,
    /// By a catcher or an error page: nobody else is asked.
    Finally,
}

impl Told {
    pub(crate) fn of(response: &Response) -> Option<Told> {
        response.extensions().get().copied()
    }
}

/// Ends a request whose answer may carry a problem: it is told plainly, or as the innermost catcher
/// around the handler does. Answers that carry nothing end where they are made.
#[cold]
pub(crate) fn settle(response: Response, cx: Box<Cx>) -> Answer {
    let response = completed(response, &cx, CookieChanges::All);
    if !is_due(&response) {
        cx.end();
        return Box::pin(ready(response));
    }
    Box::pin(async move {
        let response = tell(response, cx.accept(), cx.traceparent());
        let scope = Catchers::around(cx.matched());
        let catcher = scope.as_ref().and_then(|scope| scope.pick(Problem::of(&response)?));
        match catcher {
            Some(catcher) => catcher.answer(response, cx).await,
            None => {
                cx.end();
                response
            }
        }
    })
}

/// Ends what stands around the end of a route: a guard, middleware, a layer. A problem that it made
/// is told plainly, or as the innermost catcher around it does, inside of the layers that it stands
/// in; these see the answer as any other. `inside` is the place where its inside begins, for
/// cookies.
pub(crate) async fn settle_around(response: Response, cx: Cx, inside: u32) -> Response {
    let response = completed(response, &cx, CookieChanges::Outside(inside));
    match is_due(&response) {
        true => refuse(response, Box::new(cx)).await,
        false => response,
    }
}

/// Tells the problem of something that stands around the end of a route.
#[cold]
pub(crate) fn refuse(response: Response, cx: Box<Cx>) -> Answer {
    Box::pin(async move {
        let response = tell(response, cx.accept(), cx.traceparent());
        let around = cx.extensions().get::<Around>().cloned();
        let catcher = around.as_ref().and_then(|Around(scope)| scope.pick(Problem::of(&response)?));
        match catcher {
            Some(catcher) => catcher.answer(response, cx).await,
            None => response,
        }
    })
}

/// Tells the problem of what is no part of the way: a catcher, an extractor in a foreign handler.
/// What was told stays.
pub(crate) fn finish(response: Response, cx: &Cx, whose: CookieChanges) -> Response {
    let response = completed(response, cx, whose);
    match is_due(&response) {
        true => tell(response, cx.accept(), cx.traceparent()),
        false => response,
    }
}

/// Does to an answer what waited for it.
fn completed(response: Response, cx: &Cx, whose: CookieChanges) -> Response {
    set_changed_cookies(end_pending(complete_location(response, cx), cx), cx.matched().jar(), whose)
}

/// Whether a response carries a problem that is not told yet.
pub(crate) fn is_due(response: &Response) -> bool {
    Problem::is_in(response) && Told::of(response).is_none()
}

/// Logs a problem and renders it. One of a server error gets a trace id, which the log has too.
#[cold]
pub(crate) fn tell(
    mut carrier: Response,
    accept: Option<&HeaderValue>,
    traceparent: Option<&HeaderValue>,
) -> Response {
    let status = carrier.status();
    // A response that was cloned shares its problem with the clone, and is told as it is.
    let Some(mut problem) = Problem::take(&mut carrier) else { return carrier };
    if problem.status().is_server_error() && problem.member("trace_id").is_none() {
        problem = problem.with("trace_id", trace_id(traceparent));
    }
    log(&problem);
    let mut response = problem.render(accept);
    // What a tuple added around the problem stays: `(StatusCode, [(name, value)], Problem)`.
    *response.status_mut() = status;
    let (head, _) = carrier.into_parts();
    keep_fields(&mut response, &head.headers);
    response.extensions_mut().extend(head.extensions);
    response.extensions_mut().insert(Told::Plainly);
    response
}

/// Tells a problem in another way: the new body and its fields, with everything else that the old
/// response had.
pub(crate) fn retell(mut new: Response, old: Response) -> Response {
    let (head, _) = old.into_parts();
    keep_fields(&mut new, &head.headers);
    let mut extensions = head.extensions;
    extensions.extend(std::mem::take(new.extensions_mut()));
    extensions.insert(Told::Finally);
    *new.extensions_mut() = extensions;
    new
}

/// Marks a problem as told by us in the way in which it stands.
pub(crate) fn told_finally(mut response: Response) -> Response {
    response.extensions_mut().insert(Told::Finally);
    response
}

/// Adds the fields that a response lacks, except those that are about the body that it had. `Vary`
/// is of both.
fn keep_fields(response: &mut Response, fields: &HeaderMap) {
    put_cookies_before(
        response.headers_mut(),
        fields.get_all(header::SET_COOKIE).iter().cloned().collect(),
    );
    let had = response.headers().clone();
    for value in fields.get_all(header::VARY) {
        let names = value.to_str().unwrap_or_default().split(',').map(str::trim);
        for name in names.filter_map(|name| name.parse().ok()) {
            vary(response.headers_mut(), name);
        }
    }
    for (name, value) in fields {
        if !had.contains_key(name) && name != header::VARY && !ABOUT_THE_BODY.contains(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
}

const ABOUT_THE_BODY: [HeaderName; 10] = [
    header::ACCEPT_RANGES,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::TRANSFER_ENCODING,
];

/// Tells a problem to the log.
pub(crate) fn log(problem: &Problem) {
    let causes: String = causes(problem).iter().map(|cause| format!(": {cause}")).collect();
    if problem.status().is_server_error() {
        let id = problem.member("trace_id").and_then(serde_json::Value::as_str);
        tracing::error!(target: "trine::problem", trace_id = id, "{problem}{causes}");
    } else {
        tracing::debug!(target: "trine::problem", "{problem}{causes}");
    }
}

/// What the errors behind a problem say, outermost first. One that only repeats what was said is
/// left out.
pub(crate) fn causes(problem: &Problem) -> Vec<String> {
    let detail = problem.detail_text();
    let mut causes: Vec<String> = Vec::new();
    let mut cause = problem.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if detail != Some(&text) && causes.last() != Some(&text) {
            causes.push(text);
        }
        cause = error.source();
    }
    causes
}
