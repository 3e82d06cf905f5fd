//! What is wrong with a configuration.

use std::fmt::{Display, Formatter};

use super::Source;
use super::entry::Entry;
use super::names::distance;

/// One thing that is wrong: where, what came, what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    source: Source,
    text: String,
}

/// All that is wrong, in the order in which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigError {
    /// The place of the value.
    #[must_use]
    pub fn place(&self) -> &Source {
        &self.source
    }

    /// What came and what was expected.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn value(
        Entry { value, source, .. }: Entry,
        key: &str,
        expected: &str,
    ) -> ConfigError {
        ConfigError { source, text: format!("`{key}`: expected {expected}, got `{value}`") }
    }

    pub(super) fn unknown<'a>(entry: &Entry, known: impl Iterator<Item = &'a str>) -> ConfigError {
        let Entry { key, source, .. } = entry;
        let near = known.filter(|name| entry.is_near(name)).map(|name| source.spell(name));
        let text = match near.min_by_key(|name| distance(key, name)) {
            Some(name) => format!("there is no key `{key}`; did you mean `{name}`?"),
            None => format!("there is no key `{key}`; `trine::config::Config` lists all of them"),
        };
        ConfigError { source: source.clone(), text }
    }

    /// A value of a section. `shown` is `None` for a secret.
    pub(super) fn wrong(
        source: Source,
        key: &str,
        expected: &str,
        shown: Option<&str>,
    ) -> ConfigError {
        let came = shown.map_or_else(
            || "something else, which is secret".to_owned(),
            |value| format!("`{value}`"),
        );
        ConfigError { source, text: format!("`{key}`: expected {expected}, got {came}") }
    }

    pub(super) fn weak(source: Source, key: &str, why: &str) -> ConfigError {
        ConfigError {
            source,
            text: format!("`{key}` cannot be used under the profile `prod`: {why}"),
        }
    }

    pub(super) fn new(source: Source, text: String) -> ConfigError {
        ConfigError { source, text }
    }

    /// The file from top to bottom, then the environment, then what is missing.
    pub(crate) fn order(&self) -> (u8, usize) {
        match self.source {
            Source::File { line, .. } => (0, line),
            Source::Variable(_) => (1, 0),
            Source::Code { .. } => (2, 0),
        }
    }

    pub(super) fn syntax(source: Source, message: &str) -> ConfigError {
        ConfigError { source, text: format!("not TOML: {message}") }
    }

    pub(super) fn unreadable(path: &str, named: bool, error: &std::io::Error) -> ConfigError {
        let by = if named { " (named by `TRINE_CONFIG`)" } else { "" };
        let source = Source::File { path: path.to_owned(), line: 1 };
        ConfigError { source, text: format!("the file cannot be read{by}: {error}") }
    }
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.source, self.text)
    }
}

impl Display for ConfigErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl std::error::Error for ConfigErrors {}
