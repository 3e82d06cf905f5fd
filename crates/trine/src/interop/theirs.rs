//! What is axum's, in our handlers.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use axum_core::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use trine_core::extract::Head;
use trine_core::{
    Body, BodyError, BoxError, Cx, FromRequest, IntoResponse, IntoResponseParts, Needs, Problem,
    Rejection, Response,
};

use super::{from_axum, leave};

/// An axum extractor that leaves the body alone, or an axum answer, in a handler of ours.
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
/// The extractor sees the head with everything that layers attached to it, and axum's state `()`;
/// one that needs another state is taken with [`AxumWith`]. What may be missing is an
/// `Axum<Option<T>>`.
///
/// Before an answer it adds what axum's part adds: `(Axum(jar), Redirect::to("/"))`. As an error it
/// is made by `?`: a handler that returns `Result<T, Axum<AppError>>` may use it on every
/// `Result<_, AppError>`, and on others behind `.map_err(AppError::from)`.
///
/// # Errors
/// The response that the extractor rejects with, as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Axum<T>(pub T);

impl<T> FromRequest for Axum<T>
where
    T: axum_core::extract::FromRequestParts<()> + Send,
{
    type Reads = Head;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        leave_address(cx);
        T::from_request_parts(cx.head_mut(), &()).await.map(Axum).map_err(rejected)
    }
}

/// So that `?` gives back an error of axum's: `Result<T, Axum<AppError>>`.
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

/// A part of axum's before an answer of ours: `(Axum(jar), Redirect::to("/"))`.
impl<T: axum_core::response::IntoResponseParts> IntoResponseParts for Axum<T> {
    fn into_response_parts(self, response: &mut Response) -> Result<(), Problem> {
        // The body stays here: it would be boxed on its way through axum's.
        let (mut head, body) = std::mem::take(response).into_parts();
        head.extensions.insert(Before);
        let given = axum_core::response::Response::from_parts(head, axum_core::body::Body::empty());
        let (mut head, _) =
            axum_core::response::IntoResponse::into_response((self.0, given)).into_parts();
        // A part that fails answers in the place of what was there.
        if head.extensions.remove::<Before>().is_none() {
            let text = format!("`{}` cannot be sent before an answer", std::any::type_name::<T>());
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

/// Marks a response that went through a part of axum's.
#[derive(Clone)]
struct Before;

/// An axum extractor that reads the body, in a handler of ours.
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
/// The body limit of the route holds (2 MiB unless set), axum's `DefaultBodyLimit` does not.
///
/// # Errors
/// What is wrong with the body: 413 past the limit, 408 where it stalls, 400 where it ends early or
/// is malformed. Otherwise the response that the extractor rejects with, as it is. It gets the body
/// as it was sent, whatever its `Content-Encoding`.
///
/// An extractor that gives a stream (axum's `Multipart`) meets these errors later: they keep their
/// status where the handler returns [`trine::Result`](crate::Result). axum's own answer to its
/// errors is 413 past the limit, 500 else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AxumBody<T>(pub T);

impl<T> FromRequest for AxumBody<T>
where
    T: axum_core::extract::FromRequest<()> + Send,
{
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        leave_address(cx);
        let failed = Arc::new(OnceLock::new());
        let noted = Arc::clone(&failed);
        let mut request = cx.take_request().map(|body| {
            axum_core::body::Body::new(body.map_err(move |error| {
                if let Some(fault) = fault(&error) {
                    noted.get_or_init(|| fault);
                }
                for_axum(error)
            }))
        });
        DefaultBodyLimit::disable().apply(&mut request);
        match T::from_request(request, &()).await {
            Ok(value) => Ok(AxumBody(value)),
            // axum does not know our errors, and would call most of them a 400.
            Err(rejection) => Err(match failed.get().and_then(fault) {
                Some(fault) => fault.into(),
                None => rejected(rejection),
            }),
        }
    }
}

/// What is wrong with a body, by the client's fault, once more.
fn fault(error: &BodyError) -> Option<BodyError> {
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

/// An error of a body past its limit as that which axum knows for it. It can only be had by going
/// past a limit.
fn for_axum(error: BodyError) -> BoxError {
    if let BodyError::Refused(known) = error {
        return if known.is::<LengthLimitError>() {
            known
        } else {
            BodyError::Refused(known).into()
        };
    }
    if let BodyError::TooLarge { .. } = error {
        let mut past = Limited::new(Full::new(Bytes::from_static(b"x")), 0);
        let polled = Pin::new(&mut past).poll_frame(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(Some(Err(known))) = polled {
            return known;
        }
    }
    error.into()
}

/// An axum extractor that leaves the body alone and needs the state `S`, which
/// [`App::state`](crate::App::state) holds.
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
/// As for [`Axum`]; the launch audit reports a state that is missing.
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
        leave_address(cx);
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

/// For `ConnectInfo`, which axum's server would have left there.
fn leave_address(cx: &mut Cx) {
    let peer = cx.conn().and_then(|conn| conn.peer);
    leave(cx.extensions_mut(), peer);
}

#[cold]
fn rejected(rejection: impl axum_core::response::IntoResponse) -> Rejection {
    from_axum(rejection.into_response()).into()
}
