//! Middleware as one async function: `async fn(extractors.., Request, Next) -> impl IntoResponse`.

use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use bytes::Bytes;
use tower_layer::Layer;
use tower_service::Service;
use trine_core::extract::Head;
use trine_core::{
    BoxError, Cx, FromRequest, IntoResponse, Needs, Rejection, Request, Response, RouteCx,
};

use crate::declare::layers::{Described, LayerKind, Layers};
use crate::declare::route::Attach;
use crate::dispatch::endpoint::Answer;
use crate::dispatch::next::{Next, Step};
use crate::extract::enter_cookie_scope;
use crate::problem::settle::settle_around;

/// Makes a layer of an async function that may answer by itself.
///
/// Its last two arguments are the [`Request`] and [`Next`]; before them stand extractors that leave
/// the body alone. A rejection of one of them is the answer. What it makes goes wherever a Tower
/// layer goes: on the application (outside routing), a group, or a route. The launch audit finds
/// what its extractors need of the application. For Tower itself, such as a `ServiceBuilder` or an
/// axum `Router`, [`Middleware::into_layer`] makes a layer of it.
///
/// ```
/// use trine::prelude::*;
///
/// async fn only_json(method: Method, request: Request, next: Next) -> Result<Response, Problem> {
///     let typed = request.headers().contains_key("content-type");
///     if method == "POST" && !typed {
///         return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE));
///     }
///     Ok(next.run(request).await)
/// }
///
/// let app = App::new().layer(middleware(only_json));
/// ```
#[track_caller]
pub fn middleware<F, A>(function: F) -> Middleware<F, A>
where
    F: MiddlewareFn<A>,
    A: 'static,
{
    Middleware { function, place: Location::caller(), shape: PhantomData }
}

/// A function of middleware, by the shape of its extractors.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have the shape of middleware",
    label = "not middleware",
    note = "write `async fn name(extractors.., request: Request, next: Next) -> impl IntoResponse`",
    note = "its extractors must leave the body alone: the request that is passed on needs it"
)]
pub trait MiddlewareFn<A>: Clone + Send + Sync + 'static {
    /// Takes its extractors from the request and calls it.
    fn call(&self, cx: Cx, next: Next) -> impl Future<Output = Response> + Send + 'static;

    /// What its extractors need of the application.
    fn needs(needs: &mut Needs);
}

/// What [`middleware`] makes. It is attached as a layer is, but is none of Tower's, so that the
/// launch audit sees what it needs.
pub struct Middleware<F, A> {
    function: F,
    place: &'static Location<'static>,
    shape: PhantomData<fn() -> A>,
}

impl<F, A> Middleware<F, A> {
    /// The same as a layer of Tower, which goes into a `ServiceBuilder` or around an axum `Router`.
    /// The launch audit does not see what its extractors need: state that the application lacks is
    /// then a 500.
    ///
    /// ```
    /// use tower::ServiceBuilder;
    /// use trine::prelude::*;
    ///
    /// async fn pass(request: Request, next: Next) -> Response {
    ///     next.run(request).await
    /// }
    ///
    /// let app = App::new().layer(ServiceBuilder::new().layer(middleware(pass).into_layer()));
    /// ```
    #[must_use]
    pub fn into_layer(self) -> MiddlewareLayer<F, A> {
        MiddlewareLayer { function: self.function, shape: PhantomData }
    }
}

impl<F, A> Attach<Middleware<F, A>> for Layers
where
    F: MiddlewareFn<A>,
    A: 'static,
{
    fn attach(&mut self, middleware: Middleware<F, A>) {
        let (known, place) = (<Layers as Attach<Middleware<F, A>>>::describe(), middleware.place);
        let layer = middleware.into_layer();
        self.push(known, place, move |next| layer.layer(next));
    }

    fn describe() -> Described {
        Described {
            kind: LayerKind::Middleware,
            type_name: std::any::type_name::<F>(),
            needs: F::needs,
        }
    }
}

/// [Middleware](middleware) as a layer of Tower, which [`Middleware::into_layer`] makes.
pub struct MiddlewareLayer<F, A> {
    function: F,
    shape: PhantomData<fn() -> A>,
}

/// A [`Middleware`] before the rest of the way.
struct MiddlewareStep<F, A> {
    function: F,
    next: Next,
    shape: PhantomData<fn() -> A>,
}

impl<F, A, S, B> Layer<S> for MiddlewareLayer<F, A>
where
    F: MiddlewareFn<A>,
    A: 'static,
    S: Service<Request, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Service = Next;

    fn layer(&self, inner: S) -> Next {
        let (function, next) = (self.function.clone(), Next::service(inner));
        Next::step(MiddlewareStep { function, next, shape: PhantomData })
    }
}

impl<F: MiddlewareFn<A>, A> Step for MiddlewareStep<F, A> {
    fn run(&self, mut request: Request) -> Answer {
        let route = take_route(&mut request);
        Box::pin(self.function.call(Cx::new(request, route), self.next.clone()))
    }
}

/// Takes the match out of the extensions, where it rides across foreign layers.
pub(crate) fn take_route(request: &mut Request) -> RouteCx {
    request.extensions_mut().remove().unwrap_or_else(|| RouteCx::new(Arc::default(), None))
}

impl<F: Clone, A> Clone for Middleware<F, A> {
    fn clone(&self) -> Self {
        Middleware { function: self.function.clone(), ..*self }
    }
}

impl<F: Clone, A> Clone for MiddlewareLayer<F, A> {
    fn clone(&self) -> Self {
        MiddlewareLayer { function: self.function.clone(), shape: PhantomData }
    }
}

impl<F, A> std::fmt::Debug for Middleware<F, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<F>())
    }
}

impl<F, A> std::fmt::Debug for MiddlewareLayer<F, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<F>())
    }
}

macro_rules! arity {
    ($($arg:ident)*) => {
        impl<Fun, Fut, $($arg),*> MiddlewareFn<($($arg,)*)> for Fun
        where
            Fun: Fn($($arg,)* Request, Next) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: IntoResponse> + Send,
            $($arg: FromRequest<Reads = Head> + 'static,)*
        {
            fn needs(needs: &mut Needs) {
                let _ = &needs;
                $($arg::needs(needs);)*
            }

            #[allow(non_snake_case)]
            fn call(&self, mut cx: Cx, next: Next) -> impl Future<Output = Response> + Send + 'static {
                let function = self.clone();
                async move {
                    let args: Result<($($arg,)*), Rejection> =
                        async { Ok(($($arg::from_request(&mut cx).await.map_err(Rejection::by::<$arg>)?,)*)) }.await;
                    let inside = enter_cookie_scope(cx.matched().jar());
                    let response = match args {
                        Ok(($($arg,)*)) => {
                            let mut request = cx.take_request();
                            request.extensions_mut().insert(cx.matched().clone());
                            function($($arg,)* request, next).await.into_response()
                        }
                        Err(rejection) => rejection.into_response(),
                    };
                    settle_around(response, cx, inside).await
                }
            }
        }
    };
}

arity!();
arity!(A1);
arity!(A1 A2);
arity!(A1 A2 A3);
arity!(A1 A2 A3 A4);
arity!(A1 A2 A3 A4 A5);
arity!(A1 A2 A3 A4 A5 A6);
