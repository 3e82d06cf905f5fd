//! The arguments of a function with an attribute, as its generated code takes them.
//!
//! A type that cannot be an argument is refused by [`reads_body`] or [`path_or_query_argument`],
//! which the attribute writes once for each argument, where its type stands. All other generated
//! code goes through [`Source`] and compiles in spite of it, so that one mistake is one error.

use std::future::{Future, Ready};
use std::marker::PhantomData;

use trine_core::extract::Reads;
use trine_core::needs::Need;
use trine_core::{Cx, FromParam, FromRequest, Needs, Param, Problem, Rejection, param};

use crate::dispatch::handler::Args;

/// Checks the type of an extractor, and says whether it reads the body.
#[must_use]
pub const fn reads_body<T: FromRequest>() -> bool {
    <T::Reads as Reads>::BODY
}

/// Checks the type of an argument that the template names.
pub const fn path_or_query_argument<T: FromParam>() {}

/// Reads the key of a value and looks the value up, for `#[param(with = "…")]`.
///
/// # Errors
/// What the key or the function refuses.
pub async fn find<'a, K, T, Fut>(
    param: Param<'_>,
    cx: &'a Cx,
    find: impl FnOnce(K, &'a Cx) -> Fut + Send,
) -> Result<T, Rejection>
where
    K: FromParam,
    Fut: Future<Output = Result<T, Rejection>> + Send,
{
    find(K::from_param(param, cx).await?, cx).await
}

/// Where values of `T` come from. A function of its own goes before one of [`Refused`], where its
/// bound holds.
#[derive(Debug)]
pub struct Source<T>(PhantomData<fn() -> T>);

impl<T: FromParam> Source<T> {
    /// Whether any text of a path may be one.
    pub const ANY_TEXT: bool = T::ANY_TEXT;

    /// What the value needs of the application.
    pub fn param_needs(needs: &mut Needs) {
        T::needs(needs);
    }

    /// From the path.
    pub fn from_path(
        name: &str,
        index: usize,
        cx: &Cx,
    ) -> impl Future<Output = Result<T, Rejection>> + Send {
        param::from_path(name, index, cx)
    }

    /// From the query.
    pub fn from_query(name: &str, cx: &Cx) -> impl Future<Output = Result<T, Rejection>> + Send {
        param::from_query(name, cx)
    }
}

impl<T: FromRequest> Source<T> {
    /// Whether the body is read.
    pub const READS_BODY: bool = <T::Reads as Reads>::BODY;
}

impl<V: FromParam, T: FromRequest> Source<(V, T)> {
    /// Notes where a value that is looked up comes before an argument that may ask who it is.
    pub fn order(needs: &mut Needs, value: &'static str, body: &'static str) {
        if <T::Reads as Reads>::BODY && asks(V::needs) && asks(T::needs) {
            needs.looks_up_first(value, body);
        }
    }
}

/// Whether it asks for state, which is where things are looked up and users known.
fn asks(of: fn(&mut Needs)) -> bool {
    let mut needs = Needs::default();
    of(&mut needs);
    needs.iter().any(|need| matches!(need, Need::State { .. }))
}

impl<A: Args> Source<A> {
    /// What the extractors need of the application.
    pub fn needs(needs: &mut Needs) {
        A::needs(needs);
    }

    /// All extractors, the one that reads the body last.
    pub fn extract(cx: &mut Cx) -> impl Future<Output = Result<A, Rejection>> + Send {
        A::from_request(cx)
    }
}

impl<V: Values, A: Args> Source<(V, A)> {
    /// The extractors that leave the body alone, so that who asks is settled before anything is
    /// looked up; then the named values; then what reads the body.
    ///
    /// Generic code holds them across the waits, and promises that it is `Send`: in code that names
    /// the types of a handler, the compiler would forget which lifetimes are `'static`, and could
    /// not tell.
    ///
    /// # Errors
    /// What the first of them refuses.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` cannot promise that it is `Send`")]
    pub fn arguments(
        names: &'static [Named],
        cx: &mut Cx,
    ) -> impl Future<Output = Result<(V, A), Rejection>> + Send {
        async move {
            let early = A::early(cx).await?;
            let values = V::of(names, cx).await?;
            Ok((values, A::late(early, cx).await?))
        }
    }
}

/// Where a named value stands.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// The parameter at this index of the handler's own template.
    Path(&'static str, usize),
    /// In the query.
    Query(&'static str),
}

/// Named values, in pairs of the first and the others: `(u64, (String, ()))`.
pub trait Values: Sized + Send {
    /// Makes one for each name.
    fn of(names: &'static [Named], cx: &Cx)
    -> impl Future<Output = Result<Self, Rejection>> + Send;
}

impl Values for () {
    async fn of(_names: &'static [Named], _cx: &Cx) -> Result<(), Rejection> {
        Ok(())
    }
}

impl<T: FromParam, Others: Values> Values for (T, Others) {
    async fn of(names: &'static [Named], cx: &Cx) -> Result<(T, Others), Rejection> {
        let (first, others) = match names {
            [Named::Path(name, index), others @ ..] => {
                (param::from_path(name, *index, cx).await?, others)
            }
            [Named::Query(name), others @ ..] => (param::from_query(name, cx).await?, others),
            [] => return Err(Problem::internal("a value has no name").into()),
        };
        Ok((first, Others::of(others, cx).await?))
    }
}

/// Stands in for the functions of [`Source`] where `T` was refused. It is checked, but no program
/// comes of it.
pub trait Refused {
    /// The type that was refused.
    type Value;

    /// See [`Source::ANY_TEXT`].
    const ANY_TEXT: bool = false;

    /// See [`Source::READS_BODY`].
    const READS_BODY: bool = false;

    /// See [`Source::needs`].
    fn needs(_needs: &mut Needs) {
        const { refused() }
    }

    /// See [`Source::param_needs`].
    fn param_needs(_needs: &mut Needs) {
        const { refused() }
    }

    /// See [`Source::order`].
    fn order(_needs: &mut Needs, _value: &'static str, _body: &'static str) {
        const { refused() }
    }

    /// See [`Source::extract`].
    fn extract(_cx: &mut Cx) -> Ready<Result<Self::Value, Rejection>> {
        const { refused() }
    }

    /// See [`Source::arguments`].
    fn arguments(_names: &'static [Named], _cx: &mut Cx) -> Ready<Result<Self::Value, Rejection>> {
        const { refused() }
    }

    /// See [`Source::from_path`].
    fn from_path(_name: &str, _index: usize, _cx: &Cx) -> Ready<Result<Self::Value, Rejection>> {
        const { refused() }
    }

    /// See [`Source::from_query`].
    fn from_query(_name: &str, _cx: &Cx) -> Ready<Result<Self::Value, Rejection>> {
        const { refused() }
    }
}

impl<T> Refused for Source<T> {
    type Value = T;
}

const fn refused() -> ! {
    panic!("an argument was refused, so this is never built")
}
