//! Work on a response that needs the request it answers.

use std::sync::Arc;

use crate::{Cx, Response};

/// Work that a response still needs, and that can only be done while the request is available.
///
/// [`IntoResponse`](crate::IntoResponse) does not see the request. A responder that needs something
/// from it, such as the state of the application, attaches a completion. The application runs it
/// once, when the response leaves the handler, middleware or extractor that made it.
///
/// ```
/// use http::header::{CONTENT_LOCATION, HeaderValue};
/// use trine_core::battery::Completion;
/// use trine_core::{IntoResponse, Response};
///
/// /// A response that names the path it answers in `Content-Location`.
/// struct Located;
///
/// impl IntoResponse for Located {
///     fn into_response(self) -> Response {
///         let mut response = Response::default();
///         Completion::attach(&mut response, |response, cx| {
///             let path = HeaderValue::try_from(cx.uri().path()).expect("paths are ASCII");
///             response.headers_mut().insert(CONTENT_LOCATION, path);
///         });
///         response
///     }
/// }
///
/// # use std::sync::Arc;
/// # use trine_core::{Cx, Request, RouteCx, route::AppCx};
/// # let request = Request::new(().into());
/// # let cx = Cx::new(request, RouteCx::new(Arc::new(AppCx::default()), None));
/// let response = Completion::run(Located.into_response(), &cx);
/// assert_eq!(response.headers()[CONTENT_LOCATION], "/");
/// ```
///
/// # Limits
/// The completions of a response that a foreign service makes, such as a mounted axum `Router`,
/// never run. The response must be usable without them. Each attached completion costs one
/// allocation.
#[derive(Clone)]
pub struct Completion(Arc<Work>);

type Work = dyn Fn(&mut Response, &Cx) + Send + Sync;

impl Completion {
    /// Attaches work to a response. It runs after the work that is attached already.
    pub fn attach(
        response: &mut Response,
        work: impl Fn(&mut Response, &Cx) + Send + Sync + 'static,
    ) {
        let earlier = response.extensions_mut().remove::<Completion>();
        let completion = match earlier {
            None => Completion(Arc::new(work)),
            Some(Completion(earlier)) => Completion(Arc::new(move |response, cx| {
                earlier(response, cx);
                work(response, cx);
            })),
        };
        response.extensions_mut().insert(completion);
    }

    /// Runs the work that is attached to a response, and detaches it. Applications call this for
    /// each response; tests of a responder can call it too.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use http::StatusCode;
    /// # use trine_core::{Body, Cx, Request, Response, RouteCx, battery::Completion};
    /// # let cx = Cx::new(Request::new(Body::empty()), RouteCx::new(Arc::default(), None));
    /// let mut response = Response::default();
    /// Completion::attach(&mut response, |response, _| {
    ///     *response.status_mut() = StatusCode::ACCEPTED;
    /// });
    /// assert_eq!(Completion::run(response, &cx).status(), 202);
    /// ```
    #[must_use]
    pub fn run(mut response: Response, cx: &Cx) -> Response {
        if let Some(Completion(work)) = response.extensions_mut().remove() {
            work(&mut response, cx);
        }
        response
    }
}

impl std::fmt::Debug for Completion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Completion").finish_non_exhaustive()
    }
}
