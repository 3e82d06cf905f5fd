//! An HTML response.

use http::HeaderValue;
use trine_core::respond::with_type;
use trine_core::{Body, IntoResponse, Response};

/// An HTML page: the body with `Content-Type: text/html; charset=utf-8`.
///
/// ```
/// use trine::respond::{Html, IntoResponse};
///
/// let response = Html("<h1>Hello</h1>").into_response();
/// assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
/// ```
///
/// The text is sent as it is. Escape values yourself, or use a
/// [template](https://docs.rs/trine/latest/trine/template/), which does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Html<T>(pub T);

impl<T: Into<Body>> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        with_type(HeaderValue::from_static("text/html; charset=utf-8"), self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_content_type_of_html() {
        let response = Html("<p>").into_response();
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(response.body().as_whole().unwrap(), b"<p>");
    }
}
