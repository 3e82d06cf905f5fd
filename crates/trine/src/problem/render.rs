//! Turns a response that carries a problem into a response that shows it, and logs the problem.

use std::error::Error;

use http::HeaderValue;
use trine_core::problem::is_body_fault;
use trine_core::{Problem, Response};

use crate::dispatch::trace_id::trace_id;
use crate::problem::headers::add_missing;

/// Whether a problem has been rendered, and whether it may be rendered again. It is an extension of
/// the response, beside the problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rendered {
    /// The problem was logged, and rendered in its default form. A layer may remove it, and a
    /// catcher further out may replace the rendering.
    Default,
    /// A catcher or the error page rendered the problem. No other catcher runs.
    Final,
}

impl Rendered {
    pub(crate) fn of(response: &Response) -> Option<Rendered> {
        response.extensions().get().copied()
    }
}

/// Whether a response carries a problem that has not been rendered yet.
pub(crate) fn is_unrendered(response: &Response) -> bool {
    Problem::is_in(response) && Rendered::of(response).is_none()
}

/// Logs a problem and renders it in its default form. The problem of a server error gets a trace
/// id, which is in the log as well.
#[cold]
pub(crate) fn log_and_render(
    mut carrier: Response,
    accept: Option<&HeaderValue>,
    traceparent: Option<&HeaderValue>,
) -> Response {
    let status = carrier.status();
    // A response that was cloned shares its problem with the clone, and is left unchanged.
    let Some(mut problem) = Problem::take(&mut carrier) else { return carrier };
    if problem.status().is_server_error() && problem.member("trace_id").is_none() {
        problem = problem.with("trace_id", trace_id(traceparent));
    }
    log(&problem);
    let mut response = problem.render(accept);
    // The status and the header fields that a tuple added to the problem are kept:
    // `(StatusCode, [(name, value)], Problem)`.
    *response.status_mut() = status;
    let (head, _) = carrier.into_parts();
    add_missing(&mut response, &head.headers);
    response.extensions_mut().extend(head.extensions);
    response.extensions_mut().insert(Rendered::Default);
    response
}

/// Replaces the rendering of a problem: the result has the status, the body and the header fields
/// of `new`, and everything else of `old`.
pub(crate) fn replace_rendering(mut new: Response, old: Response) -> Response {
    let (head, _) = old.into_parts();
    add_missing(&mut new, &head.headers);
    let mut extensions = head.extensions;
    extensions.extend(std::mem::take(new.extensions_mut()));
    extensions.insert(Rendered::Final);
    *new.extensions_mut() = extensions;
    new
}

/// Marks the rendering of a problem as final.
pub(crate) fn mark_final(mut response: Response) -> Response {
    response.extensions_mut().insert(Rendered::Final);
    response
}

/// Logs a problem: a server error as an error with its trace id, any other at debug level.
pub(crate) fn log(problem: &Problem) {
    let causes: String = causes(problem).iter().map(|cause| format!(": {cause}")).collect();
    if problem.status().is_server_error() {
        let id = problem.member("trace_id").and_then(serde_json::Value::as_str);
        tracing::error!(target: "trine::problem", trace_id = id, "{problem}{causes}");
    } else {
        tracing::debug!(target: "trine::problem", "{problem}{causes}");
    }
}

/// The texts of the errors behind a problem, outermost first. An error that repeats the detail or
/// the error before it is left out, and so is the fault at the end of a `BodyError`, which repeats
/// it.
pub(crate) fn causes(problem: &Problem) -> Vec<String> {
    let detail = problem.detail_text().unwrap_or_default();
    let mut causes: Vec<String> = Vec::new();
    let mut cause = problem.source();
    while let Some(error) = cause {
        let text = error.to_string();
        let before = causes.last().map(String::as_str).unwrap_or_default();
        if text != detail && text != before && !is_body_fault(error) {
            causes.push(text);
        }
        cause = error.source();
    }
    causes
}
