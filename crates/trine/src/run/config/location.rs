//! The location of a value in the configuration.

use std::fmt::{Display, Formatter};

use super::variables::PREFIX;

/// The location of a value in the configuration.
///
/// ```
/// use trine::config::{Config, Location};
///
/// let env = [("TRINE_PORT".to_owned(), "http".to_owned())];
/// let errors = Config::read("", env).unwrap_err();
/// assert_eq!(errors.0[0].location(), &Location::Variable("TRINE_PORT".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A line of a file.
    File {
        /// The path, as it was given.
        path: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// A line of the program that requires a missing key.
    Code {
        /// The source file.
        file: String,
        /// The line, counted from 1.
        line: u32,
    },
}

impl Location {
    /// The key of this name, as it is written here: `limits.body` in a file, `TRINE_LIMITS_BODY` in
    /// the environment.
    pub(super) fn key_of(&self, name: &str) -> String {
        match self {
            Location::File { .. } | Location::Code { .. } => name.to_owned(),
            Location::Variable(_) => variable_of(name),
        }
    }
}

/// The variable of a key.
pub(super) fn variable_of(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "_").to_ascii_uppercase())
}

impl Display for Location {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Location::File { path, line } => write!(f, "{path}:{line}"),
            Location::Variable(name) => write!(f, "environment variable {name}"),
            Location::Code { file, line } => write!(f, "{file}:{line}"),
        }
    }
}
