//! The entries of sections, and the keys that were read from them.

use super::entry::Entry;

/// The entries that are not keys of the server, and the keys of the sections that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) entries: Vec<Entry>,
    /// The name of the file, for errors about missing keys.
    pub(super) file: String,
    /// The keys of the sections that were read.
    pub(super) known: Vec<String>,
    /// Whether the file could not be read. Then no key counts as missing.
    pub(super) incomplete: bool,
    /// Whether they were read by [`Config::load`](super::Config::load), from the file and the
    /// environment of the process.
    pub(super) loaded: bool,
}

impl Sections {
    /// Adds the keys of a section to the known ones.
    pub(super) fn claim(&mut self, section: &str, keys: impl Iterator<Item = &'static str>) {
        for key in keys {
            let name = format!("{section}.{key}");
            if !self.known.contains(&name) {
                self.known.push(name);
            }
        }
    }
}
