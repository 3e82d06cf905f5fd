//! Any error on its way out: of a handler to a 500, of `main` to the terminal.

mod context;
pub(crate) mod derive;

use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};

use trine_core::problem::from_error;
use trine_core::{BoxError, IntoResponse, Problem, Rejection, Response};

pub use self::context::Context;
use self::context::Said;

/// What `main` returns, and a handler that leaves its errors to the framework.
///
/// ```
/// use trine::prelude::*;
///
/// async fn motd() -> trine::Result<String> {
///     Ok(std::fs::read_to_string("/etc/motd").context("the message of the day")?)
/// }
/// ```
///
/// See [`Error`] for what the client learns.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Any error on its way to the client or the terminal; `?` makes it of every error type.
///
/// From a handler it is a 500: the log gets the whole chain of causes with a trace id, the client
/// the trace id alone. An error that is a [`Problem`], or [derives it](macro@crate::Problem), stays
/// that problem. One that a [`BodyError`](crate::BodyError) has caused is told as that: 413, 408
/// or 400.
///
/// It remembers the line of the `?`, and under the `dev` profile the way to it, which the error
/// page shows.
///
/// An error type that gets its `Error` from elsewhere (`thiserror`) and derives `Problem` is a 500
/// as well when `?` makes it a `trine::Error`: its type is forgotten. A handler of such errors
/// returns `Result<T, ThatError>`.
pub struct Error(Box<Inner>);

struct Inner {
    error: BoxError,
    at: &'static Location<'static>,
    backtrace: Option<Backtrace>,
}

impl Error {
    /// An error of anything that can be one: a text, or a boxed error.
    #[track_caller]
    pub fn new(error: impl Into<BoxError>) -> Error {
        Error::boxed(error.into())
    }

    #[track_caller]
    fn boxed(error: BoxError) -> Error {
        Error(Box::new(Inner { error, at: Location::caller(), backtrace: dev_backtrace() }))
    }

    /// Says what was being done. The log and the terminal show it before the error; the client
    /// never sees it.
    #[must_use]
    pub fn context(mut self, text: impl Into<Cow<'static, str>>) -> Error {
        self.0.error = Said::around(text.into(), Some(self.0.error));
        self
    }

    /// The error of this type inside: the one that was given, or the first among its causes.
    #[must_use]
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&*self.0.error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// The line that made it: that of the `?`, most often.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.0.at
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Error {
        Error::boxed(error.into())
    }
}

/// A 500, unless a problem is inside.
impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let Inner { mut error, at, backtrace } = *error.0;
        let mut said = Vec::new();
        error = loop {
            match error.downcast::<Said>() {
                Ok(around) => match around.into_parts() {
                    (text, Some(cause)) => {
                        said.push(text);
                        error = cause;
                    }
                    // A text alone is an error of its own.
                    (text, None) => break Said::around(text, None),
                },
                Err(error) => break error,
            }
        };
        let is_problem = error.is::<Problem>();
        let problem = match from_error(error) {
            Ok(problem) if is_problem => problem,
            Ok(problem) => problem.came_from(at, backtrace),
            Err(error) => Problem::internal(error).came_from(at, backtrace),
        };
        said.into_iter().rev().fold(problem, |problem, text| {
            problem.map_source(|cause| Some(Said::around(text, cause)))
        })
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Rejection {
        Problem::from(error).into()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.error)?;
        let mut cause = self.0.error.source();
        while let Some(error) = cause.filter(|_| f.alternate()) {
            write!(f, "\n  because {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:#}")
    }
}

/// Whether an application of this process runs under the `dev` profile. Only then are the ways to
/// errors worth their cost.
static DEV: AtomicBool = AtomicBool::new(false);

/// Notes the ways to errors from now on.
pub(crate) fn keep_backtraces() {
    DEV.store(true, Ordering::Relaxed);
}

pub(crate) fn dev_backtrace() -> Option<Backtrace> {
    DEV.load(Ordering::Relaxed).then(Backtrace::force_capture)
}
