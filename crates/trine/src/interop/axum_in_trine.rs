//! Extractors and responses of axum in Trine handlers.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use axum_core::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, Limited};
use trine_core::extract::Head;
use trine_core::{
    Body, BodyError, BoxError, Cx, FromRequest, IntoResponse, IntoResponseParts, Needs, Problem,
    Rejection, Response,
};

use super::{from_axum, insert_connect_info};

/// An axum extractor that does not read the body, or an axum response, in a Trine handler.
///
/// ```
/// use axum_extra::extract::CookieJar;
/// use axum_extra::extract::cookie::Cookie;
/// use trine::{Axum, prelude::*};
///
/// #[get("/visit")]
/// async fn visit(Axum(jar): Axum<CookieJar>) -> Axum<(CookieJar, &'static str)> {
///     Axum((jar.add(Cookie::new("seen", "yes")), "welcome"))
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![visit]).test().await;
/// client.get("/visit").await.expect_text("welcome").expect_header("set-cookie", "seen=yes");
/// # }
/// ```
///
/// The extractor sees the request head with everything that layers attached to it, and the axum
/// state `()`. Use [`AxumWith`] for an extractor that needs another state, and `Axum<Option<T>>`
/// for a value that may be missing.
///
/// In a tuple, an axum response part is added to the response: `(Axum(jar), Redirect::to("/"))`. As
/// an error type, the `?` operator converts into it: a handler that returns
/// `Result<T, Axum<AppError>>` can use `?` on every `Result<_, AppError>`, and on other results
/// after `.map_err(AppError::from)`.
///
/// # Errors
/// The response with which the extractor rejects the request, unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Axum<T>(pub T);

impl<T> FromRequest for Axum<T>
where
    T: axum_core::extract::FromRequestParts<()> + Send,
{
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        insert_address(cx);
        T::from_request_parts(cx.head_mut(), &()).await.map(Axum).map_err(rejected)
    }
}

/// Lets `?` convert an axum error: `Result<T, Axum<AppError>>`.
impl<T> From<T> for Axum<T> {
    fn from(inner: T) -> Axum<T> {
        Axum(inner)
    }
}

impl<T: axum_core::response::IntoResponse> IntoResponse for Axum<T> {
    fn into_response(self) -> Response {
        from_axum(self.0.into_response())
    }
}

/// An axum response part in a tuple: `(Axum(jar), Redirect::to("/"))`.
impl<T: axum_core::response::IntoResponseParts> IntoResponseParts for Axum<T> {
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        // The body is kept out, because passing it through axum would box it.
        let (mut head, body) = std::mem::take(response).into_parts();
        head.extensions.insert(PassedThroughAxum);
        let given = axum_core::response::Response::from_parts(head, axum_core::body::Body::empty());
        let (mut head, _) =
            axum_core::response::IntoResponse::into_response((self.0, given)).into_parts();
        // A part that fails replaces the response, so the mark is missing.
        if head.extensions.remove::<PassedThroughAxum>().is_none() {
            let text = format!("the response part `{}` failed", std::any::type_name::<T>());
            let status = Some(head.status)
                .filter(|status| status.is_client_error() || status.is_server_error());
            return Err(
                Problem::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).source(text)
            );
        }
        *response = Response::from_parts(head, body);
        Ok(())
    }
}

/// Marks a response that an axum response part has processed.
#[derive(Clone)]
struct PassedThroughAxum;

/// An axum extractor that reads the body, in a Trine handler.
///
/// ```
/// use trine::{AxumBody, prelude::*};
///
/// #[post("/shout")]
/// async fn shout(AxumBody(axum::Json(text)): AxumBody<axum::Json<String>>) -> String {
///     text.to_uppercase()
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![shout]).test().await;
/// client.post("/shout").json("hey").await.expect_text("HEY");
/// # }
/// ```
///
/// # Limits
/// The body limit of the route applies (2 MiB by default). axum's `DefaultBodyLimit` does not.
///
/// # Errors
/// 413 if the body exceeds the limit, 408 if it stalls, and 400 if it ends early or is malformed.
/// Otherwise the response with which the extractor rejects the request, unchanged. The extractor
/// gets the body as it was sent, whatever its `Content-Encoding`.
///
/// An extractor that returns a stream, such as axum's `Multipart`, encounters these errors later.
/// They keep their status if the handler returns [`trine::Result`](crate::Result). axum itself
/// responds to its errors with 413 for the limit and 500 for everything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AxumBody<T>(pub T);

impl<T> FromRequest for AxumBody<T>
where
    T: axum_core::extract::FromRequest<()> + Send,
{
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        insert_address(cx);
        let fault = Arc::new(OnceLock::new());
        let slot = Arc::clone(&fault);
        let mut request = cx.take_request().map(|body| {
            axum_core::body::Body::new(body.map_err(move |error| {
                if let Some(fault) = client_fault(&error) {
                    slot.get_or_init(|| fault);
                }
                for_axum(error)
            }))
        });
        DefaultBodyLimit::disable().apply(&mut request);
        match T::from_request(request, &()).await {
            Ok(value) => Ok(AxumBody(value)),
            // axum does not know our errors, and responds to most of them with a 400.
            Err(rejection) => Err(match fault.get().and_then(client_fault) {
                Some(fault) => fault.into(),
                None => rejected(rejection),
            }),
        }
    }
}

/// A copy of the error, if the client is to blame for it.
fn client_fault(error: &BodyError) -> Option<BodyError> {
    match error {
        BodyError::TooLarge { limit, of_request } => {
            Some(BodyError::TooLarge { limit: *limit, of_request: *of_request })
        }
        BodyError::TimedOut => Some(BodyError::TimedOut),
        BodyError::Incomplete => Some(BodyError::Incomplete),
        BodyError::Malformed(how) => Some(BodyError::Malformed(how)),
        _ => None,
    }
}

/// Converts the error of a body that exceeds its limit into the error that axum knows for it. That
/// error has no constructor, so it is obtained from a body that exceeds a limit.
fn for_axum(error: BodyError) -> BoxError {
    if let BodyError::Refused(refusal) = error {
        return match refusal.status() {
            StatusCode::PAYLOAD_TOO_LARGE => refusal.into_inner(),
            _ => BodyError::Refused(refusal).into(),
        };
    }
    if let BodyError::TooLarge { .. } = error {
        let mut exceeding = Limited::new(Full::new(Bytes::from_static(b"x")), 0);
        let polled = Pin::new(&mut exceeding).poll_frame(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(Some(Err(known))) = polled {
            return known;
        }
    }
    error.into()
}

/// An axum extractor that does not read the body and needs the state `S`, which
/// [`App::state`](crate::App::state) adds to the application.
///
/// ```
/// use axum_extra::extract::PrivateCookieJar;
/// use axum_extra::extract::cookie::Key;
/// use trine::{AxumWith, prelude::*};
///
/// #[get("/who")]
/// async fn who(jar: AxumWith<PrivateCookieJar, Key>) -> String {
///     jar.get("name").map_or("nobody".into(), |cookie| cookie.value().to_owned())
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().state(Key::generate()).routes(routes![who]).test().await;
/// client.get("/who").await.expect_text("nobody");
/// # }
/// ```
///
/// # Errors
/// The errors of [`Axum`]. The launch audit reports a missing state.
pub struct AxumWith<T, S>(pub T, PhantomData<fn() -> S>);

impl<T, S> FromRequest for AxumWith<T, S>
where
    T: axum_core::extract::FromRequestParts<S> + Send,
    S: Send + Sync + 'static,
{
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        needs.state::<S>();
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let state = cx.state::<S>()?;
        insert_address(cx);
        let value = T::from_request_parts(cx.head_mut(), &state).await.map_err(rejected)?;
        Ok(AxumWith(value, PhantomData))
    }
}

impl<T, S> Deref for AxumWith<T, S> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, S> DerefMut for AxumWith<T, S> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: std::fmt::Debug, S> std::fmt::Debug for AxumWith<T, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AxumWith").field(&self.0).finish()
    }
}

/// Inserts `ConnectInfo`, as axum's server does.
fn insert_address(cx: &mut Cx) {
    let peer = cx.conn().and_then(|conn| conn.peer);
    insert_connect_info(cx.extensions_mut(), peer);
}

#[cold]
fn rejected(rejection: impl axum_core::response::IntoResponse) -> Rejection {
    from_axum(rejection.into_response()).into()
}
