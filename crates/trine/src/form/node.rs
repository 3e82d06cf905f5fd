//! The submitted fields as a tree.

use std::collections::BTreeMap;

#[cfg(feature = "multipart")]
use super::TempFile;

/// The values of one name, and the fields inside it.
///
/// The tree is ordered instead of hashed, so that no choice of names makes it slow. `FormLimits`
/// bounds its depth and size.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) values: Vec<Value>,
    pub(crate) children: BTreeMap<String, Node>,
}

#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    #[cfg(feature = "multipart")]
    File(TempFile),
    /// It was refused while it was read, and its error has been added.
    Refused,
}

impl Node {
    pub(crate) fn insert(&mut self, keys: &[&str], value: Value) {
        match keys.split_first() {
            None => self.values.push(value),
            Some((first, rest)) => {
                // A second lookup is cheaper than copying a key that exists.
                if !self.children.contains_key(*first) {
                    self.children.insert((*first).to_owned(), Node::default());
                }
                if let Some(node) = self.children.get_mut(*first) {
                    node.insert(rest, value);
                }
            }
        }
    }

    pub(crate) fn leaf(value: Value) -> Node {
        Node { values: vec![value], children: BTreeMap::new() }
    }

    pub(crate) fn is_blank(&self) -> bool {
        let blank = |value: &Value| matches!(value, Value::Text(text) if text.is_empty());
        self.values.iter().all(blank) && self.children.is_empty()
    }
}
