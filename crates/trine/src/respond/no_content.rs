//! A response without content.

use http::StatusCode;
use trine_core::{IntoResponse, Response};

/// A 204 No Content response: the request succeeded, and there is nothing to return.
///
/// ```
/// use trine::prelude::*;
///
/// #[delete("/todos/{id}")]
/// async fn remove(id: u64) -> NoContent {
///     NoContent
/// }
///
/// assert_eq!(NoContent.into_response().status(), 204);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_204() {
        assert_eq!(NoContent.into_response().status(), 204);
    }
}
