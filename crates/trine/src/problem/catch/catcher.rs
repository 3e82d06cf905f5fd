//! One catcher, and how its result becomes the response.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use http::StatusCode;
use trine_core::{Cx, IntoResponse, Needs, Problem, Rejection, Response};

use super::caught::CaughtProblem;
use super::panics;
use super::when::When;
use crate::dispatch::handler::{Args, Handler};
use crate::extract::{CookieChanges, enter_cookie_scope};
use crate::problem::complete::complete_and_render;
use crate::problem::render::{Rendered, log, mark_final, replace_rendering};

/// A function, and the problems that it is for.
#[derive(Clone)]
pub(crate) struct Catcher {
    pub(crate) when: When,
    pub(crate) location: &'static Location<'static>,
    function: Arc<dyn CatcherFunction>,
}

/// The function of a catcher, with the types of its arguments erased.
trait CatcherFunction: Send + Sync {
    fn call(&self, cx: Box<Cx>) -> CatcherFuture;
    fn needs(&self, needs: &mut Needs);
}

/// The future of a catcher. It returns the request too, which is needed to render a problem of the
/// catcher itself.
type CatcherFuture = Pin<Box<dyn Future<Output = (Result<Response, Rejection>, Box<Cx>)> + Send>>;

impl Catcher {
    pub(crate) fn new<H, A, K>(
        when: When,
        handler: H,
        location: &'static Location<'static>,
    ) -> Catcher
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + 'static,
        K: 'static,
    {
        let function = ErasedFunction { handler, shape: PhantomData::<fn() -> (A, K)> };
        Catcher { when, location, function: Arc::new(function) }
    }

    pub(crate) fn needs(&self, needs: &mut Needs) {
        self.function.needs(needs);
    }

    /// Responds to the problem that `default`, its default rendering, carries. If the catcher
    /// fails, `default` is the response.
    pub(crate) async fn respond(&self, default: Response, mut cx: Box<Cx>) -> Response {
        let Some(problem) = Problem::shared(&default) else { return default };
        cx.extensions_mut().insert(CaughtProblem(Arc::clone(&problem)));
        let dev = cx.matched().app().dev;
        let inside = enter_cookie_scope(cx.matched().jar());
        let (result, cx) = match panics::catch(self.function.call(cx), dev).await {
            Ok(returned) => returned,
            Err(panic) => {
                log(&panic);
                return mark_final(default);
            }
        };
        // A problem that the catcher made itself is logged here, and rendered if it is a response.
        let mut response = complete_and_render(
            result.unwrap_or_else(Failed::response),
            &cx,
            CookieChanges::Inside(inside),
        );
        cx.end();
        if self.failed(&mut response, &default) {
            return mark_final(default);
        }
        if response.status() == StatusCode::OK {
            *response.status_mut() = default.status();
        }
        response.extensions_mut().remove::<Rendered>();
        replace_rendering(response, default)
    }

    /// Whether the catcher failed: an extractor refused, or it responded to an error of the client
    /// with a server error.
    fn failed(&self, response: &mut Response, default: &Response) -> bool {
        let refused = response.extensions_mut().remove::<Failed>().is_some();
        let status = response.status();
        if let Some(problem) = Problem::of(response) {
            return refused || problem.status().is_server_error();
        }
        let failed = refused || (status.is_server_error() && !default.status().is_server_error());
        if failed {
            tracing::error!(
                target: "trine::problem",
                "the {self:?} responded with {status}, so the client gets the problem as it was"
            );
        }
        failed
    }
}

/// Marks the rejection of an extractor of a catcher. A rejection that is a response in its own
/// right, a redirect for example, is not marked.
#[derive(Clone)]
struct Failed;

impl Failed {
    fn response(rejection: Rejection) -> Response {
        let is_problem = matches!(rejection, Rejection::Problem(_));
        let mut response = rejection.into_response();
        if is_problem || response.status().is_server_error() {
            response.extensions_mut().insert(Failed);
        }
        response
    }
}

struct ErasedFunction<H, A, K> {
    handler: H,
    shape: PhantomData<fn() -> (A, K)>,
}

impl<H, A, K> CatcherFunction for ErasedFunction<H, A, K>
where
    H: Handler<A, K, Future: Send, Output: IntoResponse>,
    A: Args + 'static,
    K: 'static,
{
    fn call(&self, mut cx: Box<Cx>) -> CatcherFuture {
        let handler = self.handler.clone();
        Box::pin(async move {
            let result = match A::from_request(&mut cx).await {
                Ok(args) => Ok(handler.call(args).await.into_response()),
                Err(rejection) => Err(rejection),
            };
            (result, cx)
        })
    }

    fn needs(&self, needs: &mut Needs) {
        A::needs(needs);
    }
}

impl std::fmt::Debug for Catcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "catcher of {} at {}", self.when, self.location)
    }
}
