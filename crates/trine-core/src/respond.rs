//! Responses: what a handler may return.

use std::borrow::Cow;
use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use http::header::{self, Entry, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::{Body, BoxError, Problem, Response, recycle};

/// A type that a handler may return.
///
/// These are text and bytes, a [`StatusCode`], a [`Problem`], a whole [`Response`], and a `Result`
/// or an `Option` of them. A tuple ends with one of them, and may begin with a status and with any
/// [`IntoResponseParts`]. The status of a [`Problem`] takes precedence over the status of a tuple,
/// so that a failure is never sent as a success.
///
/// ```
/// use http::{StatusCode, header};
/// use trine_core::IntoResponse;
///
/// let location = [(header::LOCATION, "/todos/7")];
/// let response = (StatusCode::CREATED, location, "created").into_response();
/// assert_eq!(response.status(), 201);
/// assert_eq!(response.headers()["location"], "/todos/7");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a handler",
    label = "does not implement `IntoResponse`",
    note = "to send it as JSON, return `Json<{Self}>`; as text, a `String`",
    note = "for an error type of your own, derive `Problem`; for any error, return `trine::Result`",
    note = "if it is an answer of axum, return `Axum<{Self}>` (feature `axum`)",
    note = "if it implements `IntoResponse` of another version of trine-core, `cargo tree -d` shows both"
)]
pub trait IntoResponse {
    /// Converts the value into a response.
    fn into_response(self) -> Response;
}

/// A part of a response other than its body: header fields or cookies. In a tuple it precedes the
/// value with the body.
///
/// ```
/// use http::header;
/// use trine_core::{IntoResponse, IntoResponseParts, Problem, Response};
///
/// struct NoStore;
///
/// impl IntoResponseParts for NoStore {
///     fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
///         let value = "no-store".parse().map_err(Problem::internal)?;
///         response.headers_mut().insert(header::CACHE_CONTROL, value);
///         Ok(())
///     }
/// }
///
/// let response = (NoStore, "secret").into_response();
/// assert_eq!(response.headers()["cache-control"], "no-store");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand before the answer in a tuple",
    label = "does not implement `IntoResponseParts`",
    note = "header fields do: `[(header::LOCATION, \"/\")]`; a status comes first in the tuple, the body last"
)]
pub trait IntoResponseParts {
    /// Adds the part to the response.
    ///
    /// # Errors
    /// A [`Problem`], which is sent in place of the response.
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem>;
}

impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::new(Body::empty())
    }
}

impl IntoResponse for Infallible {
    fn into_response(self) -> Response {
        match self {}
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self;
        response
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

impl<B> IntoResponse for Response<B>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn into_response(self) -> Response {
        self.map(Body::new)
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl<T: IntoResponse> IntoResponse for Box<T> {
    fn into_response(self) -> Response {
        (*self).into_response()
    }
}

/// `None` becomes a 404.
impl<T: IntoResponse> IntoResponse for Option<T> {
    fn into_response(self) -> Response {
        match self {
            Some(value) => value.into_response(),
            None => Problem::new(StatusCode::NOT_FOUND).into_response(),
        }
    }
}

impl IntoResponse for HeaderMap {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

macro_rules! bytes_with_type {
    ($($ty:ty: $content_type:expr),* $(,)?) => {$(
        impl IntoResponse for $ty {
            fn into_response(self) -> Response {
                with_type($content_type, Body::from(self))
            }
        }
    )*};
}

bytes_with_type! {
    &'static str: TEXT,
    String: TEXT,
    &'static [u8]: BYTES,
    Vec<u8>: BYTES,
    Bytes: BYTES,
    BytesMut: BYTES,
}

impl IntoResponse for Cow<'static, str> {
    fn into_response(self) -> Response {
        match self {
            Cow::Borrowed(text) => text.into_response(),
            Cow::Owned(text) => text.into_response(),
        }
    }
}

/// A 200 response with this content type and body, for implementations of [`IntoResponse`].
///
/// ```
/// use http::HeaderValue;
/// use trine_core::respond::with_type;
///
/// let response = with_type(HeaderValue::from_static("text/csv"), "a,b\r\n1,2\r\n".into());
/// assert_eq!(response.headers()["content-type"], "text/csv");
/// ```
#[must_use]
pub fn with_type(content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    recycle::lend_headers(response.headers_mut());
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

impl IntoResponseParts for () {
    fn into_response_parts(self, _response: &mut Response) -> Result<(), Problem> {
        Ok(())
    }
}

impl<P: IntoResponseParts> IntoResponseParts for Option<P> {
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        self.map_or(Ok(()), |parts| parts.into_response_parts(response))
    }
}

/// Each field replaces the fields of the same name in the response. The exception is `Set-Cookie`,
/// which is appended.
///
/// Each line of `Set-Cookie` is about one cookie and not an item of a list (RFC 9110, 5.3). If it
/// replaced other lines, a cookie of a session or of
/// [`Cookies`](https://docs.rs/trine/latest/trine/extract/struct.Cookies.html) would be lost.
impl IntoResponseParts for HeaderMap {
    fn into_response_parts(mut self, response: &mut Response) -> Result<(), Problem> {
        // `entry` would reserve room first, although the field is usually absent.
        if self.contains_key(header::SET_COOKIE)
            && let Entry::Occupied(cookies) = self.entry(header::SET_COOKIE)
        {
            let (name, cookies) = cookies.remove_entry_mult();
            for cookie in cookies {
                response.headers_mut().append(&name, cookie);
            }
        }
        response.headers_mut().extend(self);
        Ok(())
    }
}

/// Each field replaces the fields of the same name in the response and earlier in the array. The
/// exception is `Set-Cookie`, which is appended. To append other fields, use
/// [`AppendHeaders`](https://docs.rs/trine/latest/trine/respond/struct.AppendHeaders.html).
impl<K, V, const N: usize> IntoResponseParts for [(K, V); N]
where
    K: TryInto<HeaderName, Error: Into<BoxError>>,
    V: TryInto<HeaderValue, Error: Into<BoxError>>,
{
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        for (name, value) in self {
            let name = name.try_into().map_err(Problem::internal)?;
            let value = value.try_into().map_err(Problem::internal)?;
            if name == header::SET_COOKIE {
                response.headers_mut().append(name, value);
            } else {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(())
    }
}

macro_rules! tuples {
    ($($part:ident)*) => {
        impl<R: IntoResponse, $($part: IntoResponseParts),*> IntoResponse for ($($part,)* R,) {
            #[allow(non_snake_case, unused_mut)]
            fn into_response(self) -> Response {
                let ($($part,)* answer,) = self;
                let mut response = answer.into_response();
                $(if let Err(problem) = $part.into_response_parts(&mut response) {
                    return problem.into_response();
                })*
                response
            }
        }

        impl<R: IntoResponse, $($part: IntoResponseParts),*> IntoResponse for (StatusCode, $($part,)* R) {
            #[allow(non_snake_case, unused_mut)]
            fn into_response(self) -> Response {
                let (status, $($part,)* answer) = self;
                let mut response = answer.into_response();
                $(if let Err(problem) = $part.into_response_parts(&mut response) {
                    return problem.into_response();
                })*
                // The status of a problem takes precedence.
                if !Problem::is_in(&response) {
                    *response.status_mut() = status;
                }
                response
            }
        }
    };
}

tuples!();
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
