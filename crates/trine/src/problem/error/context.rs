//! Context of an error: what the program was doing when it happened.

use std::borrow::Cow;
use std::error::Error as StdError;

use super::context_error::ContextError;
use super::{Error, Result};

/// Converts an error into a [`trine::Error`](Error) and adds what the program was doing.
///
/// ```
/// use trine::prelude::*;
///
/// async fn settings() -> trine::Result<String> {
///     let path = "settings.toml";
///     let text = std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
///     let first = text.lines().next().context("the settings are empty")?;
///     Ok(first.to_owned())
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let error = settings().await.unwrap_err();
/// assert!(format!("{error:#}").starts_with("reading settings.toml\n  because No such file"));
/// # }
/// ```
///
/// On an `Option`, `None` becomes an error with the text alone.
pub trait Context<T> {
    /// Adds a text.
    ///
    /// # Errors
    /// Returns the original error with the text.
    fn context(self, text: impl Into<Cow<'static, str>>) -> Result<T>;

    /// Adds a text that is only created if there is an error.
    ///
    /// # Errors
    /// Returns the original error with the text.
    fn with_context<C: Into<Cow<'static, str>>>(self, text: impl FnOnce() -> C) -> Result<T>;
}

// These use `match`, because a closure would hide the location of the caller.
impl<T, E: StdError + Send + Sync + 'static> Context<T> for Result<T, E> {
    #[track_caller]
    fn context(self, text: impl Into<Cow<'static, str>>) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::from(error).context(text)),
        }
    }

    #[track_caller]
    fn with_context<C: Into<Cow<'static, str>>>(self, text: impl FnOnce() -> C) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::from(error).context(text())),
        }
    }
}

impl<T> Context<T> for Result<T> {
    fn context(self, text: impl Into<Cow<'static, str>>) -> Result<T> {
        self.map_err(|error| error.context(text))
    }

    fn with_context<C: Into<Cow<'static, str>>>(self, text: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|error| error.context(text()))
    }
}

impl<T> Context<T> for Option<T> {
    #[track_caller]
    fn context(self, text: impl Into<Cow<'static, str>>) -> Result<T> {
        self.with_context(|| text)
    }

    #[track_caller]
    fn with_context<C: Into<Cow<'static, str>>>(self, text: impl FnOnce() -> C) -> Result<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(Error::new(ContextError::boxed(text().into(), None))),
        }
    }
}
