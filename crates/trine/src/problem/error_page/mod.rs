//! What a developer sees of a problem under the `dev` profile: a page for a browser, Markdown for a
//! tool, a member `dev` in JSON. Nothing in here runs under `prod`.
//!
//! # Layout
//! - `report`: everything that is known of a problem
//! - `request`: the head of the request, its secrets masked
//! - `near`: the routes that were probably meant
//! - `frames`: the way to the error, without the framework's part of it
//! - `source`: places in the source, their lines, and links to the editor
//! - `html`, `markdown`: the report as a page and as text

mod frames;
mod html;
mod markdown;
mod near;
mod report;
mod request;
mod source;

use http::{HeaderValue, header};
use serde_json::Value;
use trine_core::problem::Format;
use trine_core::{Body, Problem, Response};

use crate::problem::catch::Head;
use crate::problem::settle::retell;
use report::Report;

/// Tells a problem that nobody caught to a developer.
#[cold]
pub(crate) fn show(response: Response, head: &Head) -> Response {
    let Some(problem) = Problem::shared(&response) else { return response };
    let report = Report::of(&problem, head);
    let format = Format::negotiate(head.headers.get(header::ACCEPT));
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
    retell(page, response)
}

fn json(problem: &Problem, report: &Report) -> String {
    let mut told = serde_json::to_value(problem).unwrap_or_default();
    if let Value::Object(members) = &mut told {
        members.insert("dev".to_owned(), serde_json::to_value(report).unwrap_or_default());
    }
    told.to_string()
}
