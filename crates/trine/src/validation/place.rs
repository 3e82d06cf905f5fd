//! Where in a value something is wrong.

use std::fmt;

use crate::form::name;

/// A place in a value, such as `user.tags[1]`.
///
/// ```
/// use trine::validation::Place;
///
/// let place = Place::parse("user.tags[1]");
/// assert_eq!(place.to_string(), "user.tags[1]");
/// assert_eq!(place.pointer(), "/user/tags/1");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    keys: Vec<String>,
}

impl Place {
    /// The value as a whole.
    #[must_use]
    pub fn whole() -> Place {
        Place::default()
    }

    /// Reads `user.tags[1]`; `user[tags][1]` is the same.
    #[must_use]
    pub fn parse(text: &str) -> Place {
        match text {
            "" => Place::whole(),
            text => Place { keys: name::keys(text).into_iter().map(str::to_owned).collect() },
        }
    }

    /// The place one key or index further in. The key may hold any character.
    #[must_use]
    pub fn then(mut self, key: impl Into<String>) -> Place {
        self.keys.push(key.into());
        self
    }

    pub(crate) fn inside(&self, outer: &Place) -> Place {
        Place { keys: outer.keys.iter().chain(&self.keys).cloned().collect() }
    }

    /// The keys and indices, from the outside in.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// As text in which an array may stand outermost: `[1].name`.
    pub(crate) fn path(&self) -> String {
        let text = self.to_string();
        match self.keys.first() {
            Some(first) if name::is_index(first) => format!("[{first}]{}", &text[first.len()..]),
            _ => text,
        }
    }

    /// As a JSON Pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)); the whole is the
    /// empty one.
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name::canonical(&self.keys().collect::<Vec<_>>()))
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Place {
        Place::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_escaped() {
        let place = Place::whole().then("a/b").then("~").then("0").then("x.y");
        assert_eq!(place.pointer(), "/a~1b/~0/0/x.y");
        assert_eq!(place.to_string(), "a/b.~[0][x.y]");
        assert_eq!(Place::whole().pointer(), "");
        assert_eq!(Place::whole().then("1").then("2").then("a").path(), "[1][2].a");
    }
}
