//! `FromParam` for the types of the standard library.

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
            // No text that would be refused parses as such a value.
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

/// A checkbox: `false` if it is absent from a query. `on`, `true`, `1` and an empty value are
/// `true`; `off`, `false` and `0` are `false`. Of several values the last one counts, so that a
/// hidden input with `false` can precede the checkbox.
impl FromParam for bool {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        param.scalar()
    }

    async fn from_values(values: Values<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        values.last().map_or(Ok(false), |last| last?.scalar())
    }
}

/// A path inside a directory, for `{*path}`.
///
/// It is relative, and each segment is a plain name. A 400 refuses a segment that is empty, begins
/// with a dot (`..`, but also `.env` and `.git`), contains `\`, a NUL or another control character,
/// or looks like a drive (`C:`), on every system. The application must ensure that the directory
/// has no symbolic link to the outside.
impl FromParam for PathBuf {
    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        clean_path(&param.value).map_err(|why| {
            let message = format!("expected a relative path of plain names{}: {why}", param.got());
            param.refuse("path", &message)
        })
    }
}

/// `None` if the value is absent from a query or empty, as browsers send an input that was left
/// empty.
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

/// All values of a name that is repeated in the query.
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

/// Passes the rejection to the handler.
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
