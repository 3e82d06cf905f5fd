//! How an error that is known only as `dyn Error` says that it is a problem.
//!
//! `?` forgets the type of an error, and with it the status that `#[derive(Problem)]` gave it: a
//! 404 would become a 500. The derive writes the error's `source` too, and that is the only
//! function of `Error` that can hand out a value. So while somebody asks, `source` gives a
//! [`Derived`], which knows the way from the error to its problem; at all other times it gives the
//! cause.
//!
//! An error of the request's body is asked in the same way: wrappers that pass on the `source` of
//! what is inside them (`std::io::Error::other`, the transparent ones of thiserror) would hide it.
//! What it gives then is in `body_fault`.

use std::cell::Cell;
use std::error::Error;

use super::{Problem, body_fault};
use crate::BoxError;

thread_local! {
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// The way from an error, whose type is forgotten, to its problem.
#[derive(Debug)]
pub struct Derived(fn(BoxError) -> Result<Problem, BoxError>);

impl Derived {
    /// The way of an error of this type.
    #[must_use]
    pub const fn of<E: Error + Into<Problem> + Send + Sync + 'static>() -> Derived {
        Derived(|error| error.downcast::<E>().map(|error| (*error).into()))
    }

    /// Whether somebody asks; only then may `source` give it.
    #[must_use]
    pub fn is_asked_for() -> bool {
        ASKED.get()
    }
}

/// The problem that an error is: a [`Problem`] itself, one that derives it, or what an error of the
/// request's body among its causes tells the client.
///
/// # Errors
/// The error as it was, where it is neither.
pub fn from_error(error: BoxError) -> Result<Problem, BoxError> {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return Ok(*problem),
        Err(error) => error,
    };
    let way = asking(true, || {
        error.source().and_then(|answer| answer.downcast_ref::<Derived>()).map(|derived| derived.0)
    });
    // What passes on the `source` of an error inside it gives the way of that one, which is not its
    // own.
    let error = match way {
        Some(way) => match way(error) {
            Ok(problem) => return Ok(problem),
            Err(error) => error,
        },
        None => error,
    };
    body_fault::problem(error)
}

/// Runs something that asks, or in the midst of a question does not.
pub(super) fn asking<T>(asks: bool, what: impl FnOnce() -> T) -> T {
    /// Ends it, even where a `source` panics.
    struct Before(bool);

    impl Drop for Before {
        fn drop(&mut self) {
            ASKED.set(self.0);
        }
    }

    let _before = Before(ASKED.replace(asks));
    what()
}

impl std::fmt::Display for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a derived problem")
    }
}

impl Error for Derived {}
