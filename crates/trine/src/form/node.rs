//! What was submitted, by name.

use std::collections::BTreeMap;

#[cfg(feature = "multipart")]
use super::TempFile;

/// All that came under one name, and under the names inside it.
///
/// The tree is ordered, not hashed: no choice of names makes it slow. Its depth and size are
/// bounded by `FormLimits`.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) values: Vec<Value>,
    pub(crate) inside: BTreeMap<String, Node>,
}

#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    #[cfg(feature = "multipart")]
    File(TempFile),
    /// It was refused while it was read, and the reason is told already.
    Refused,
}

impl Node {
    pub(crate) fn insert(&mut self, keys: &[&str], value: Value) {
        match keys.split_first() {
            None => self.values.push(value),
            Some((first, rest)) => {
                // A second look-up spares the copy of a key that is there.
                if !self.inside.contains_key(*first) {
                    self.inside.insert((*first).to_owned(), Node::default());
                }
                if let Some(node) = self.inside.get_mut(*first) {
                    node.insert(rest, value);
                }
            }
        }
    }

    pub(crate) fn of(value: Value) -> Node {
        Node { values: vec![value], inside: BTreeMap::new() }
    }

    pub(crate) fn is_blank(&self) -> bool {
        let blank = |value: &Value| matches!(value, Value::Text(text) if text.is_empty());
        self.values.iter().all(blank) && self.inside.is_empty()
    }
}
