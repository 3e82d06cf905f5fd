//! One value of the file or the environment, with its key and its location.

use super::Location;
use super::names::{is_near, is_of_server};
use super::variables::PREFIX;

/// A value with its key and its location.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// `limits.body` in a file, `TRINE_LIMITS_BODY` in the environment.
    pub(super) key: String,
    pub(super) value: String,
    /// The items, if the value is a list.
    pub(super) items: Option<Vec<String>>,
    pub(super) location: Location,
    /// Whether the value belongs to the current profile. Otherwise it is only checked.
    pub(super) applies: bool,
}

impl Entry {
    /// Whether this is the key of that name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.key == self.location.key_of(name)
    }

    /// Whether the key may be a misspelling of that name.
    pub(super) fn is_near(&self, name: &str) -> bool {
        is_near(&self.key, &self.location.key_of(name))
    }

    /// Whether the key is in the section of that name, or in a section inside it. A variable may
    /// also belong to a section with a longer name.
    pub(super) fn in_section(&self, name: &str) -> bool {
        let rest = self.key.strip_prefix(self.location.key_of(name).as_str());
        rest.is_some_and(|rest| rest.starts_with(if self.is_variable() { '_' } else { '.' }))
    }

    pub(super) fn is_variable(&self) -> bool {
        matches!(self.location, Location::Variable(_))
    }

    /// Whether the key can only belong to the server: it has no section, or a section of the
    /// server.
    pub(super) fn is_of_server(&self) -> bool {
        let key = self.key.strip_prefix(PREFIX).unwrap_or(&self.key).to_ascii_lowercase();
        let end = if self.is_variable() { '_' } else { '.' };
        key.split_once(end).is_none_or(|(section, _)| is_of_server(section))
    }
}

impl std::fmt::Debug for Entry {
    // The value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} from {}", self.key, self.location)
    }
}
