//! The arguments of a function with an attribute, as its generated code takes them.
//!
//! A type that cannot be an argument is refused by [`reads_body`] or [`path_or_query_argument`], which the
//! attribute writes once for each argument, where its type stands. All other generated code goes through
//! [`Source`] and compiles in spite of it, so that one mistake is one error.

use std::future::{Future, Ready};
use std::marker::PhantomData;

use trine_core::extract::Reads;
use trine_core::needs::Need;
use trine_core::{Cx, FromParam, FromRequest, Needs, Param, Rejection, param};

use crate::handler::Args;

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

/// Where values of `T` come from. A function of its own goes before one of [`Refused`], where its bound holds.
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
    pub fn from_path(name: &str, index: usize, cx: &Cx) -> impl Future<Output = Result<T, Rejection>> + Send {
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

impl<T: FromRequest> Source<T> {
    /// The argument in front of the values that the template names, `None` where it reads the body.
    ///
    /// # Errors
    /// What it refuses.
    pub async fn early(cx: &mut Cx) -> Result<Option<T>, Rejection> {
        match <T::Reads as Reads>::BODY {
            true => Ok(None),
            false => T::from_request(cx).await.map(Some).map_err(Rejection::by::<T>),
        }
    }

    /// The argument behind these values.
    ///
    /// # Errors
    /// What it refuses.
    pub async fn late(early: Option<T>, cx: &mut Cx) -> Result<T, Rejection> {
        match early {
            Some(value) => Ok(value),
            None => T::from_request(cx).await.map_err(Rejection::by::<T>),
        }
    }
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
}

/// Stands in for the functions of [`Source`] where `T` was refused. It is checked, but no program comes of it.
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

    /// See [`Source::early`].
    fn early(_cx: &mut Cx) -> Ready<Result<Option<Self::Value>, Rejection>> {
        const { refused() }
    }

    /// See [`Source::late`].
    fn late(_early: Option<Self::Value>, _cx: &mut Cx) -> Ready<Result<Self::Value, Rejection>> {
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
