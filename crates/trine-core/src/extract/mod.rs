//! Extraction: [`FromRequest`], the trait of handler arguments.
//!
//! `needs` contains the requirements that an extractor has before the first request.

pub mod needs;

use std::future::Future;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Uri, Version};
use serde_json::json;

pub use self::needs::Needs;
use crate::{Body, BodyError, ConnInfo, Cx, IntoResponse, Problem, Request, Response};

/// A type that can be an argument of a handler.
///
/// `Reads` says whether it reads the [`Head`] or the [`Body`] of the request. A handler runs the
/// extractors of the head in the order of its arguments, then looks up the values that its template
/// names, and runs the extractor of the body last, whatever its position. There may be only one of
/// these. So an extractor that authenticates the client refuses before anything is looked up.
///
/// ```
/// use trine_core::extract::Head;
/// use trine_core::{Cx, FromRequest, Problem, Rejection};
///
/// struct ApiKey(String);
///
/// impl FromRequest for ApiKey {
///     type Reads = Head;
///
///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
///         match cx.headers().get("x-api-key").map(|key| key.to_str()) {
///             Some(Ok(key)) => Ok(ApiKey(key.to_owned())),
///             Some(Err(_)) => Err(Problem::bad_request("`x-api-key`: not ASCII").into()),
///             None => Err(Problem::unauthorized("header `x-api-key` is missing").absent().into()),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extractor, so it cannot be an argument of a handler, a guard or a field of `FromRequest`",
    label = "does not implement `FromRequest`",
    note = "if it is a value of the path or the query, name it in the template of the attribute, `/users/{{id}}` or \
            `?{{id}}`; without an attribute, write `Path<{Self}>` or `Query<…>`",
    note = "if it is shared state, write `State<{Self}>`; if it is the body, write `Json<{Self}>` or `Form<{Self}>`",
    note = "if it is an extractor of axum, write `Axum<{Self}>`, or `AxumBody<{Self}>` where it reads the body (feature `axum`)",
    note = "if it implements `FromRequest` of another version of trine-core, `cargo tree -d` shows both"
)]
pub trait FromRequest: Sized + Send {
    /// The part of the request that it reads: [`Head`] or [`Body`].
    type Reads: Reads;

    /// Declares what the application must provide, which the launch audit checks. The default is
    /// nothing.
    ///
    /// A type that wraps another extractor calls the `needs` of that extractor.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }

    /// Makes the value from the request.
    ///
    /// # Errors
    /// The [`Rejection`], which becomes the response.
    fn from_request(cx: &mut Cx) -> impl Future<Output = Result<Self, Rejection>> + Send;
}

/// Marks an extractor that reads the request head and leaves the body alone.
///
/// ```
/// # use trine_core::{Cx, FromRequest, Rejection};
/// use trine_core::extract::{Head, Reads as _};
///
/// struct Secure(bool);
///
/// impl FromRequest for Secure {
///     type Reads = Head;
///
///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
///         Ok(Secure(cx.conn().is_some_and(|conn| conn.secure)))
///     }
/// }
///
/// assert!(!<Secure as FromRequest>::Reads::BODY);
/// ```
#[derive(Debug)]
pub enum Head {}

/// The part of a request that an extractor reads: [`Head`] or [`Body`]. It cannot be implemented
/// for other types.
///
/// ```
/// use trine_core::extract::{Head, Reads};
/// use trine_core::{Body, FromRequest};
///
/// fn reads_body<E: FromRequest>() -> bool {
///     E::Reads::BODY
/// }
///
/// assert!(reads_body::<String>());
/// assert!(<<Head as Reads>::Or<Body> as Reads>::BODY);
/// ```
pub trait Reads: sealed::Sealed + 'static {
    /// Whether the extractor reads the body.
    const BODY: bool;

    /// The part that two extractors read together: the body if one of them reads it.
    type Or<Other: Reads>: Reads;
}

impl Reads for Head {
    const BODY: bool = false;
    type Or<Other: Reads> = Other;
}

impl Reads for Body {
    const BODY: bool = true;
    type Or<Other: Reads> = Body;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Head {}
    impl Sealed for super::Body {}
}

/// The reason why an extractor has no value: a [`Problem`], or any other response, such as a
/// redirect to a login page.
///
/// ```
/// use trine_core::{IntoResponse, Problem, Rejection};
///
/// let rejection = Rejection::from(Problem::unauthorized("no token").absent());
/// assert!(rejection.is_absent());
/// assert_eq!(rejection.into_response().status(), 401);
/// ```
#[derive(Debug)]
pub enum Rejection {
    /// An error, in the format that the client accepts.
    Problem(Problem),
    /// Any other response, which is sent unchanged.
    Response(Box<Response>),
}

impl Rejection {
    /// Whether the value is absent from the request, so that an `Option` is `None`.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Rejection::Problem(problem) if problem.is_absent())
    }

    /// Stores the type that refused. The first one is kept, since an extractor that wraps another
    /// one only passes its rejection on.
    #[doc(hidden)]
    #[cold]
    #[must_use]
    pub fn by<T>(mut self) -> Rejection {
        if let Rejection::Problem(problem) = &mut self {
            problem.note_refusal(std::any::type_name::<T>());
        }
        self
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Rejection {
        Rejection::Problem(problem)
    }
}

impl From<Response> for Rejection {
    fn from(response: Response) -> Rejection {
        Rejection::Response(Box::new(response))
    }
}

impl From<BodyError> for Rejection {
    fn from(error: BodyError) -> Rejection {
        Rejection::Problem(error.into())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Rejection::Problem(problem) => problem.into_response(),
            Rejection::Response(response) => *response,
        }
    }
}

/// `None` if the value is absent from the request. An invalid value is still refused.
impl<T: FromRequest> FromRequest for Option<T> {
    type Reads = T::Reads;

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        match T::from_request(cx).await {
            Ok(value) => Ok(Some(value)),
            Err(rejection) if rejection.is_absent() => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// Passes the rejection to the handler.
impl<T: FromRequest> FromRequest for Result<T, Rejection> {
    type Reads = T::Reads;

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(T::from_request(cx).await)
    }
}

macro_rules! parts {
    ($($ty:ty: $cx:ident => $value:expr;)*) => {$(
        impl FromRequest for $ty {
            type Reads = Head;

            async fn from_request($cx: &mut Cx) -> Result<Self, Rejection> {
                $value
            }
        }
    )*};
}

parts! {
    (): _cx => Ok(());
    Method: cx => Ok(cx.method().clone());
    Uri: cx => Ok(cx.uri().clone());
    Version: cx => Ok(cx.version());
    HeaderMap: cx => Ok(cx.headers().clone());
    Extensions: cx => Ok(cx.extensions().clone());
    ConnInfo: cx => cx.conn().cloned().ok_or_else(no_connection);
}

#[cold]
fn no_connection() -> Rejection {
    Problem::internal("no connection is known: the application does not run on trine-server")
        .absent()
        .into()
}

/// The raw body, to be read as a stream, within the limit of the route.
///
/// It is not decoded, whatever its `Content-Encoding`, because a handler may store it, pass it on
/// or verify a signature of its bytes. The field stays in the header fields. The same is true of
/// `Bytes` and of the whole [`Request`].
impl FromRequest for Body {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let body = cx.take_body();
        body.check_declared()?;
        Ok(body)
    }
}

/// The whole request. Its body can be read within the limit of the route.
impl FromRequest for Request {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let request = cx.take_request();
        request.body().check_declared()?;
        Ok(request)
    }
}

/// All bytes of the body, not decoded.
impl FromRequest for Bytes {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(cx.take_body().bytes().await?)
    }
}

/// The whole body as text. A 400 if it is not UTF-8, and a 415 if it has a `Content-Encoding` that
/// no layer has decoded.
impl FromRequest for String {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let bytes = cx.take_decoded_body()?.bytes().await?;
        match String::from_utf8(bytes.into()) {
            Ok(text) => Ok(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let message = format!("expected UTF-8 text, got another byte at offset {at}");
                let errors = json!([{ "in": "body", "pointer": "", "code": "encoding", "message": message }]);
                let problem =
                    Problem::bad_request(format!("body: {message}")).with("errors", errors);
                Err(problem.source(error).into())
            }
        }
    }
}
