//! One catcher, and how its answer becomes the response.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use http::StatusCode;
use trine_core::{Cx, IntoResponse, Needs, Problem, Rejection, Response};

use super::caught::Shown;
use super::{When, panics};
use crate::dispatch::handler::{Args, Handler};
use crate::extract::{CookieChanges, enter_cookie_scope};
use crate::problem::settle::{Told, finish, log, retell, told_finally};

/// A function, and the problems that it is for.
#[derive(Clone)]
pub(crate) struct Catcher {
    pub(crate) when: When,
    pub(crate) place: &'static Location<'static>,
    function: Arc<dyn Function>,
}

/// A function that tells problems, its arguments forgotten.
trait Function: Send + Sync {
    fn call(&self, cx: Box<Cx>) -> Telling;
    fn needs(&self, needs: &mut Needs);
}

/// The request comes back: rendering what went wrong in a catcher needs it.
type Telling = Pin<Box<dyn Future<Output = (Result<Response, Rejection>, Box<Cx>)> + Send>>;

impl Catcher {
    pub(crate) fn new<H, A, K>(when: When, handler: H, place: &'static Location<'static>) -> Catcher
    where
        H: Handler<A, K, Future: Send, Output: IntoResponse>,
        A: Args + 'static,
        K: 'static,
    {
        let function = Called { handler, shape: PhantomData::<fn() -> (A, K)> };
        Catcher { when, place, function: Arc::new(function) }
    }

    pub(crate) fn needs(&self, needs: &mut Needs) {
        self.function.needs(needs);
    }

    /// Tells the problem of a response that was told plainly. Where this fails, that response
    /// stands.
    pub(crate) async fn answer(&self, plain: Response, mut cx: Box<Cx>) -> Response {
        let Some(problem) = Problem::shared(&plain) else { return plain };
        cx.extensions_mut().insert(Shown(Arc::clone(&problem)));
        let inside = enter_cookie_scope(cx.matched().jar());
        let (told, cx) = match panics::caught(self.function.call(cx)).await {
            Ok(told) => told,
            Err(panic) => {
                log(&panic);
                return told_finally(plain);
            }
        };
        // What the catcher says wrong itself is logged here, and rendered where it is an answer.
        let mut told =
            finish(told.unwrap_or_else(Failed::response), &cx, CookieChanges::Inside(inside));
        cx.end();
        if self.failed(&mut told, &plain) {
            return told_finally(plain);
        }
        if told.status() == StatusCode::OK {
            *told.status_mut() = plain.status();
        }
        told.extensions_mut().remove::<Told>();
        retell(told, plain)
    }

    /// Whether an answer is none: an extractor refused, or what should tell the error of a client
    /// is one of the server.
    fn failed(&self, told: &mut Response, plain: &Response) -> bool {
        let refused = told.extensions_mut().remove::<Failed>().is_some();
        let status = told.status();
        if let Some(problem) = Problem::of(told) {
            return refused || problem.status().is_server_error();
        }
        let failed = refused || (status.is_server_error() && !plain.status().is_server_error());
        if failed {
            tracing::error!(target: "trine::problem", "the {self:?} answered {status}: the problem is told as it was");
        }
        failed
    }
}

/// Marks the rejection of an extractor of a catcher, unless it is an answer: a redirect, for
/// example.
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

struct Called<H, A, K> {
    handler: H,
    shape: PhantomData<fn() -> (A, K)>,
}

impl<H, A, K> Function for Called<H, A, K>
where
    H: Handler<A, K, Future: Send, Output: IntoResponse>,
    A: Args + 'static,
    K: 'static,
{
    fn call(&self, mut cx: Box<Cx>) -> Telling {
        let handler = self.handler.clone();
        Box::pin(async move {
            let told = match A::from_request(&mut cx).await {
                Ok(args) => Ok(handler.call(args).await.into_response()),
                Err(rejection) => Err(rejection),
            };
            (told, cx)
        })
    }

    fn needs(&self, needs: &mut Needs) {
        A::needs(needs);
    }
}

impl std::fmt::Debug for Catcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "catcher of {} at {}", self.when, self.place)
    }
}
