//! Guards: extractors that decide whether a request may enter a group.

use std::marker::PhantomData;
use std::panic::Location;

use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, IntoResponse, Request};

use crate::declare::layers::{Attach, LayerDescription, LayerKind, Layers};
use crate::dispatch::future::BoxResponseFuture;
use crate::dispatch::next::{Next, Step, take_route};
use crate::extract::{CookieChanges, enter_cookie_scope, set_changed_cookies};
use crate::problem::finish::finish_layer;

/// A guard lets a request through only if the extractor `T` succeeds.
///
/// It is attached like a layer: `.layer(guard::<Admin>())` on the application, a group or a route;
/// [`Group::guard`](crate::Group::guard) is short for it. Guards and layers run in the order in
/// which they are attached, from the outermost group inwards, and before the extractors of the
/// handler. If `T` refuses the request, its rejection is the response.
///
/// ```
/// use trine::guard::guard;
/// use trine::prelude::*;
///
/// struct Admin;
///
/// impl FromRequest for Admin {
///     type Reads = Head;
///
///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
///         match cx.headers().get("x-key").is_some_and(|key| key == "secret") {
///             true => Ok(Admin),
///             false => Err(Problem::forbidden("this is for admins").into()),
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = App::new()
///     .group(Group::at("/admin").guard::<Admin>().route("/stats", get(async || "42")))
///     .route("/purge", post(async || "purged").layer(guard::<Admin>()));
/// let client = app.test().await;
/// assert_eq!(client.get("/admin/stats").await.status(), 403);
/// assert_eq!(client.get("/admin/stats").header("x-key", "secret").await.text(), "42");
/// # }
/// ```
///
/// A handler that needs the value takes it as an argument too. With [`Cached<T>`](crate::Cached) in
/// both places, it is extracted once. The launch audit checks what `T` needs of the application.
#[track_caller]
#[must_use]
pub fn guard<T: FromRequest<Reads: LeavesBody> + 'static>() -> Guard<T> {
    Guard { location: Location::caller(), extractor: PhantomData }
}

/// What a guard may read: [`Head`].
#[diagnostic::on_unimplemented(
    message = "an extractor that reads the body cannot be used here",
    label = "this extractor reads the body",
    note = "guards and cached extractors must leave the body to the handler; they may read everything else"
)]
pub trait LeavesBody {}

impl LeavesBody for Head {}

/// The guard that [`guard()`] makes. It is attached like a layer, but it is not a Tower layer. This
/// way, the launch audit sees what it needs, and no service is boxed around it.
pub struct Guard<T> {
    location: &'static Location<'static>,
    extractor: PhantomData<fn() -> T>,
}

impl<T: FromRequest + 'static> Attach<Guard<T>> for Layers {
    fn attach(&mut self, guard: Guard<T>) {
        let description = <Layers as Attach<Guard<T>>>::describe();
        self.push(description, guard.location, |next| {
            Next::step(GuardStep::<T> { next, extractor: PhantomData })
        });
    }

    fn describe() -> LayerDescription {
        LayerDescription {
            kind: LayerKind::Guard,
            type_name: std::any::type_name::<T>(),
            needs: T::needs,
        }
    }
}

struct GuardStep<T> {
    next: Next,
    extractor: PhantomData<fn() -> T>,
}

impl<T: FromRequest + 'static> Step for GuardStep<T> {
    fn run(&self, mut request: Request) -> BoxResponseFuture {
        let next = self.next.clone();
        Box::pin(async move {
            let route = take_route(&mut request);
            let mut cx = Cx::new(request, route);
            let allowed = T::from_request(&mut cx).await;
            let jar = cx.matched().jar().cloned();
            let inside = enter_cookie_scope(jar.as_ref());
            match allowed {
                Ok(_) => {
                    let response = next.run(cx.into_request()).await;
                    set_changed_cookies(response, jar.as_ref(), CookieChanges::Outside(inside))
                }
                Err(rejection) => {
                    finish_layer(rejection.by::<T>().into_response(), cx, inside).await
                }
            }
        })
    }
}

impl<T> std::fmt::Debug for Guard<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guard({})", std::any::type_name::<T>())
    }
}
