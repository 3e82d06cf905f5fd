//! Handlers: functions whose arguments are extracted from a request, and whose result becomes the
//! response.
//!
//! [`Handler`] only describes the shape of a function: any `Fn` with up to twelve arguments, async
//! or not. What the arguments and the result have to implement is checked by separate bounds, so
//! that compiler errors name the type that is wrong.

use std::future::{Future, Ready, ready};

use trine_core::extract::{Head, Reads};
use trine_core::{Body, Cx, FromRequest, IntoResponse, Needs, Problem, Rejection};

/// A function that handles requests.
///
/// `A` is the tuple of its arguments, and `K` is [`Async`] or [`Plain`]. The trait is implemented
/// for every `Fn` of that shape, so there is nothing to implement.
///
/// ```
/// use trine::prelude::*;
///
/// async fn greet(Path(name): Path<String>) -> String {
///     format!("Hello, {name}!")
/// }
///
/// fn version() -> &'static str {
///     "1.2"
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let app = App::new().route("/hello/{name}", get(greet)).route("/version", get(version));
/// let client = app.test().await;
/// client.get("/hello/Ann").await.expect_text("Hello, Ann!");
/// client.get("/version").await.expect_text("1.2");
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have the shape of a handler",
    label = "not a handler",
    note = "a handler is an `async fn` or `fn` of at most 12 arguments",
    note = "a plain `fn` returns a response: `Json<…>`, `String`, a `Result` of them or another `IntoResponse`",
    note = "pass the function without calling it: `get(hello)`, not `get(hello())`",
    note = "a closure must be `Clone + Send + Sync + 'static`"
)]
pub trait Handler<A, K>: Clone + Send + Sync + 'static {
    /// The type of the result.
    type Output;
    /// The future of the result.
    type Future: Future<Output = Self::Output>;

    /// Calls the function.
    fn call(&self, args: A) -> Self::Future;
}

/// Marks an async function in [`Handler`].
#[derive(Debug)]
pub enum Async {}

/// Marks a function that is not async in [`Handler`].
#[derive(Debug)]
pub enum Plain {}

/// The arguments of a handler, as a tuple of extractors.
///
/// The extractors that read only the [`Head`] run first, in the order of the arguments. The one
/// that reads the [`Body`] runs last. The arguments that the template of an attribute names
/// are converted between the two.
pub trait Args: Sized + Send {
    /// Collects what the extractors need from the application.
    fn needs(needs: &mut Needs);

    /// Runs all extractors. A rejection names the extractor that refused.
    fn from_request(cx: &mut Cx) -> impl Future<Output = Result<Self, Rejection>> + Send;

    /// The results of the extractors that do not read the body.
    #[doc(hidden)]
    type Early: Send;

    /// Runs the extractors that do not read the body.
    #[doc(hidden)]
    fn early(cx: &mut Cx) -> impl Future<Output = Result<Self::Early, Rejection>> + Send;

    /// Runs the extractor that reads the body.
    #[doc(hidden)]
    fn late(
        early: Self::Early,
        cx: &mut Cx,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send;
}

/// Arguments of which at most one reads the request body.
#[diagnostic::on_unimplemented(
    message = "the arguments `{Self}` read the request body twice",
    label = "two of them read the body",
    note = "a body can only be read once: extract it as one type, or extract `Bytes` and parse them in the handler"
)]
pub trait ReadBodyOnce {}

/// Arguments that do not read the request body, as catchers require.
pub trait LeaveBody {}

/// Implemented for [`Head`]: the part of a request that an extractor reads if it does not read the
/// body.
#[diagnostic::on_unimplemented(
    message = "a catcher cannot read the request body",
    label = "one of its arguments reads the body",
    note = "the handler has already read it: extract what the catcher needs from the head, or from `Caught`"
)]
pub trait NoBody {}

impl NoBody for Head {}

/// What two extractors read together. It has no implementation for two that read the body.
#[diagnostic::on_unimplemented(
    message = "a handler reads the request body twice",
    label = "two of its arguments read the body",
    note = "a body can only be read once: extract it as one type, or extract `Bytes` and parse them in the handler"
)]
pub trait And<Other> {
    /// The part of the request that both read together.
    type Sum;
}

impl And<Head> for Head {
    type Sum = Head;
}

impl And<Body> for Head {
    type Sum = Body;
}

impl And<Head> for Body {
    type Sum = Body;
}

macro_rules! bounds {
    // One `And` bound per argument: it combines what the arguments before it read with what it
    // reads itself.
    (@impl [$($all:ident)*] [$($bounds:tt)*] $sum:ty; ) => {
        impl<$($all: FromRequest),*> ReadBodyOnce for ($($all,)*) where $($bounds)* {}
    };
    (@impl [$($all:ident)*] [$($bounds:tt)*] $sum:ty; $arg:ident $($rest:ident)*) => {
        bounds!(@impl [$($all)*] [$($bounds)* $sum: And<<$arg as FromRequest>::Reads>,]
            <$sum as And<<$arg as FromRequest>::Reads>>::Sum; $($rest)*);
    };
}

macro_rules! arity {
    ($($arg:ident)*) => {
        impl<Fun, Fut, $($arg),*> Handler<($($arg,)*), Async> for Fun
        where
            Fun: Fn($($arg),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future,
        {
            type Output = Fut::Output;
            type Future = Fut;

            #[allow(non_snake_case)]
            fn call(&self, ($($arg,)*): ($($arg,)*)) -> Fut {
                self($($arg),*)
            }
        }

        impl<Fun, Answer, $($arg),*> Handler<($($arg,)*), Plain> for Fun
        where
            Fun: Fn($($arg),*) -> Answer + Clone + Send + Sync + 'static,
            Answer: IntoResponse,
        {
            type Output = Answer;
            type Future = Ready<Answer>;

            #[allow(non_snake_case)]
            fn call(&self, ($($arg,)*): ($($arg,)*)) -> Ready<Answer> {
                ready(self($($arg),*))
            }
        }

        impl<$($arg: FromRequest),*> Args for ($($arg,)*) {
            fn needs(_needs: &mut Needs) {
                $($arg::needs(_needs);)*
            }

            type Early = ($(Option<$arg>,)*);

            async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
                let early = Self::early(cx).await?;
                Self::late(early, cx).await
            }

            #[allow(non_snake_case, unused_mut)]
            async fn early(_cx: &mut Cx) -> Result<Self::Early, Rejection> {
                $(let mut $arg = None;)*
                $(if !<$arg::Reads as Reads>::BODY {
                    $arg = Some($arg::from_request(_cx).await.map_err(Rejection::by::<$arg>)?);
                })*
                Ok(($($arg,)*))
            }

            #[allow(non_snake_case, unused_mut)]
            async fn late(($(mut $arg,)*): Self::Early, _cx: &mut Cx) -> Result<Self, Rejection> {
                $(if <$arg::Reads as Reads>::BODY {
                    $arg = Some($arg::from_request(_cx).await.map_err(Rejection::by::<$arg>)?);
                })*
                match ($($arg,)*) {
                    ($(Some($arg),)*) => Ok(($($arg,)*)),
                    #[allow(unreachable_patterns)]
                    _ => Err(unextracted()),
                }
            }
        }

        impl<$($arg: FromRequest<Reads: NoBody>),*> LeaveBody for ($($arg,)*) {}

        bounds!(@impl [$($arg)*] [] Head; $($arg)*);
    };
}

// Every extractor reads either the head or the body, so one of the two passes has run it.
#[cold]
fn unextracted() -> Rejection {
    Problem::internal("an extractor reads neither the head nor the body").into()
}

arity!();
arity!(A1);
arity!(A1 A2);
arity!(A1 A2 A3);
arity!(A1 A2 A3 A4);
arity!(A1 A2 A3 A4 A5);
arity!(A1 A2 A3 A4 A5 A6);
arity!(A1 A2 A3 A4 A5 A6 A7);
arity!(A1 A2 A3 A4 A5 A6 A7 A8);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
