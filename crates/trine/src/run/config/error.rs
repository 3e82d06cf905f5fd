//! The mistakes of a configuration.

use std::fmt::{Display, Formatter};

use super::Location;
use super::entry::Entry;
use super::names::distance;

/// A mistake of the configuration: its location, the value, and what was expected.
///
/// ```
/// use trine::config::Config;
///
/// let errors = Config::read("port = 'http'", []).unwrap_err();
/// let error = &errors.0[0];
/// assert_eq!(error.location().to_string(), "trine.toml:1");
/// assert_eq!(error.text(), "`port`: expected a port from 0 (any free one) to 65535, got `http`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    location: Location,
    text: String,
}

/// All mistakes of a configuration, in this order: the file from top to bottom, the environment,
/// missing keys.
///
/// ```
/// use trine::config::Config;
///
/// let errors = Config::read("workers = 'many'\nport = 'http'", []).unwrap_err();
/// assert_eq!(errors.0.len(), 2);
/// assert!(errors.to_string().starts_with("trine.toml:1: `workers`: expected"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigError {
    /// The location of the value, or of the code that requires a missing key.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What is wrong, and what was expected.
    ///
    /// ```
    /// # use trine::config::Config;
    /// let errors = Config::read("prot = 80", []).unwrap_err();
    /// assert_eq!(errors.0[0].text(), "there is no key `prot`; did you mean `port`?");
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn value(
        Entry { value, location, .. }: Entry,
        key: &str,
        expected: &str,
    ) -> ConfigError {
        ConfigError { location, text: format!("`{key}`: expected {expected}, got `{value}`") }
    }

    pub(super) fn unknown<'a>(entry: &Entry, known: impl Iterator<Item = &'a str>) -> ConfigError {
        let Entry { key, location, .. } = entry;
        let near = known.filter(|name| entry.is_near(name)).map(|name| location.key_of(name));
        let text = match near.min_by_key(|name| distance(key, name)) {
            Some(name) => format!("there is no key `{key}`; did you mean `{name}`?"),
            None => format!(
                "there is no key `{key}`; the documentation of the module `trine::config` lists \
                 the keys of the server; a section has the keys of its struct"
            ),
        };
        ConfigError { location: location.clone(), text }
    }

    /// A wrong value of a section. `shown` is `None` for a secret.
    pub(super) fn wrong(
        location: Location,
        key: &str,
        expected: &str,
        shown: Option<&str>,
    ) -> ConfigError {
        let got = shown.map_or_else(
            || "; the current value is not shown because it is a secret".to_owned(),
            |value| format!(", got `{value}`"),
        );
        ConfigError { location, text: format!("`{key}`: expected {expected}{got}") }
    }

    pub(super) fn weak(location: Location, key: &str, why: &str) -> ConfigError {
        ConfigError {
            location,
            text: format!("the value of `{key}` is too weak for the profile `prod`: {why}"),
        }
    }

    pub(super) fn new(location: Location, text: String) -> ConfigError {
        ConfigError { location, text }
    }

    /// The position among other errors: the file from top to bottom, then the environment, then
    /// missing keys.
    pub(crate) fn order(&self) -> (u8, usize) {
        match self.location {
            Location::File { line, .. } => (0, line),
            Location::Variable(_) => (1, 0),
            Location::Code { .. } => (2, 0),
        }
    }

    pub(super) fn syntax(location: Location, message: &str) -> ConfigError {
        ConfigError { location, text: format!("not TOML: {message}") }
    }

    pub(super) fn unreadable(path: &str, named: bool, error: &std::io::Error) -> ConfigError {
        let by = if named { " (named by `TRINE_CONFIG`)" } else { "" };
        let location = Location::File { path: path.to_owned(), line: 1 };
        ConfigError { location, text: format!("the file cannot be read{by}: {error}") }
    }
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.location, self.text)
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
