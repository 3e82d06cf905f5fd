//! The entries of sections, and the keys that were read from them.

use super::entry::Entry;

/// The entries that are no keys of the server, and the keys of the sections that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) entries: Vec<Entry>,
    /// The name of the file, for what is missing in it.
    pub(super) file: String,
    pub(super) known: Vec<String>,
    /// Whether the file could not be read: then nobody knows what is missing in it.
    pub(super) incomplete: bool,
    /// Whether they are those of the process, by [`Config::load`].
    pub(super) loaded: bool,
}

impl Sections {
    pub(super) fn claim(&mut self, section: &str, keys: impl Iterator<Item = &'static str>) {
        for key in keys {
            let name = format!("{section}.{key}");
            if !self.known.contains(&name) {
                self.known.push(name);
            }
        }
    }
}
