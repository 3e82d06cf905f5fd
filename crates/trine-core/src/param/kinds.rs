//! What the types of the standard library take.

use std::path::PathBuf;

use super::{FromParam, Param, ParamLocation, Values, clean_path};
use crate::{Cx, Needs, Rejection};

impl FromParam for String {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        Ok(param.value.into_owned())
    }
}

macro_rules! parsed {
    ($($ty:ty => $expected:literal),* $(,)?) => {$(
        impl FromParam for $ty {
            // None of the texts that are refused is one.
            const ANY_TEXT: bool = true;

            async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
                param.scalar()
            }
        }
    )*};
}

crate::scalars!(parsed);

impl FromParam for char {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        param.scalar()
    }
}

/// A checkbox: of a query that does not name it, `false`. `on`, `true`, `1` and nothing are `true`;
/// `off`, `false`, `0` are not. Of several values the last counts, so that a hidden input can stand
/// before the checkbox and say `false`.
impl FromParam for bool {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        param.scalar()
    }

    async fn from_values(values: Values<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        values.last().map_or(Ok(false), |last| last?.scalar())
    }
}

/// A path below some folder, and never out of it: for `{*path}`.
///
/// It is relative, and each of its segments is a plain name. What is empty or begins with a dot
/// (`..`, but `.env` and `.git` too), holds `\`, a NUL or another control character, or looks like
/// a drive (`C:`) is refused with a 400, on every system. That the folder holds no symbolic link
/// that leads out is the application's affair.
impl FromParam for PathBuf {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        clean_path(&param.value).map_err(|why| {
            let message = format!("expected a relative path of plain names{}: {why}", param.got());
            param.refuse("path", &message)
        })
    }
}

/// `None` where the query does not name it, and where it is empty, as browsers send an input that
/// nobody touched.
impl<T: FromParam> FromParam for Option<T> {
    const ANY_TEXT: bool = T::ANY_TEXT;

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_param(param: Param<'_>, cx: &Cx) -> Result<Self, Rejection> {
        if param.value.is_empty() && param.location != ParamLocation::Path {
            return Ok(None);
        }
        T::from_param(param, cx).await.map(Some)
    }

    fn refused(rejection: Rejection) -> Result<Self, Rejection> {
        T::refused(rejection).map(Some)
    }

    async fn from_values(values: Values<'_>, cx: &Cx) -> Result<Self, Rejection> {
        if values.is_blank() { Ok(None) } else { T::from_values(values, cx).await.map(Some) }
    }
}

/// Every value of a name that the query repeats.
impl<T: FromParam> FromParam for Vec<T> {
    const ANY_TEXT: bool = T::ANY_TEXT;

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_param(param: Param<'_>, cx: &Cx) -> Result<Self, Rejection> {
        Ok(vec![T::from_param(param, cx).await?])
    }

    fn refused(rejection: Rejection) -> Result<Self, Rejection> {
        Ok(vec![T::refused(rejection)?])
    }

    async fn from_values(values: Values<'_>, cx: &Cx) -> Result<Self, Rejection> {
        let mut all = Vec::new();
        for value in values {
            all.push(T::from_param(value?, cx).await?);
        }
        Ok(all)
    }
}

/// The handler decides what to do with the rejection.
impl<T: FromParam> FromParam for Result<T, Rejection> {
    const ANY_TEXT: bool = T::ANY_TEXT;

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }

    async fn from_param(param: Param<'_>, cx: &Cx) -> Result<Self, Rejection> {
        Ok(T::from_param(param, cx).await)
    }

    fn refused(rejection: Rejection) -> Result<Self, Rejection> {
        Ok(T::refused(rejection))
    }

    async fn from_values(values: Values<'_>, cx: &Cx) -> Result<Self, Rejection> {
        Ok(T::from_values(values, cx).await)
    }
}
