//! Links to handlers, checked by the compiler: `show::uri("a-title", None)`.
//!
//! An attribute such as `#[get]` gives its handler a function `uri`. It takes the parameters that
//! the template names, in the same order: those of the path first, then those of the query. It
//! returns a [`Link`], which knows its handler and the handler's path inside its group. Only the
//! application knows the prefix of the group, so there are three ways to get the complete text:
//!
//! - [`Redirect`](crate::Redirect) and [`Created`](crate::Created) take the link itself and
//!   complete it when the response leaves the handler.
//! - The extractor [`Links`] turns it into an [`Href`], for templates and JSON.
//! - [`Link::at`] appends it to a base of your choice, without a request.
//!
//! ```
//! use trine::prelude::*;
//!
//! #[get("/articles/{slug}?{page}")]
//! async fn show(slug: String, page: Option<u32>, links: Links) -> Result<String, Problem> {
//!     let next = links.to(show::uri(&slug, page.unwrap_or(1) + 1))?;
//!     Ok(format!(r#"<a href="{next}">next</a>"#))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = App::new().group(Group::at("/api").routes(routes![show]));
//! let answer = app.test().await.get("/api/articles/a%20b").await;
//! assert_eq!(answer.text(), r#"<a href="/api/articles/a%20b?page=2">next</a>"#);
//! # }
//! ```
//!
//! # Layout
//! `write` builds a [`Link`] for the `uri` functions, with its parts percent-encoded by `encoding`.
//! `links` and `of_app` complete it, and `href` is the result.

mod encoding;
mod href;
mod links;
mod of_app;
mod write;

use std::any::TypeId;

use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use trine_core::{Problem, ToParam};

use self::encoding::NOT_IN_VALUES;
pub use self::href::Href;
pub use self::links::Links;
pub use self::write::LinkWriter;
use crate::respond::encode_uri;

/// A link to a handler, returned by its `uri` function.
///
/// It cannot be displayed, so that a path without the prefix of its group cannot slip into a page.
/// The [module](crate::link) lists the ways to complete it.
///
/// ```
/// use trine::prelude::*;
///
/// #[get("/articles/{slug}")]
/// async fn show(slug: String) {}
///
/// let link = show::uri("trine").fragment("comments");
/// assert_eq!(link.at("/api")?, "/api/articles/trine#comments");
/// # Ok::<(), trine::Problem>(())
/// ```
///
/// # Errors
/// A value that cannot be part of a path is reported when the link is completed, as a 500 whose
/// text goes to the log: an empty segment, or `.` and `..`, which clients remove from a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Link {
    handler: TypeId,
    name: &'static str,
    /// The path template of the handler, without the prefixes of its groups.
    template: &'static str,
    /// The template with its values filled in.
    path: String,
    query: String,
    fragment: Option<String>,
    prefix_values: Vec<(String, String)>,
    under: Option<String>,
    mistake: Option<String>,
}

impl Link {
    /// Sets a parameter of a group's prefix, such as `{team}` in `Group::at("/teams/{team}")`.
    ///
    /// Without it, the parameter has the value of the current request.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/members")]
    /// async fn members() {}
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let teams = Group::at("/teams/{team}").routes(routes![members]);
    /// let links = App::new().group(teams).build().await?.links();
    /// assert_eq!(links.to(members::uri().with("team", "red"))?, "/teams/red/members");
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(mut self, name: &str, value: impl ToParam) -> Link {
        self.prefix_values.push((name.to_owned(), value.to_param().into_owned()));
        self
    }

    /// Chooses among several routes of the handler the one whose path starts with this prefix, such
    /// as `/v2`, as written in the groups.
    ///
    /// Without it, the route nearest to the current one is used: the one that shares the most
    /// segments with it from the start, and among those the one declared first.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[get("/users")]
    /// async fn users() {}
    ///
    /// # #[trine::main]
    /// # async fn main() -> trine::Result {
    /// let version = |prefix| Group::at(prefix).routes(routes![users]);
    /// let links = App::new().group(version("/v1")).group(version("/v2")).build().await?.links();
    /// assert_eq!(links.to(users::uri().under("/v2"))?, "/v2/users");
    /// # Ok(())
    /// # }
    /// ```
    pub fn under(mut self, prefix: &str) -> Link {
        self.under = Some(prefix.trim_end_matches('/').to_owned());
        self
    }

    /// Adds parameters to the query, for a handler that takes them as [`Query<T>`](crate::Query).
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use trine::prelude::*;
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Search { q: String }
    ///
    /// #[get("/search?{page}")]
    /// async fn search(page: Option<u32>, search: Query<Search>) {}
    ///
    /// let link = search::uri(2).query(&Search { q: "a b".into() }).at("")?;
    /// assert_eq!(link, "/search?page=2&q=a+b");
    /// # Ok::<(), trine::Problem>(())
    /// ```
    pub fn query(mut self, fields: &impl Serialize) -> Link {
        match serde_html_form::to_string(fields) {
            Ok(text) => self.append_query(&text),
            Err(error) => self.refuse(format!("the query cannot be serialized: {error}")),
        }
        self
    }

    /// Sets the fragment, such as `#comments`: the part of the page that the link points to.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/articles/{id}")]
    /// async fn article(id: u64) {}
    ///
    /// assert_eq!(article::uri(7).fragment("top 10").at("")?, "/articles/7#top%2010");
    /// # Ok::<(), trine::Problem>(())
    /// ```
    pub fn fragment(mut self, fragment: &str) -> Link {
        self.fragment = Some(utf8_percent_encode(fragment, NOT_IN_VALUES).to_string());
        self
    }

    /// Completes the link with a base, which replaces the prefixes of all groups:
    /// `https://example.com/api`.
    ///
    /// It needs neither request nor application: for mails, background jobs and tests. Characters
    /// that a URI cannot contain are percent-encoded in the base, too.
    ///
    /// # Errors
    /// A 500 if a value cannot be a segment of a path, or if the host of the base is invalid. Write
    /// a host outside ASCII as `xn--…`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/articles/{slug}")]
    /// async fn show(slug: String) {}
    ///
    /// let link = show::uri("über").at("https://example.com/api")?;
    /// assert_eq!(link, "https://example.com/api/articles/%C3%BCber");
    /// # Ok::<(), trine::Problem>(())
    /// ```
    pub fn at(&self, base: &str) -> Result<Href, Problem> {
        let base =
            encode_uri(base.trim_end_matches('/')).map_err(|mistake| self.problem(&mistake))?;
        self.complete(if base.is_empty() || self.path != "/" {
            format!("{base}{}", self.path)
        } else {
            base
        })
    }

    /// Appends query and fragment to the complete path.
    fn complete(&self, mut text: String) -> Result<Href, Problem> {
        if let Some(mistake) = &self.mistake {
            return Err(self.problem(mistake));
        }
        if !self.query.is_empty() {
            text.push('?');
            text.push_str(&self.query);
        }
        if let Some(fragment) = &self.fragment {
            text.push('#');
            text.push_str(fragment);
        }
        Ok(Href::new(text))
    }

    fn append_query(&mut self, pairs: &str) {
        if !self.query.is_empty() && !pairs.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(pairs);
    }

    fn refuse(&mut self, mistake: String) {
        self.mistake.get_or_insert(mistake);
    }

    #[cold]
    fn problem(&self, mistake: &str) -> Problem {
        Problem::internal(format!(
            "link to the handler `{}` ({}): {mistake}",
            self.name, self.template
        ))
    }
}
