//! Header fields that are added instead of replaced.

use http::HeaderValue;
use http::header::HeaderName;
use trine_core::{BoxError, IntoResponseParts, Problem, Response};

/// Adds header fields and keeps those of the same name, which a plain array would replace.
///
/// ```
/// use trine::http::header::LINK;
/// use trine::respond::{AppendHeaders, IntoResponse};
///
/// let links = [(LINK, "</a.css>; rel=preload"), (LINK, "</b.js>; rel=preload")];
/// let response = (AppendHeaders(links), "…").into_response();
/// assert_eq!(response.headers().get_all(LINK).iter().count(), 2);
/// ```
///
/// # Errors
/// A 500 if a name or a value is not valid in a header field.
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
    fn fields_are_added_and_not_replaced() {
        let response =
            (AppendHeaders([("vary", "a"), ("vary", "b")]), [("vary", "c")], ()).into_response();
        assert_eq!(response.headers().get_all("vary").iter().collect::<Vec<_>>(), ["c"]);
        let response =
            ([("vary", "c")], AppendHeaders([("vary", "a"), ("vary", "b")]), ()).into_response();
        assert_eq!(response.headers().get_all("vary").iter().collect::<Vec<_>>(), ["c", "a", "b"]);
        assert_eq!((AppendHeaders([("vary", "\n")]), ()).into_response().status(), 500);
    }
}
