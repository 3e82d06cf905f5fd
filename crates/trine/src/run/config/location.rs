//! Where a value of the configuration stands.

use std::fmt::{Display, Formatter};

use super::variables::PREFIX;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A line of a file.
    File {
        /// The path, as it was given.
        path: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// A line of the program, which asks for something that is not there.
    Code {
        /// The source file.
        file: String,
        /// The line in it.
        line: u32,
    },
}

impl Source {
    /// A key as this source writes it.
    pub(super) fn spell(&self, name: &str) -> String {
        match self {
            Source::File { .. } | Source::Code { .. } => name.to_owned(),
            Source::Variable(_) => {
                format!("{PREFIX}{}", name.replace('.', "_").to_ascii_uppercase())
            }
        }
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::File { path, line } => write!(f, "{path}:{line}"),
            Source::Variable(name) => write!(f, "environment variable {name}"),
            Source::Code { file, line } => write!(f, "{file}:{line}"),
        }
    }
}
