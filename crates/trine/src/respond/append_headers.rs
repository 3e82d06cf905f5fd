//! Header fields that are repeated.

use http::HeaderValue;
use http::header::HeaderName;
use trine_core::{BoxError, IntoResponseParts, Problem, Response};

/// Adds header fields beside those of the same name, where a plain array replaces them.
///
/// ```
/// use http::header;
/// use trine::respond::{AppendHeaders, IntoResponse};
///
/// async fn page() -> impl IntoResponse {
///     (AppendHeaders([(header::LINK, "</a.css>; rel=preload"), (header::LINK, "</b.js>; rel=preload")]), "…")
/// }
/// ```
///
/// # Errors
/// A 500 where a name or a value cannot be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AppendHeaders<I>(pub I);

impl<I, K, V> IntoResponseParts for AppendHeaders<I>
where
    I: IntoIterator<Item = (K, V)>,
    K: TryInto<HeaderName, Error: Into<BoxError>>,
    V: TryInto<HeaderValue, Error: Into<BoxError>>,
{
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        for (name, value) in self.0 {
            let name = name.try_into().map_err(Problem::internal)?;
            let value = value.try_into().map_err(Problem::internal)?;
            response.headers_mut().append(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use trine_core::IntoResponse;

    use super::*;

    #[test]
    fn fields_stand_beside_each_other() {
        let response =
            (AppendHeaders([("vary", "a"), ("vary", "b")]), [("vary", "c")], ()).into_response();
        assert_eq!(response.headers().get_all("vary").iter().collect::<Vec<_>>(), ["c"]);
        let response =
            ([("vary", "c")], AppendHeaders([("vary", "a"), ("vary", "b")]), ()).into_response();
        assert_eq!(response.headers().get_all("vary").iter().collect::<Vec<_>>(), ["c", "a", "b"]);
        assert_eq!((AppendHeaders([("vary", "\n")]), ()).into_response().status(), 500);
    }
}
