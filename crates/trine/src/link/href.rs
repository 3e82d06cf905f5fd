//! The text of a link.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};

/// The complete, percent-encoded text of a link: the value of `href="…"`.
///
/// It displays, serializes (in a template or JSON) and dereferences as text. Inside the quotes of
/// an HTML attribute nothing in it needs escaping, except for the `&` between two query parameters,
/// which browsers accept as it is.
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

    /// The absolute link on this site, such as `https://example.com`.
    ///
    /// Take the site from your configuration. The `Host` of a request is chosen by the client: a
    /// link made from it, for example in a mail that resets a password, can lead to an attacker's
    /// site.
    ///
    /// The site is used as written, so a host outside ASCII has to be in its ASCII form, `xn--…`. A
    /// link that is already absolute stays as it is.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/reset/{token}")]
    /// async fn reset(token: String) {}
    ///
    /// let link = reset::uri("t0ken").at("")?;
    /// assert_eq!(link.on("https://example.com"), "https://example.com/reset/t0ken");
    /// # Ok::<(), trine::Problem>(())
    /// ```
    #[must_use]
    pub fn on(&self, site: &str) -> Href {
        if self.0.starts_with('/') {
            Href(format!("{}{}", site.trim_end_matches('/'), self.0))
        } else {
            self.clone()
        }
    }

    /// The link as text.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/users/{name}")]
    /// async fn user(name: String) {}
    ///
    /// assert_eq!(user::uri("a b").at("")?.as_str(), "/users/a%20b");
    /// # Ok::<(), trine::Problem>(())
    /// ```
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
