//! Requests for the unit tests of extractors, and assertions on rejections.

use std::sync::Arc;

use http::uri::PathAndQuery;
use serde_json::Value;
use trine_core::route::{AppCx, Params};
use trine_core::{Body, Cx, Problem, Rejection, Request, RouteCx, RouteMeta};

/// A request without a matched route.
pub(crate) fn cx(method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Cx {
    Cx::new(request(method, uri, headers, body), RouteCx::new(Arc::new(AppCx::default()), None))
}

/// A request matched by `template`, whose parameters are these parts of `path`.
pub(crate) fn matched(template: &str, names: &[&str], path: &str, values: &[&str]) -> Cx {
    let mut route = RouteMeta::new(None, template, "src/main.rs", 7);
    route.params = names.iter().map(|&name| name.to_owned()).collect();
    let app = AppCx { routes: vec![route], ..AppCx::default() };
    let span = |value: &&str| {
        let start = path.find(*value).unwrap();
        (start as u16, (start + value.len()) as u16)
    };
    let params = Params::new(PathAndQuery::try_from(path).unwrap(), values.iter().map(span));
    Cx::new(request("GET", path, &[], ()), RouteCx::new(Arc::new(app), None).matched(0, params))
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

pub(crate) fn problem<T: std::fmt::Debug>(result: Result<T, Rejection>) -> Problem {
    match result {
        Err(Rejection::Problem(problem)) => problem,
        other => panic!("expected a problem, got {other:?}"),
    }
}

/// The status, and the detail or else the source, of a problem.
pub(crate) fn status_and_text<T: std::fmt::Debug>(result: Result<T, Rejection>) -> (u16, String) {
    let problem = problem(result);
    let text = problem.detail_text().map(str::to_owned);
    let text = text.or_else(|| problem.source_error().map(ToString::to_string));
    (problem.status().as_u16(), text.unwrap_or_default())
}

pub(crate) fn member(problem: &Problem, name: &str) -> Value {
    serde_json::to_value(problem).unwrap()[name].clone()
}
