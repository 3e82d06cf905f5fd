//! The text of a link.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};

/// The text of a link, percent-encoded and whole: what stands in `href="…"`.
///
/// It displays, serializes (to a template, to JSON) and derefs as text, and is safe inside the
/// quotes of an HTML attribute but for the `&` between two values of a query, which every browser
/// reads as it is meant.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/users/{id}")]
/// async fn user(id: u64) {}
///
/// let href = user::uri(7).at("")?;
/// assert_eq!(href.to_string(), "/users/7");
/// assert_eq!(href.on("https://example.com"), "https://example.com/users/7");
/// # Ok::<(), trine::Problem>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Href(String);

impl Href {
    pub(super) fn new(text: String) -> Href {
        Href(text)
    }

    /// The absolute link on a site that you name: `https://example.com`.
    ///
    /// Take the name from your configuration. The `Host` of a request is whatever the client wrote
    /// there: a link made of it, in a mail that resets a password for example, leads to the site of
    /// whoever sent the request.
    ///
    /// The name stands there as you wrote it: one of a host beyond ASCII is `xn--…`. A link that is
    /// absolute already stays as it is.
    #[must_use]
    pub fn on(&self, site: &str) -> Href {
        if self.0.starts_with('/') {
            Href(format!("{}{}", site.trim_end_matches('/'), self.0))
        } else {
            self.clone()
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Href {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Href {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Href> for String {
    fn from(href: Href) -> String {
        href.0
    }
}

impl PartialEq<str> for Href {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Href {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Serialize for Href {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
