//! Values of a path that would lead to another directory if a program used them in a path of its
//! own.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, Visitor};

use super::{FromParam, Param, clip};
use crate::{Cx, Rejection, ToParam};

/// Any text of a path.
///
/// A `String`, or any other type made of text, accepts no value of the path whose encoding hides a
/// separator. A value with an encoded `/`, a `\`, a NUL or a segment `.` or `..` is refused with a
/// 400, and so is the rest of a path that begins with a slash. Programs make file names, keys and
/// URLs of such values, and `%2Fetc%2Fpasswd` or `..%2F..` would lead out of their directory. A
/// route whose values are not names, such as a search or a URL to fetch, uses this type:
///
/// ```
/// use trine_core::param::AnyText;
///
/// // #[get("/search/{words}")]
/// async fn search(words: AnyText) -> String {
///     format!("{} characters", words.len())
/// }
/// ```
///
/// In the query it is the same as a `String`, because nothing is refused there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnyText(pub String);

impl FromParam for AnyText {
    const ANY_TEXT: bool = true;

    async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
        Ok(AnyText(param.value.into_owned()))
    }
}

impl ToParam for AnyText {
    fn to_param(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

impl Deref for AnyText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AnyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of the newtype by which the deserializer of a path recognizes [`AnyText`].
#[doc(hidden)]
pub const ANY_TEXT: &str = "trine::AnyText";

impl<'de> Deserialize<'de> for AnyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = AnyText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                inner: D,
            ) -> Result<AnyText, D::Error> {
                String::deserialize(inner).map(AnyText)
            }

            fn visit_str<E>(self, text: &str) -> Result<AnyText, E> {
                Ok(AnyText(text.to_owned()))
            }
        }

        deserializer.deserialize_newtype_struct(ANY_TEXT, Text)
    }
}

/// The reason why a raw value of a path would lead to another directory. `None` for nearly all
/// values.
#[doc(hidden)]
#[must_use]
pub fn hazard(raw: &str) -> Option<String> {
    // One look at each byte suffices for plain names.
    if raw.bytes().all(|byte| !matches!(byte, b'%' | b'\\' | b'/' | b'.')) {
        return None;
    }
    look_closely(raw)
}

#[cold]
fn look_closely(raw: &str) -> Option<String> {
    let mut segments =
        raw.split('/').map(|segment| percent_decode_str(segment).collect::<Vec<u8>>());
    let found = segments.find_map(|segment| match &*segment {
        b"." | b".." => Some("the segments `.` and `..`"),
        segment => segment.iter().find_map(|byte| match byte {
            b'/' => Some("an encoded `/`"),
            b'\\' => Some("a `\\`"),
            0 => Some("a NUL"),
            _ => None,
        }),
    });
    let found = found.or_else(|| raw.starts_with('/').then_some("a slash at its start"))?;
    Some(format!("expected text without {found}, got `{}`", clip(raw)))
}

/// Parses a relative path of plain names.
///
/// # Errors
/// The first reason why the text is not such a path.
#[doc(hidden)]
pub fn clean_path(text: &str) -> Result<PathBuf, &'static str> {
    let mut path = PathBuf::new();
    for segment in text.split('/') {
        let bytes = segment.as_bytes();
        let why = match bytes {
            [] => "a segment is empty",
            [b'.', ..] => "a segment begins with a dot",
            [letter, b':', ..] if letter.is_ascii_alphabetic() => "a segment looks like a drive",
            _ if bytes.contains(&b'\\') => "a segment holds `\\`",
            _ if bytes.iter().any(u8::is_ascii_control) => "a segment holds a control character",
            _ if cfg!(windows) && bytes.contains(&b':') => "a segment holds `:`",
            _ => {
                path.push(segment);
                continue;
            }
        };
        return Err(why);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_separators_and_dots_are_found() {
        for plain in [
            "a",
            "a.b",
            "a..b",
            "...",
            "a/b",
            "a//b",
            "a/",
            "caf%C3%A9",
            "%2E%2E%2E",
            "a%20b",
            "..a",
            ".env",
        ] {
            assert_eq!(hazard(plain), None, "{plain}");
        }
        for (raw, what) in [
            ("%2Fetc%2Fpasswd", "an encoded `/`"),
            ("a%2fb", "an encoded `/`"),
            ("a%5Cb", "a `\\`"),
            ("a\\b", "a `\\`"),
            ("a%00", "a NUL"),
            ("..", "the segments `.` and `..`"),
            (".", "the segments `.` and `..`"),
            ("%2e%2E", "the segments `.` and `..`"),
            ("a/../b", "the segments `.` and `..`"),
            ("a/.", "the segments `.` and `..`"),
            ("..%2Fa", "an encoded `/`"),
            ("/etc", "a slash at its start"),
        ] {
            assert_eq!(hazard(raw), Some(format!("expected text without {what}, got `{raw}`")));
        }
    }

    #[test]
    fn a_clean_path_is_relative_and_plain() {
        assert_eq!(clean_path("a/b c/d.txt"), Ok(PathBuf::from("a/b c/d.txt")));
        assert_eq!(
            clean_path("über:x"),
            if cfg!(windows) { Err("a segment holds `:`") } else { Ok("über:x".into()) }
        );
        for (text, why) in [
            ("", "is empty"),
            ("/a", "is empty"),
            ("a/", "is empty"),
            ("a//b", "is empty"),
            ("..", "a dot"),
            ("a/../b", "a dot"),
            ("a/.", "a dot"),
            (".env", "a dot"),
            ("a/.git/config", "a dot"),
            ("C:/a", "a drive"),
            ("a/c:", "a drive"),
            ("z:x", "a drive"),
            ("a\\b", "holds `\\`"),
            ("\\\\host\\x", "holds `\\`"),
            ("a\0", "a control"),
            ("a\n", "a control"),
        ] {
            let refused = clean_path(text).unwrap_err();
            assert!(refused.contains(why), "{text:?}: {refused}");
        }
    }
}
