//! Extractors and responses of Trine in axum handlers.

use std::sync::Arc;

use http::request::Parts;
use http_body_util::BodyExt as _;
use trine_core::extract::Head;
use trine_core::needs::Need;
use trine_core::route::DEFAULT_BODY_LIMIT;
use trine_core::{
    Body, BoxError, Cx, FromRequest, IntoResponse, Needs, Problem, Rejection, Request, RouteCx,
};

use super::{AxumResponse, to_axum};
use crate::extract::{CookieChanges, enter_foreign_handler};
use crate::problem::complete::complete_and_render;
use crate::problem::render::log_and_render;

/// An extractor or a response of Trine in an axum handler.
///
/// ```
/// use axum::routing::post;
/// use trine::{Trine, prelude::*};
///
/// async fn echo(Trine(Json(text)): Trine<Json<String>>) -> Trine<Html<String>> {
///     Trine(Html(text))
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let router: axum::Router = axum::Router::new().route("/echo", post(echo));
/// let client = App::new().mount("/old", router).test().await;
/// client.post("/old/echo").json("hey").await.expect_text("hey");
/// client.post("/old/echo").text("hey").await.expect_problem(415);
/// # }
/// ```
///
/// The state and the connection come from the application in which the router is
/// [mounted](crate::App::mount). The launch audit does not see axum handlers. [`Path`](crate::Path)
/// has the parameters of the mount, not those of the axum route. Changed
/// [`Cookies`](crate::extract::Cookies) have to be returned: `Trine((cookies, …))`. If they are
/// not, the log says so.
///
/// # Limits
/// The body limit is 2 MiB. Neither axum's `DefaultBodyLimit` nor the limit of the application
/// changes it. A handler that needs more moves to a Trine route, or uses an axum extractor.
///
/// # Errors
/// The problem of the extractor, rendered as the client accepts it. A problem that a handler
/// returns is rendered as JSON, because a response of axum does not know the request. Outside a
/// Trine application, an extractor that needs state fails with a 500 that names the state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trine<T>(pub T);

impl<T, S> axum_core::extract::FromRequestParts<S> for Trine<T>
where
    T: FromRequest<Reads = Head>,
    S: Send + Sync,
{
    type Rejection = AxumResponse;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, AxumResponse> {
        let taken = std::mem::replace(head, Request::new(()).into_parts().0);
        let mut cx = cx(taken, Body::empty());
        let value = extract(&mut cx).await;
        *head = cx.take_request().into_parts().0;
        // The match carries the cookies that this extractor or the next one changes.
        if cx.matched().jar().is_some() {
            head.extensions.insert(cx.matched().clone());
        }
        value
    }
}

impl<T, S> axum_core::extract::FromRequest<S> for Trine<T>
where
    T: FromRequest<Reads = Body>,
    S: Send + Sync,
{
    type Rejection = AxumResponse;

    async fn from_request(
        request: axum_core::extract::Request,
        _state: &S,
    ) -> Result<Self, AxumResponse> {
        let (head, body) = request.into_parts();
        // axum wraps the errors of our body into an error of its own.
        let mut limited =
            Body::new(body.map_err(axum_core::Error::into_inner)).limited(DEFAULT_BODY_LIMIT);
        limited.mark_request();
        // Boxed to keep the limit: the route of the mount has no limit, and would remove this one.
        let body = Body::new(limited.map_err(BoxError::from));
        extract(&mut cx(head, body)).await
    }
}

impl<T: IntoResponse> axum_core::response::IntoResponse for Trine<T> {
    fn into_response(self) -> AxumResponse {
        let response = self.0.into_response();
        to_axum(if Problem::is_in(&response) {
            log_and_render(response, None, None)
        } else {
            response
        })
    }
}

fn cx(head: Parts, body: Body) -> Cx {
    let route =
        head.extensions.get().cloned().unwrap_or_else(|| RouteCx::new(Arc::default(), None));
    Cx::from_parts(head, body, route)
}

async fn extract<T: FromRequest>(cx: &mut Cx) -> Result<Trine<T>, AxumResponse> {
    let attended = cx.matched().jar().is_some();
    let value = match missing_state::<T>(cx) {
        Some(problem) => Err(problem),
        None => T::from_request(cx).await.map_err(Rejection::by::<T>),
    };
    if !attended {
        enter_foreign_handler(cx.matched());
    }
    value.map(Trine).map_err(|rejection| {
        to_axum(complete_and_render(rejection.into_response(), cx, CookieChanges::All))
    })
}

/// The rejection for an extractor that needs state outside an application.
fn missing_state<T: FromRequest>(cx: &Cx) -> Option<Rejection> {
    if cx.extensions().get::<RouteCx>().is_some() {
        return None;
    }
    let mut needs = Needs::default();
    T::needs(&mut needs);
    let name = needs.iter().find_map(|need| match need {
        Need::State { type_name, .. } => Some(*type_name),
        _ => None,
    })?;
    let detail = format!(
        "no state of type `{name}`: mount the axum router with `App::mount` in an application with this state"
    );
    Some(Problem::internal(detail).into())
}
