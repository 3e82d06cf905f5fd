//! The conversion of an error whose type is erased into the problem that it derives.
//!
//! `?` erases the type of an error, and with it the status that `#[derive(Problem)]` gave it: a 404
//! would become a 500. A `dyn Error` can only be asked through the methods of [`Error`]. The derive
//! therefore publishes a [`ProblemConversion`] through the deprecated [`Error::cause`], which error
//! reporters no longer call. `Error::source` returns the cause of the error, as for every other
//! error type.

use std::error::Error;

use super::{Problem, body_fault};
use crate::BoxError;

/// How an error whose type is erased becomes its problem. The `Error::cause` of an error that
/// derives `Problem` returns one.
#[derive(Debug)]
pub struct ProblemConversion(Convert);

/// Is the `source` of a [`ProblemConversion`]: `cause` returns a `dyn Error` that is not
/// `'static`, which cannot be downcast; the result of `source` can.
#[derive(Debug)]
struct Convert(fn(BoxError) -> Result<Problem, BoxError>);

impl ProblemConversion {
    /// The conversion of errors of type `E`.
    #[must_use]
    pub const fn of<E: Error + Into<Problem> + Send + Sync + 'static>() -> ProblemConversion {
        ProblemConversion(Convert(|error| error.downcast::<E>().map(|error| (*error).into())))
    }
}

/// Converts an error into the problem that it represents: the error is a [`Problem`], or it derives
/// `Problem`, or an error of the request body caused it.
///
/// # Errors
/// Returns the error unchanged if it represents no problem.
pub fn from_error(error: BoxError) -> Result<Problem, BoxError> {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return Ok(*problem),
        Err(error) => error,
    };
    let error = match conversion(&*error) {
        Some(convert) => match convert(error) {
            Ok(problem) => return Ok(problem),
            // A wrapper such as `io::Error` forwards `cause` to the error inside it. The conversion
            // is that of the inner error, which cannot be taken out of the wrapper.
            Err(error) => error,
        },
        None => error,
    };
    body_fault::problem(error)
}

#[expect(deprecated, reason = "`cause` publishes the conversion, see the module documentation")]
fn conversion(error: &dyn Error) -> Option<fn(BoxError) -> Result<Problem, BoxError>> {
    error.cause()?.source()?.downcast_ref::<Convert>().map(|convert| convert.0)
}

impl std::fmt::Display for ProblemConversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an error that derives `Problem`")
    }
}

impl Error for ProblemConversion {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl std::fmt::Display for Convert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the conversion of an error into a problem")
    }
}

impl Error for Convert {}
