//! What a handler takes: one extractor a file.
//!
//! | argument | reads | refuses with |
//! |---|---|---|
//! | [`Path<T>`] | the path parameters | 400 |
//! | [`Query<T>`] | the query | 400 |
//! | [`TypedHeader<H>`] | one header field | 400 |
//! | [`Cookies`] | the cookies | never |
//! | [`MatchedPath`] | the template of the route | 500 outside routing |
//! | [`State<T>`] | a value that the application holds | 500; the launch audit finds it first |
//! | [`Json<T>`] | the body | 400, 413, 415, 422 |
//! | [`Form<T>`] | the body | 400, 413, 415, 422 |
//! | `Bytes`, `String` | the body | 400, 413 |
//! | [`Body`](crate::Body), [`Request`](crate::Request) | the body, as a stream | 413 while it is read |
//! | `Method`, `Uri`, `Version`, `HeaderMap`, `Extensions` | the head | never |
//! | [`ConnInfo`](crate::ConnInfo) | the connection | 500 where no server told of it |
//! | `Option<E>` | as `E` | as `E`, but is `None` where the thing is absent |
//! | `Result<E, Rejection>` | as `E` | never |
//!
//! A handler has at most one argument that reads the body; it may stand anywhere.

mod content;
mod cookies;
mod fields;
mod form;
mod json;
mod matched_path;
mod path;
mod query;
mod state;
mod typed_header;

pub use trine_core::extract::{FromRequest, Parts, Reads, Rejection, Whole};

pub use self::cookies::Cookies;
pub use self::form::Form;
pub use self::json::Json;
pub use self::matched_path::MatchedPath;
pub use self::path::Path;
pub use self::query::Query;
pub use self::state::State;
pub use self::typed_header::TypedHeader;
pub use cookie::{self, Cookie, SameSite};

/// What an extractor wraps is reached through it, so that `todo.title` reads the same with and without `Json`.
macro_rules! wraps {
    ($($name:ident),*) => {$(
        impl<T> std::ops::Deref for $name<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T> std::ops::DerefMut for $name<T> {
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }
    )*};
}
wraps!(Form, Json, Path, Query, TypedHeader);

// A message may quote what the client sent, which may be as large as the body.
fn clip(text: &str) -> std::borrow::Cow<'_, str> {
    const LONGEST: usize = 400;
    if text.len() <= LONGEST {
        text.into()
    } else {
        format!("{}…", &text[..text.floor_char_boundary(LONGEST)]).into()
    }
}

#[cfg(test)]
mod testkit {
    use std::sync::Arc;

    use http::uri::PathAndQuery;
    use serde_json::Value;
    use trine_core::route::{AppCx, Params};
    use trine_core::{Body, Cx, Problem, Rejection, Request, RouteCx, RouteMeta};

    /// A request that no route has matched.
    pub(crate) fn cx(method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Cx {
        Cx::new(request(method, uri, headers, body), RouteCx::new(Arc::new(AppCx::default()), None))
    }

    /// A request that `template` matches, whose parameters are these parts of `path`.
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

    /// Status and detail, the two that a reader of a test wants to see.
    pub(crate) fn told<T: std::fmt::Debug>(result: Result<T, Rejection>) -> (u16, String) {
        let problem = problem(result);
        let text = problem.detail_text().map(str::to_owned);
        let text = text.or_else(|| problem.source_error().map(ToString::to_string));
        (problem.status().as_u16(), text.unwrap_or_default())
    }

    pub(crate) fn member(problem: &Problem, name: &str) -> Value {
        problem.json()[name].clone()
    }
}
