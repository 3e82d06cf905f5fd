//! The error page that developers see under the `dev` profile: HTML for a browser, Markdown for a
//! tool, a member `dev` in JSON. Nothing in this module runs under `prod`.
//!
//! # Layout
//! - `report`: everything that is known about a problem
//! - `request`: the request head, with its secrets masked
//! - `near`: the routes that the client probably meant
//! - `frames`: the backtrace, without the frames of the framework
//! - `location`: locations in the source, the lines around them, and links to the editor
//! - `html`, `markdown`: the report as a page and as text

mod frames;
mod html;
mod location;
mod markdown;
mod near;
mod report;
mod request;

use http::{HeaderValue, header};
use serde_json::Value;
use trine_core::problem::Format;
use trine_core::{Body, Problem, Response};

use crate::dispatch::snapshot::RequestSnapshot;
use crate::problem::render::replace_rendering;
use report::Report;

/// Renders a problem that no catcher responded to as a page for developers.
#[cold]
pub(crate) fn show(response: Response, request: &RequestSnapshot) -> Response {
    let Some(problem) = Problem::shared(&response) else { return response };
    let report = Report::new(&problem, request);
    let format = Format::negotiate(request.headers.get(header::ACCEPT));
    let text = match format {
        Format::Html => html::page(&report),
        Format::Markdown | Format::Plain => markdown::page(&report),
        Format::Json => json(&problem, &report),
    };
    let mut page = Response::new(Body::from(text));
    *page.status_mut() = response.status();
    let fields = [
        (header::CONTENT_TYPE, format.content_type()),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
    ];
    for (name, value) in fields {
        page.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    replace_rendering(page, response)
}

fn json(problem: &Problem, report: &Report) -> String {
    let mut object = serde_json::to_value(problem).unwrap_or_default();
    if let Value::Object(members) = &mut object {
        members.insert("dev".to_owned(), serde_json::to_value(report).unwrap_or_default());
    }
    object.to_string()
}
