//! The error type of handlers and of `main`. `context` adds texts to an error, which
//! `context_error` stores in its chain of causes. `derive` has the functions that
//! `#[derive(Problem)]` calls.

mod context;
mod context_error;
pub(crate) mod derive;

use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::panic::Location;

use trine_core::problem::{from_error, is_body_fault};
use trine_core::{BoxError, IntoResponse, Problem, Rejection, Response};

pub use self::context::Context;
use self::context_error::ContextError;
use crate::problem::backtraces;

/// The result of `main`, and of handlers that leave their errors to the framework.
///
/// ```
/// use trine::prelude::*;
///
/// async fn motd() -> trine::Result<String> {
///     Ok(std::fs::read_to_string("/no/such/file").context("reading the message of the day")?)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// App::new().route("/motd", get(motd)).test().await.get("/motd").await.expect_problem(500);
/// # }
/// ```
///
/// See [`Error`] for what the client is sent.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Any error. The `?` operator converts every error type into it.
///
/// ```
/// use trine::prelude::*;
///
/// #[derive(Debug, Problem)]
/// #[problem(status = 404, detail = "no article {id}")]
/// struct NoArticle {
///     id: u32,
/// }
///
/// fn find(id: u32) -> Result<&'static str, NoArticle> {
///     (id == 1).then_some("/no/such/file").ok_or(NoArticle { id })
/// }
///
/// async fn article(Path(id): Path<u32>) -> trine::Result<String> {
///     Ok(std::fs::read_to_string(find(id)?)?)
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/articles/{id}", get(article)).test().await;
/// client.get("/articles/7").await.expect_problem(404);
/// client.get("/articles/1").await.expect_problem(500);
/// # }
/// ```
///
/// As the error of a handler it is a 500. The log gets the whole chain of causes with a trace id,
/// the client gets only the trace id. An error that is a [`Problem`] or [derives
/// it](macro@crate::Problem) stays that problem, and an error that was caused by a
/// [`BodyError`](crate::BodyError) gets the status of the latter: 413, 408 or 400.
///
/// It records the line of the `?`. In handlers and layers under the `dev` profile it also captures
/// a backtrace, which the error page shows.
///
/// An error type that derives `Problem` but gets its `std::error::Error` from elsewhere, for
/// example from `thiserror`, becomes a 500, because the conversion erases its type. A handler with
/// such errors returns `Result<T, ThatError>`. So does a handler whose errors wrap one that derives
/// `Problem`.
pub struct Error(Box<Inner>);

struct Inner {
    error: BoxError,
    location: &'static Location<'static>,
    backtrace: Option<Backtrace>,
}

impl Error {
    /// Creates an error from a text or a boxed error.
    ///
    /// ```
    /// let error = trine::Error::new("the table is empty");
    /// assert_eq!(error.to_string(), "the table is empty");
    /// ```
    #[track_caller]
    pub fn new(error: impl Into<BoxError>) -> Error {
        Error::boxed(error.into())
    }

    #[track_caller]
    fn boxed(error: BoxError) -> Error {
        Error(Box::new(Inner {
            error,
            location: Location::caller(),
            backtrace: backtraces::capture(),
        }))
    }

    /// Adds what the program was doing when the error happened. The log and the terminal show it
    /// before the error. The client never sees it.
    ///
    /// ```
    /// let error = trine::Error::new("no space left").context("writing the index");
    /// assert_eq!(format!("{error:#}"), "writing the index\n  because no space left");
    /// ```
    #[must_use]
    pub fn context(mut self, text: impl Into<Cow<'static, str>>) -> Error {
        self.0.error = ContextError::boxed(text.into(), Some(self.0.error));
        self
    }

    /// The error of type `E`: the original error, or the first of its causes with that type.
    ///
    /// ```
    /// let error = trine::Error::from(std::io::Error::other("no space")).context("writing");
    /// assert!(error.downcast_ref::<std::io::Error>().is_some());
    /// ```
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

    /// The location in the source where the error was converted, usually a `?`.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Error {
        Error::boxed(error.into())
    }
}

/// Converts into a 500, unless there is a problem inside.
impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let Inner { mut error, location, backtrace } = *error.0;
        let mut contexts = Vec::new();
        error = loop {
            match error.downcast::<ContextError>() {
                Ok(outer) => match outer.into_parts() {
                    (text, Some(cause)) => {
                        contexts.push(text);
                        error = cause;
                    }
                    // A text without a cause is the original error.
                    (text, None) => break ContextError::boxed(text, None),
                },
                Err(error) => break error,
            }
        };
        let is_problem = error.is::<Problem>();
        let problem = match from_error(error) {
            Ok(problem) if is_problem => problem,
            Ok(problem) => problem.came_from(location, backtrace),
            Err(error) => Problem::internal(error).came_from(location, backtrace),
        };
        contexts.into_iter().rev().fold(problem, |problem, text| {
            problem.map_source(|cause| Some(ContextError::boxed(text, cause)))
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
            // The fault at the end of a `BodyError` repeats it.
            if !is_body_fault(error) {
                write!(f, "\n  because {error}")?;
            }
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
