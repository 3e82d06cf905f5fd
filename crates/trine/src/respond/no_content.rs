//! An answer without content.

use http::StatusCode;
use trine_core::{IntoResponse, Response};

/// 204: it is done, and there is nothing to show.
///
/// ```
/// use trine::respond::NoContent;
///
/// async fn delete() -> NoContent {
///     NoContent
/// }
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
