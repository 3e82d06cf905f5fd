//! The one trait of extraction.

use std::future::Future;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Uri, Version};
use serde_json::json;

use crate::{Body, BodyError, ConnInfo, Cx, IntoResponse, Needs, Problem, Request, Response};

/// A type that can be an argument of a handler.
///
/// `Reads` says whether it reads the [`Head`] of the request or its [`Body`]. A handler runs
/// the first kind in the order of its arguments, then makes the values that its template names, and
/// runs the second kind last, wherever it stands; it may have one of these. So what says who asks
/// refuses before anything is looked up.
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
///             Some(Err(_)) => Err(Problem::bad_request("header `x-api-key`: expected visible ASCII").into()),
///             None => Err(Problem::unauthorized("header `x-api-key` is missing").absent().into()),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler argument",
    label = "not an extractor",
    note = "if it is a value of the path or the query, name it in the template of the attribute, `/users/{{id}}` or \
            `?{{id}}`; without an attribute, write `Path<{Self}>` or `Query<…>`",
    note = "if it is shared state, write `State<{Self}>`; if it is the body, write `Json<{Self}>` or `Form<{Self}>`",
    note = "if it is an extractor of axum, write `Axum<{Self}>`, or `AxumBody<{Self}>` where it reads the body (feature `axum`)",
    note = "if it implements `FromRequest` of another version of trine-core, `cargo tree -d` shows both"
)]
pub trait FromRequest: Sized + Send {
    /// [`Head`] or [`Body`].
    type Reads: Reads;

    /// Declares what the application must hold for this to work; the launch audit checks it.
    ///
    /// A type that wraps another extractor passes the call on to it.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }

    /// Makes the value or says why not.
    fn from_request(cx: &mut Cx) -> impl Future<Output = Result<Self, Rejection>> + Send;
}

/// Marks an extractor that reads the request head and leaves the body alone.
#[derive(Debug)]
pub enum Head {}

/// [`Head`] or [`Body`].
pub trait Reads: sealed::Sealed + 'static {
    /// Whether it is the body that is read.
    const BODY: bool;

    /// What two extractors read together: the body where one of them does.
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

/// Why an extractor gave no value: a [`Problem`], or a response of its own such as a redirect to a
/// login page.
#[derive(Debug)]
pub enum Rejection {
    /// An error, rendered as the client accepts it.
    Problem(Problem),
    /// Any other answer, sent as it is.
    Response(Box<Response>),
}

impl Rejection {
    /// Whether the thing was not in the request at all, so that `Option` is `None`.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Rejection::Problem(problem) if problem.is_absent())
    }

    /// Notes the type that refused. One that is noted stays: what wraps an extractor only passes
    /// its rejection on.
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

/// `None` when it is not in the request. What is there but wrong is still refused.
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

/// The handler decides what to do with the rejection.
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

/// The raw body, to be read as a stream. The limit of the route holds while it is read.
///
/// It comes as it was sent, whatever its `Content-Encoding`: who takes it raw may store it, pass it
/// on, or check a signature over these bytes, and finds the field among the headers. So do `Bytes`
/// and the whole [`Request`].
impl FromRequest for Body {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let body = cx.take_body();
        body.check_declared()?;
        Ok(body)
    }
}

/// The whole request. The limit of the route holds while its body is read.
impl FromRequest for Request {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let request = cx.take_request();
        request.body().check_declared()?;
        Ok(request)
    }
}

/// All bytes of the body, as they were sent.
impl FromRequest for Bytes {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(cx.take_body().bytes().await?)
    }
}

/// All bytes of the body, which must be UTF-8. A 415 where it has a `Content-Encoding` that no
/// layer has undone.
impl FromRequest for String {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let bytes = cx.take_decoded_body()?.bytes().await?;
        match String::from_utf8(bytes.into()) {
            Ok(text) => Ok(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let message = format!("expected UTF-8 text, got another byte at offset {at}");
                let told = json!([{ "in": "body", "pointer": "", "code": "encoding", "message": message }]);
                let problem = Problem::bad_request(format!("body: {message}")).with("errors", told);
                Err(problem.source(error).into())
            }
        }
    }
}
