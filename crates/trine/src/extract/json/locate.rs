//! Finds the path of the value at a position in a JSON text.

use crate::validation::FieldPath;

/// The path, such as `user.tags[2]`, of the value that ends at a line and column as `serde_json`
/// counts them.
///
/// The text up to that position has to be well-formed, which it is if `serde_json` reports a data
/// error.
pub(super) fn field_path(text: &[u8], line: usize, column: usize) -> FieldPath {
    let seen = &text[..offset(text, line, column).min(text.len())];
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = seen.get(at) {
        let start = at;
        at += 1;
        match byte {
            // `serde_json` does not deserialize anything deeper: this is skipped input, and its
            // path is not worth the memory.
            b'{' | b'[' if levels.len() == DEEPEST => return FieldPath::root(),
            b'{' => levels.push(Level::Object { key: None, in_key: true }),
            b'[' => levels.push(Level::Array { index: 0 }),
            b'}' | b']' => {
                levels.pop();
            }
            b',' => match levels.last_mut() {
                Some(Level::Array { index }) => *index += 1,
                Some(Level::Object { key, in_key }) => (*key, *in_key) = (None, true),
                None => {}
            },
            b'"' => {
                at = end_of_string(seen, at);
                if let Some(Level::Object { key, in_key: in_key @ true }) = levels.last_mut() {
                    (*key, *in_key) = (Some(&seen[start..at]), false);
                }
            }
            _ => {}
        }
    }
    levels.iter().fold(FieldPath::root(), |path, level| level.append_to(path))
}

// The recursion limit of `serde_json`.
const DEEPEST: usize = 128;

/// A container that is still open.
enum Level<'a> {
    /// An object, with the quoted key of the value that is being read.
    Object { key: Option<&'a [u8]>, in_key: bool },
    /// An array, with the index of the value that is being read.
    Array { index: usize },
}

impl Level<'_> {
    fn append_to(&self, path: FieldPath) -> FieldPath {
        match self {
            Level::Array { index } => path.child(index.to_string()),
            Level::Object { key: None, .. } => path,
            Level::Object { key: Some(key), .. } => {
                let key = serde_json::from_slice(key).unwrap_or_else(|_| "?".to_owned());
                path.child(crate::extract::clip(&key))
            }
        }
    }
}

// The column is the number of bytes of the line that were read.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive(|&byte| byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    before + column
}

// The offset after the closing quote.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::{FieldPath, field_path};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only their types matter")]
    struct Root {
        list: Vec<(u8, Inner)>,
        map: Option<HashMap<String, bool>>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only their types matter")]
    struct Inner {
        name: String,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only their types matter")]
    enum Kind {
        Unit,
        Newtype(u8),
    }

    fn found(text: &str) -> String {
        let error = serde_json::from_str::<Root>(text).unwrap_err();
        assert!(error.is_data(), "{error}");
        field_path(text.as_bytes(), error.line(), error.column()).json_path()
    }

    #[test]
    fn every_kind_of_misfit_is_found() {
        assert_eq!(found("7"), "");
        assert_eq!(found("{}"), "");
        assert_eq!(found(r#"{"list":{}}"#), "list");
        assert_eq!(found(r#"{"list":[[1,{"name":"a"}],[300,{"name":"b"}]]}"#), "list[1][0]");
        assert_eq!(found(r#"{"list":[[1,{"name":"a"}],[3,{}]]}"#), "list[1][1]");
        assert_eq!(found("{\"list\":[\n[1,{\"name\":\n7}]]}"), "list[0][1].name");
        assert_eq!(found(r#"{"list":[[1]]}"#), "list[0]");
        assert_eq!(found(r#"{"list":[],"more":1}"#), "more");
        assert_eq!(found(r#"{"list":[],"map":{"a.\"]}":true,"ä\u0041":null}}"#), "map.äA");
        assert_eq!(found(r#"{"list":[],"kind":"Unite"}"#), "kind");
        assert_eq!(found(r#"{"list":[],"kind":{"Newtype":-1}}"#), "kind.Newtype");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        assert_eq!(field_path(deep.as_bytes(), 1, deep.len()), FieldPath::root());
    }
}
