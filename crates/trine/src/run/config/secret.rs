//! A value that is never shown.

use std::borrow::Cow;

use subtle::ConstantTimeEq as _;

use super::{FromConfig, Value};

/// A password, a key, a token: text that is never printed, logged or serialized.
///
/// ```
/// use trine::config::Secret;
///
/// let password = Secret::from("correct horse battery staple");
/// assert_eq!(format!("{password} {password:?}"), "*** ***");
/// assert!(password.matches("correct horse battery staple"));
/// assert_eq!(password.expose().len(), 28);
/// ```
///
/// Under the profile `prod`, a section refuses a secret that is the default in the source code,
/// that is a known example (`changeme`, `secret`, …), or that is shorter than 8 bytes.
/// `#[config(min = 32)]` sets another minimum.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// The minimum length of a secret under the profile `prod` in bytes, unless the key sets its
    /// own.
    pub const MIN: usize = 8;

    /// The text of the secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the secret is this text. The comparison takes the same time for all texts of one
    /// length, so that it leaks only the length.
    #[must_use]
    pub fn matches(&self, other: impl AsRef<[u8]>) -> bool {
        self.0.as_bytes().ct_eq(other.as_ref()).into()
    }
}

/// Why a text is too weak for a secret; `None` if it is not.
pub(super) fn weakness(text: &str, min: usize) -> Option<String> {
    let plain: String =
        text.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let mut letters: Vec<u8> = text.bytes().collect();
    letters.sort_unstable();
    letters.dedup();
    if KNOWN.contains(&plain.as_str()) {
        Some("it is a well-known example: set a random value".to_owned())
    } else if text.len() < min {
        Some(format!("it has {} bytes, expected at least {min}", text.len()))
    } else if letters.len() < 4 {
        Some("it has fewer than 4 different characters: set a random value".to_owned())
    } else {
        None
    }
}

/// The secrets of examples, tutorials and default installations, in lower case and without
/// punctuation.
const KNOWN: &[&str] = &[
    "",
    "0123456789abcdef",
    "12345678",
    "123456789",
    "1234567890",
    "admin",
    "adminadmin",
    "administrator",
    "changeit",
    "changeme",
    "changemeinproduction",
    "changemenow",
    "changethis",
    "default",
    "demo",
    "dev",
    "development",
    "devsecret",
    "dontcommit",
    "dontusethis",
    "dummy",
    "example",
    "fixme",
    "foobar",
    "guest",
    "hunter2",
    "insecure",
    "insertsecrethere",
    "jwtsecret",
    "keyboardcat",
    "letmein",
    "mykey",
    "mypassword",
    "mysecret",
    "mysecretkey",
    "mysecrettoken",
    "notasecret",
    "notsecret",
    "onlyfordevelopment",
    "passw0rd",
    "password",
    "password1",
    "password123",
    "placeholder",
    "postgres",
    "replaceme",
    "root",
    "s3cr3t",
    "s3cret",
    "secret",
    "secretkey",
    "secretpassword",
    "secretsecret",
    "shhhhh",
    "supersecret",
    "supersecretkey",
    "test",
    "testing",
    "testsecret",
    "tiger7lily",
    "thisisasecret",
    "todo",
    "topsecret",
    "verysecret",
    "yourpassword",
    "yoursecret",
    "yoursecrethere",
    "yoursecretkey",
    "yoursecretkeyhere",
    "correcthorsebatterystaple",
];

impl FromConfig for Secret {
    const SECRET: bool = true;

    fn expected() -> Cow<'static, str> {
        "text".into()
    }

    fn from_config(value: Value<'_>) -> Option<Self> {
        value.text().map(Secret::from)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

const HIDDEN: &str = "***";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let secret = Secret::from("tiger 8 lily");
        let shown =
            format!("{secret} {secret:?} {secret:#?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("tiger"), "{shown}");
        assert!(
            secret.matches(b"tiger 8 lily")
                && !secret.matches("tiger 8 lilY")
                && !secret.matches("tiger")
        );
    }

    /// The secrets in the examples of the guide must be refused in production.
    #[test]
    fn secrets_of_the_guide_are_refused() {
        let guide = include_str!("../../../../../guide/config.md");
        let quoted = |line: &'static str, before: &str, end: char| {
            line.split_once(before)?.1.split(end).next()
        };
        let shown: Vec<_> = guide
            .lines()
            .filter_map(|line| {
                quoted(line, "password = '", '\'').or_else(|| {
                    line.contains("min = ").then(|| quoted(line, "default = \"", '"')).flatten()
                })
            })
            .collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown.iter().all(|text| weakness(text, 0).is_some()), "{shown:?}");
    }

    #[test]
    fn weak_secrets_are_detected() {
        for text in
            ["changeme", "Change-Me!", "SECRET", "", "s3cret", "aaaaaaaaaaaaaaaa", "abcdefg"]
        {
            assert!(weakness(text, Secret::MIN).is_some(), "{text}");
        }
        assert_eq!(weakness("abcdefgh", Secret::MIN), None);
        assert_eq!(weakness("abcdefgh", 9).unwrap(), "it has 8 bytes, expected at least 9");
        assert!(
            KNOWN
                .iter()
                .all(|text| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        );
    }
}
