//! A response that says that something was created.

use std::panic::Location;

use http::StatusCode;
use trine_core::{IntoResponse, Response};

use super::location::{CallSite, Target};

/// A 201 Created response, with the `Location` of the new resource.
///
/// ```
/// use trine::prelude::*;
///
/// #[post("/todos")]
/// async fn create() -> Created<Json<&'static str>> {
///     Created::at("/todos/7", Json("buy milk"))
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![create]).test().await;
/// let response = client.post("/todos").await;
/// response.expect_status(201).expect_header("location", "/todos/7").expect_json("buy milk");
/// # }
/// ```
///
/// # Errors
/// If the inner response is not a success, it is returned unchanged. A location that contains a
/// control character, that has an invalid host (write a host outside ASCII as `xn--…`), or that is
/// a link that cannot be completed, is a 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created<R> {
    location: Option<(Target, CallSite)>,
    response: R,
}

impl<R> Created<R> {
    /// The resource was created at the target URI of the request itself, as by `PUT`: no `Location`
    /// is needed.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// let response = Created::new("stored").into_response();
    /// assert_eq!(response.status(), 201);
    /// assert!(!response.headers().contains_key("location"));
    /// ```
    #[must_use]
    pub fn new(response: R) -> Created<R> {
        Created { location: None, response }
    }

    /// The resource was created at this location: text, or a [`Link`](crate::Link) to a handler.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/todos/{id}")]
    /// async fn show(id: u64) {}
    ///
    /// #[post("/todos")]
    /// async fn create() -> Created<&'static str> { Created::at(show::uri(7), "buy milk") }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().routes(routes![show, create]).test().await;
    /// client.post("/todos").await.expect_header("location", "/todos/7");
    /// # }
    /// ```
    #[track_caller]
    pub fn at(location: impl Into<Target>, response: R) -> Created<R> {
        let call_site = CallSite(Location::caller());
        Created { location: Some((location.into(), call_site)), response }
    }
}

impl<R: IntoResponse> IntoResponse for Created<R> {
    fn into_response(self) -> Response {
        finish(self.response.into_response(), self.location)
    }
}

fn finish(mut response: Response, location: Option<(Target, CallSite)>) -> Response {
    if !response.status().is_success() {
        return response;
    }
    *response.status_mut() = StatusCode::CREATED;
    match location {
        Some((target, call_site)) => target.set_location(response, call_site),
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
