//! Middleware as one async function: `async fn(extractors.., Request, Next) -> impl IntoResponse`.

use std::marker::PhantomData;
use std::panic::Location;

use bytes::Bytes;
use tower_layer::Layer;
use tower_service::Service;
use trine_core::extract::Head;
use trine_core::{BoxError, Cx, FromRequest, IntoResponse, Needs, Rejection, Request, Response};

use crate::declare::layers::{Attach, LayerDescription, LayerKind, Layers};
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::next::{Next, Step, take_route};
use crate::extract::enter_cookie_scope;
use crate::problem::finish::finish_layer;

/// Makes middleware of an async function, which passes the request on or answers it itself.
///
/// The last two arguments of the function are the [`Request`] and [`Next`]. The arguments before
/// them are extractors that do not read the body. If one refuses the request, its rejection is the
/// response. Middleware is attached like a Tower layer: to the application (outside of routing), a
/// group, or a route. The launch audit checks what its extractors need of the application. For a
/// `ServiceBuilder` or an axum `Router`, [`Middleware::into_layer`] makes a Tower layer of it.
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
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().layer(middleware(only_json)).route("/", post(async || "ok"));
/// app.test().await.post("/").await.expect_problem(415);
/// # }
/// ```
#[track_caller]
pub fn middleware<F, A>(function: F) -> Middleware<F, A>
where
    F: MiddlewareFn<A>,
    A: 'static,
{
    Middleware { function, location: Location::caller(), shape: PhantomData }
}

/// A function that [`middleware`] accepts: extractors `A`, then a [`Request`] and [`Next`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have the shape of middleware",
    label = "not middleware",
    note = "write `async fn name(extractors.., request: Request, next: Next) -> impl IntoResponse`",
    note = "its extractors must not read the body, which belongs to the request that is passed on"
)]
pub trait MiddlewareFn<A>: Clone + Send + Sync + 'static {
    /// Runs the extractors and calls the function.
    fn call(&self, cx: Cx, next: Next) -> impl Future<Output = Response> + Send + 'static;

    /// What the extractors need of the application.
    fn needs(needs: &mut Needs);
}

/// The middleware that [`middleware`] makes. It is attached like a layer, but it is not a Tower
/// layer. This way, the launch audit sees what it needs.
///
/// ```
/// use trine::prelude::*;
///
/// async fn pass(request: Request, next: Next) -> Response { next.run(request).await }
///
/// # #[trine::main]
/// # async fn main() {
/// let pass = middleware(pass); // a `Middleware`, which can be attached more than once
/// let app = App::new().layer(pass.clone()).route("/", get(async || "hello").layer(pass));
/// app.test().await.get("/").await.expect_text("hello");
/// # }
/// ```
pub struct Middleware<F, A> {
    function: F,
    location: &'static Location<'static>,
    shape: PhantomData<fn() -> A>,
}

impl<F, A> Middleware<F, A> {
    /// Makes a Tower layer, for a `ServiceBuilder` or an axum `Router`. The launch audit does not
    /// see what its extractors need: missing state is a 500 at run time.
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
        let description = <Layers as Attach<Middleware<F, A>>>::describe();
        let location = middleware.location;
        let layer = middleware.into_layer();
        self.push(description, location, move |next| layer.layer(next));
    }

    fn describe() -> LayerDescription {
        LayerDescription {
            kind: LayerKind::Middleware,
            type_name: std::any::type_name::<F>(),
            needs: F::needs,
        }
    }
}

/// [Middleware](middleware) as a Tower layer. [`Middleware::into_layer`] makes it.
pub struct MiddlewareLayer<F, A> {
    function: F,
    shape: PhantomData<fn() -> A>,
}

/// A [`Middleware`] and the stages that it wraps.
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
    fn run(&self, mut request: Request) -> BoxResponseFuture {
        let route = take_route(&mut request);
        Box::pin(self.function.call(Cx::new(request, route), self.next.clone()))
    }
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
                    finish_layer(response, cx, inside).await
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
