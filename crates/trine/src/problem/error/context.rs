//! What was being done when something went wrong.

use std::borrow::Cow;
use std::error::Error as StdError;

use trine_core::BoxError;

use super::{Error, Result};

/// Adds to an error what was being done, and makes it a [`trine::Error`](Error).
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
/// On an `Option`, `None` is an error that says the text alone.
pub trait Context<T> {
    /// Adds a text.
    ///
    /// # Errors
    /// The error that was there, with the text.
    fn context(self, text: impl Into<Cow<'static, str>>) -> Result<T>;

    /// Adds a text that is only made where there is an error.
    ///
    /// # Errors
    /// The error that was there, with the text.
    fn with_context<C: Into<Cow<'static, str>>>(self, text: impl FnOnce() -> C) -> Result<T>;
}

// A `match` each: the place of the caller does not pass through a closure.
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
            None => Err(Error::new(Said::around(text().into(), None))),
        }
    }
}

/// A text before an error, or instead of one.
#[derive(Debug)]
pub(super) struct Said {
    text: Cow<'static, str>,
    cause: Option<BoxError>,
}

impl Said {
    pub(super) fn around(text: Cow<'static, str>, cause: Option<BoxError>) -> BoxError {
        Box::new(Said { text, cause })
    }

    pub(super) fn into_parts(self) -> (Cow<'static, str>, Option<BoxError>) {
        (self.text, self.cause)
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Said {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
