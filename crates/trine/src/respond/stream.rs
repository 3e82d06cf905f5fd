//! A response whose body is produced while it is sent.

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderValue;
use trine_core::respond::with_type;
use trine_core::{Body, BoxError, IntoResponse, Problem, Response};

/// A response that sends the chunks of a stream as they arrive, with this content type.
///
/// ```
/// use std::convert::Infallible;
///
/// use trine::prelude::*;
/// use trine::respond::stream;
///
/// #[get("/table.csv")]
/// async fn table() -> Response {
///     let rows = futures_util::stream::iter(["a,b\n", "1,2\n"].map(Ok::<_, Infallible>));
///     stream("text/csv; charset=utf-8", rows)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![table]).test().await;
/// client.get("/table.csv").await.expect_text("a,b\n1,2\n");
/// # }
/// ```
///
/// # Errors
/// A 500 if the content type is not a valid header value. If the stream yields an `Err`, the head
/// has already been sent: the connection is aborted, so that the client does not take a partial
/// body for a complete one.
pub fn stream<S, T, E>(
    content_type: impl TryInto<HeaderValue, Error: Into<BoxError>>,
    chunks: S,
) -> Response
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: Into<Bytes>,
    E: Into<BoxError>,
{
    match content_type.try_into() {
        Ok(content_type) => with_type(content_type, Body::stream(chunks)),
        Err(error) => Problem::internal(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks<const N: usize>(chunks: [Result<&'static str, &'static str>; N]) -> Response {
        stream("text/csv", futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn chunks_leave_in_order() {
        let response = chunks([Ok("a"), Ok("b")]);
        assert_eq!(response.headers()["content-type"], "text/csv");
        assert_eq!(response.into_body().bytes().await.unwrap(), "ab");
    }

    #[tokio::test]
    async fn a_failure_is_never_the_end() {
        chunks([Ok("a"), Err("disk")]).into_body().bytes().await.unwrap_err();
        assert_eq!(
            stream("a\n", futures_util::stream::iter([Ok::<_, BoxError>("")])).status(),
            500
        );
    }
}
