//! Links to handlers, checked by the compiler: `show::uri("a-title", None)`.
//!
//! An attribute gives its handler a function `uri`, which takes what the template names, in its
//! order: values of the path first, then those of the query. What it returns is a [`Link`]: it
//! knows its handler, and the handler's path inside of its group. Where the group stands is known
//! to the application, so there are three ways to the text:
//!
//! - [`Redirect`](crate::Redirect) and [`Created`](crate::Created) take the link as it is; it is
//!   completed when the answer leaves the handler.
//! - The extractor [`Links`] makes an [`Href`] of it, for templates and JSON.
//! - [`Link::at`] puts it behind a base that you name, outside of a request.
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

mod href;
mod links;
mod write;

use std::any::TypeId;

use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use trine_core::{Problem, ToParam};

pub use self::href::Href;
pub use self::links::Links;
pub use self::write::LinkWriter;
use self::write::NOT_IN_VALUES;
use crate::respond::uri;

/// A link to a handler, made by its `uri` function.
///
/// It has no text of its own, so that a path without the prefix of its group cannot slip into a
/// page; see the [module](crate::link) for the ways to one.
///
/// # Errors
/// Mistakes are kept and told where the link is completed, as a 500 whose text goes to the log: a
/// value that makes an empty segment or `.` or `..`, which clients resolve away.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Link {
    handler: TypeId,
    name: &'static str,
    /// The path of the handler's own template.
    template: &'static str,
    /// The same with its values.
    path: String,
    query: String,
    fragment: Option<String>,
    prefix_values: Vec<(String, String)>,
    under: Option<String>,
    mistake: Option<String>,
}

impl Link {
    /// Gives a value to a parameter of a group's prefix, such as `{team}` of
    /// `Group::at("/teams/{team}")`.
    ///
    /// Otherwise it is that of the current request.
    pub fn with(mut self, name: &str, value: impl ToParam) -> Link {
        self.prefix_values.push((name.to_owned(), value.to_param().into_owned()));
        self
    }

    /// Chooses among the places at which the handler is mounted: its path begins with this prefix,
    /// such as `/v2`, as it is written in the groups.
    ///
    /// Otherwise the place nearest to the current route wins: that which shares the most segments
    /// with it from the start, and among equals the first declared.
    pub fn under(mut self, prefix: &str) -> Link {
        self.under = Some(prefix.trim_end_matches('/').to_owned());
        self
    }

    /// Adds fields to the query, for a handler that takes them as [`Query<T>`](crate::Query).
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
            Err(error) => self.refuse(format!("the query cannot be written: {error}")),
        }
        self
    }

    /// Points at a part of the page: `#comments`.
    pub fn fragment(mut self, fragment: &str) -> Link {
        self.fragment = Some(utf8_percent_encode(fragment, NOT_IN_VALUES).to_string());
        self
    }

    /// The link behind a base, which stands in place of the prefixes of all groups:
    /// `https://example.com/api`.
    ///
    /// It needs no request and no application: for mails, jobs and tests.
    ///
    /// What a URI cannot hold is percent-encoded in the base too.
    ///
    /// # Errors
    /// A 500 where a value made no segment of a path, and where the host of the base is none: one
    /// beyond ASCII is written as `xn--…`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// #[get("/articles/{slug}")]
    /// async fn show(slug: String) {}
    ///
    /// assert_eq!(show::uri("über").at("https://example.com/api")?, "https://example.com/api/articles/%C3%BCber");
    /// # Ok::<(), trine::Problem>(())
    /// ```
    pub fn at(&self, base: &str) -> Result<Href, Problem> {
        let base = uri(base.trim_end_matches('/')).map_err(|mistake| self.problem(&mistake))?;
        self.complete(if base.is_empty() || self.path != "/" {
            format!("{base}{}", self.path)
        } else {
            base
        })
    }

    /// Puts query and fragment behind the whole path.
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
            "a link to the handler `{}` ({}): {mistake}",
            self.name, self.template
        ))
    }
}
