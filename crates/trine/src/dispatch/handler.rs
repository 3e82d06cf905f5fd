//! From the arguments of a function to its answer.
//!
//! [`Handler`] is a trait of shape alone: any `Fn` of up to twelve arguments, async or not. What
//! its arguments and its answer must be stands in bounds of their own, so that the compiler names
//! the type that is wrong.

use std::future::{Future, Ready, ready};

use trine_core::extract::{Head, Reads};
use trine_core::{Body, Cx, FromRequest, IntoResponse, Needs, Problem, Rejection};

/// A function that answers requests: the shape of its arguments `A`, and `K`, which is [`Async`] or
/// [`Plain`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have the shape of a handler",
    label = "not a handler",
    note = "a handler is an `async fn` or `fn` of at most 12 arguments",
    note = "what a plain `fn` returns is an answer: `Json<…>`, `String`, a `Result` of them or another `IntoResponse`",
    note = "name the function without calling it: `get(hello)`, not `get(hello())`",
    note = "a closure must be `Clone + Send + Sync + 'static`"
)]
pub trait Handler<A, K>: Clone + Send + Sync + 'static {
    /// What it answers.
    type Output;
    /// How long it takes.
    type Future: Future<Output = Self::Output>;

    /// Calls it.
    fn call(&self, args: A) -> Self::Future;
}

/// Marks an `async fn`.
#[derive(Debug)]
pub enum Async {}

/// Marks a plain `fn`.
#[derive(Debug)]
pub enum Plain {}

/// The arguments of a handler, taken from the request together.
///
/// Those that read the [`Head`] run first, in their order, the one that reads the [`Body`]
/// last. The values that the template of an attribute names are made between the two.
pub trait Args: Sized + Send {
    /// What they need of the application.
    fn needs(needs: &mut Needs);

    /// Takes them all, or says which one refused and why.
    fn from_request(cx: &mut Cx) -> impl Future<Output = Result<Self, Rejection>> + Send;

    /// Those that leave the body alone, until the others are there.
    #[doc(hidden)]
    type Early: Send;

    /// Takes those that leave the body alone.
    #[doc(hidden)]
    fn early(cx: &mut Cx) -> impl Future<Output = Result<Self::Early, Rejection>> + Send;

    /// Takes the others.
    #[doc(hidden)]
    fn late(
        early: Self::Early,
        cx: &mut Cx,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send;
}

/// Arguments of which at most one reads the body.
#[diagnostic::on_unimplemented(
    message = "the arguments `{Self}` read the request body twice",
    label = "two of them read the body",
    note = "a body can be read once: take it as one type, or take `Bytes` and parse it in the handler"
)]
pub trait ReadBodyOnce {}

/// Arguments that leave the body alone: those of catchers.
pub trait LeaveBody {}

/// [`Head`], which leave the body alone.
#[diagnostic::on_unimplemented(
    message = "a catcher cannot read the request body",
    label = "one of its arguments reads the body",
    note = "the handler has read it already: take what the catcher needs from the head, or from `Caught`"
)]
pub trait NoBody {}

impl NoBody for Head {}

/// What two extractors read together: never the body twice.
#[diagnostic::on_unimplemented(
    message = "a handler reads the request body twice",
    label = "two of its arguments read the body",
    note = "a body can be read once: take it as one type, or take `Bytes` and parse it in the handler"
)]
pub trait And<Other> {
    /// The sum.
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
    // One `And` bound an argument: the sum of those before it with its own.
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
                    _ => Err(neither()),
                }
            }
        }

        impl<$($arg: FromRequest<Reads: NoBody>),*> LeaveBody for ($($arg,)*) {}

        bounds!(@impl [$($arg)*] [] Head; $($arg)*);
    };
}

// Every extractor reads either the head or the body, so one of the two passes filled each place.
#[cold]
fn neither() -> Rejection {
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
