//! The error of a program as a whole, for `main`.

use trine_core::BoxError;

/// What `main` returns.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Any error on its way to the terminal; `?` makes it of every error type.
pub struct Error(BoxError);

impl Error {
    /// An error that is only a text.
    pub fn new(error: impl Into<BoxError>) -> Error {
        Error(error.into())
    }

    /// The error inside, where it is of this type.
    #[must_use]
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Error {
        Error(error.into())
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
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
