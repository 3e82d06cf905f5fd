//! What stands at the end of a route: a handler behind its one box, or any Tower service.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use trine_core::{Cx, IntoResponse, Needs, Rejection, Response};

use crate::dispatch::handler::{Args, Handler};
use crate::problem::finish::settle;

/// The one box of a request.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The end of a route. It owns the request for the whole call; `cx` goes into the box and is used
/// where it lies.
pub(crate) trait Endpoint: Send + Sync {
    fn call(&self, cx: Box<Cx>) -> Answer;

    fn needs(&self, needs: &mut Needs) {
        let _ = needs;
    }

    /// Whether it is a service of somebody else's: what is wrong with its answers it has told
    /// nobody.
    fn foreign(&self) -> bool {
        false
    }

    /// Whether its upgrades must be made by hyper, because it knows no others.
    fn hyper_upgrades(&self) -> bool {
        false
    }
}

/// A handler that is a value: a function or a closure.
pub(crate) struct Called<H, A, K> {
    handler: H,
    shape: PhantomData<fn() -> (A, K)>,
}

impl<H, A, K> Called<H, A, K> {
    pub(crate) fn new(handler: H) -> Self {
        Called { handler, shape: PhantomData }
    }
}

impl<H, A, K> Endpoint for Called<H, A, K>
where
    H: Handler<A, K, Future: Send, Output: IntoResponse>,
    A: Args + 'static,
    K: 'static,
{
    fn call(&self, mut cx: Box<Cx>) -> Answer {
        let handler = self.handler.clone();
        Box::pin(async move {
            let response = match A::from_request(&mut cx).await {
                Ok(args) => handler.call(args).await.into_response(),
                Err(rejection) => return settle(rejection.into_response(), cx).await,
            };
            if response.extensions().is_empty() && cx.matched().jar().is_none() {
                cx.end();
                return response;
            }
            settle(response, cx).await
        })
    }

    fn needs(&self, needs: &mut Needs) {
        A::needs(needs);
    }
}

/// A handler that an attribute declared on a function.
pub trait DeclaredHandler: 'static {
    /// What the attribute says.
    const DECLARATION: Declaration;

    /// What its arguments need of the application.
    fn needs(needs: &mut Needs);

    /// Takes the arguments, calls the function, makes the response.
    fn call(cx: &mut Cx) -> impl Future<Output = Result<Response, Rejection>> + Send;
}

/// What an attribute such as `#[get("/")]` says, and where it stands.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The method, `None` for any.
    pub method: Option<&'static str>,
    /// The path of the template.
    pub path: &'static str,
    /// The name of the function.
    pub name: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line in it.
    pub line: u32,
    /// The doc comment.
    pub doc: Option<&'static str>,
    /// Whether the function is `#[deprecated]`.
    pub deprecated: bool,
    /// The limit of the body in bytes, where the attribute sets one.
    pub limit: Option<u64>,
    /// What a request has to say beside method and path.
    pub conditions: &'static [DeclaredCondition],
}

/// A condition of a declared handler, which the attribute has checked.
#[derive(Debug, Clone, Copy)]
pub enum DeclaredCondition {
    /// A header field, with this value where one is given.
    Header(&'static str, Option<&'static str>),
    /// A media type that `Accept` admits.
    Accepts(&'static str),
    /// The media type of the body.
    ContentType(&'static str),
}

/// The endpoint of a declared handler.
pub(crate) struct Declared<T>(PhantomData<fn() -> T>);

impl<T> Declared<T> {
    pub(crate) fn new() -> Self {
        Declared(PhantomData)
    }
}

impl<T: DeclaredHandler> Endpoint for Declared<T> {
    fn call(&self, mut cx: Box<Cx>) -> Answer {
        Box::pin(async move {
            match T::call(&mut cx).await {
                Ok(response)
                    if response.extensions().is_empty() && cx.matched().jar().is_none() =>
                {
                    cx.end();
                    response
                }
                Ok(response) => settle(response, cx).await,
                Err(rejection) => settle(rejection.into_response(), cx).await,
            }
        })
    }

    fn needs(&self, needs: &mut Needs) {
        T::needs(needs);
    }
}
