//! An answer that something was made.

use std::panic::Location;

use http::StatusCode;
use trine_core::{IntoResponse, Response};

use super::location::{Target, Written};

/// 201: it was made, here it is.
///
/// ```
/// use trine::respond::{Created, Json};
///
/// async fn create() -> Created<Json<&'static str>> {
///     Created::at("/todos/7", Json("made"))
/// }
/// ```
///
/// # Errors
/// An inner answer that failed stays as it is. A location with control characters, with a host that
/// is none (one beyond ASCII is written as `xn--…`), or a link that leads nowhere, is a 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created<R> {
    location: Option<(Target, Written)>,
    answer: R,
}

impl<R> Created<R> {
    /// It was made at the target of the request.
    #[must_use]
    pub fn new(answer: R) -> Created<R> {
        Created { location: None, answer }
    }

    /// It was made, and this is where it can be found: a text, or a [`Link`](crate::Link) to a
    /// handler.
    #[track_caller]
    pub fn at(location: impl Into<Target>, answer: R) -> Created<R> {
        Created { location: Some((location.into(), Written(Location::caller()))), answer }
    }
}

impl<R: IntoResponse> IntoResponse for Created<R> {
    fn into_response(self) -> Response {
        finish(self.answer.into_response(), self.location)
    }
}

fn finish(mut response: Response, target: Option<(Target, Written)>) -> Response {
    if !response.status().is_success() {
        return response;
    }
    *response.status_mut() = StatusCode::CREATED;
    match target {
        Some((target, written)) => target.locate(response, written),
        None => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;

    #[test]
    fn has_status_location_and_body() {
        let response = Created::at("/todos/7", "made").into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["location"]),
            (201, &"/todos/7".parse().unwrap())
        );
        assert_eq!(response.body().as_whole().unwrap(), b"made");
        assert!(!Created::new("made").into_response().headers().contains_key("location"));
    }

    #[test]
    fn a_failure_is_not_covered_up() {
        let response = Created::at("/todos/7", Problem::internal("disk full")).into_response();
        assert_eq!(response.status(), 500);
        assert!(!response.headers().contains_key("location"));
        assert_eq!(Created::at("/\n", "made").into_response().status(), 500);
    }
}
