//! One value of the file or the environment, under the key that its source gives it.

use super::Source;
use super::names::{is_near, is_of_server};
use super::variables::PREFIX;

/// A value, under the key that its source gives it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// `limits.body` of a file, `TRINE_LIMITS_BODY` of the environment.
    pub(super) key: String,
    pub(super) value: String,
    /// The items, where the value is a list.
    pub(super) items: Option<Vec<String>>,
    pub(super) source: Source,
    /// Whether it is of this profile; else it is only checked.
    pub(super) applies: bool,
}

impl Entry {
    /// Whether this is the key of that name in the table.
    pub(super) fn names(&self, name: &str) -> bool {
        self.key == self.source.spell(name)
    }

    /// Whether somebody may have meant the key of that name.
    pub(super) fn is_near(&self, name: &str) -> bool {
        is_near(&self.key, &self.source.spell(name))
    }

    /// Whether it stands in the section of that name, or in one whose name goes on from it.
    pub(super) fn in_section(&self, name: &str) -> bool {
        let rest = self.key.strip_prefix(self.source.spell(name).as_str());
        rest.is_some_and(|rest| rest.starts_with(if self.is_variable() { '_' } else { '.' }))
    }

    pub(super) fn is_variable(&self) -> bool {
        matches!(self.source, Source::Variable(_))
    }

    /// Whether it can only be a key of the server: one without a section, or of a section of the
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
        write!(f, "{} from {}", self.key, self.source)
    }
}
