//! The path of a field inside a value.

use std::fmt;

use crate::form::name;

/// The path of a field inside a value, such as `user.tags[1]`.
///
/// ```
/// use trine::validation::FieldPath;
///
/// let path = FieldPath::parse("user.tags[1]");
/// assert_eq!(path.to_string(), "user.tags[1]");
/// assert_eq!(path.pointer(), "/user/tags/1");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldPath {
    keys: Vec<String>,
}

impl FieldPath {
    /// The path of the value as a whole.
    #[must_use]
    pub fn root() -> FieldPath {
        FieldPath::default()
    }

    /// Parses a path such as `user.tags[1]`; `user[tags][1]` is the same path.
    ///
    /// ```
    /// # use trine::validation::FieldPath;
    /// assert_eq!(FieldPath::parse("user[tags][1]"), FieldPath::parse("user.tags[1]"));
    /// assert_eq!(FieldPath::parse(""), FieldPath::root());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> FieldPath {
        match text {
            "" => FieldPath::root(),
            text => FieldPath { keys: name::keys(text).into_iter().map(str::to_owned).collect() },
        }
    }

    /// Appends a key or index. The key may contain any character.
    ///
    /// ```
    /// use trine::validation::FieldPath;
    ///
    /// let path = FieldPath::root().child("tags").child("1");
    /// assert_eq!(path.to_string(), "tags[1]");
    /// ```
    #[must_use]
    pub fn child(mut self, key: impl Into<String>) -> FieldPath {
        self.keys.push(key.into());
        self
    }

    pub(crate) fn inside(&self, outer: &FieldPath) -> FieldPath {
        FieldPath { keys: outer.keys.iter().chain(&self.keys).cloned().collect() }
    }

    /// The keys and indices, the outermost first.
    ///
    /// ```
    /// # use trine::validation::FieldPath;
    /// let path = FieldPath::parse("user.tags[1]");
    /// assert_eq!(path.keys().collect::<Vec<_>>(), ["user", "tags", "1"]);
    /// ```
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// The path as text, if the whole value may be an array: `[1].name`.
    pub(crate) fn json_path(&self) -> String {
        let text = self.to_string();
        match self.keys.first() {
            Some(first) if name::is_index(first) => format!("[{first}]{}", &text[first.len()..]),
            _ => text,
        }
    }

    /// The path as a JSON Pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)), which is
    /// empty for the whole value.
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for key in &self.keys {
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name::canonical(&self.keys().collect::<Vec<_>>()))
    }
}

impl From<&str> for FieldPath {
    fn from(text: &str) -> FieldPath {
        FieldPath::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_escaped() {
        let path = FieldPath::root().child("a/b").child("~").child("0").child("x.y");
        assert_eq!(path.pointer(), "/a~1b/~0/0/x.y");
        assert_eq!(path.to_string(), "a/b.~[0][x.y]");
        assert_eq!(FieldPath::root().pointer(), "");
        assert_eq!(FieldPath::root().child("1").child("2").child("a").json_path(), "[1][2].a");
    }
}
