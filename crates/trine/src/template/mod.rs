//! Pages from templates in the Jinja language ([`minijinja`]). Requires the feature `templates`.
//!
//! ```text
//! your-app/
//!   Cargo.toml
//!   src/main.rs
//!   templates/layout.html   <body>{% block body %}{% endblock %}</body>
//!   templates/home.html     {% extends "layout.html" %}
//!                           {% block body %}Hello, {{ name }}!{% endblock %}
//! ```
//!
//! ```
//! use serde::Serialize;
//! use trine::prelude::*;
//! use trine::template::{Page, Rendered, Template};
//!
//! #[derive(Serialize)]
//! struct Home { name: String }
//!
//! impl Template for Home { const FILE: &'static str = "home.html"; }
//!
//! #[get("/")]
//! async fn home(page: Page<Home>) -> Result<Rendered, Problem> {
//!     page.render(&Home { name: "Ann".into() })
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = App::new().state(trine::templates!("templates")).routes(routes![home]);
//! app.test().await.get("/").await.expect_text_contains("Hello, Ann!");
//! # }
//! ```
//!
//! In debug builds [`templates!`](crate::templates) reads the folder on disk, so that a change
//! takes effect with the next request. In release builds it embeds the folder in the program. The
//! launch audit reads every template and reports at once, before a socket opens, each template that
//! cannot be parsed, each include or parent that does not exist, and each [`Page`] without its
//! file.
//!
//! # Layout
//! - [`Templates`] is the state; [`Page`] and `Templates` itself are extractors; [`Rendered`] is
//!   the response
//! - `source` reads files, `check` does the part of the launch audit, `error` shows the line of a
//!   mistake, `form` is a form as templates see it, and `limits` bounds all of it

mod check;
mod error;
mod form;
mod limits;
mod page;
mod rendered;
mod source;

use std::path::PathBuf;
use std::sync::Arc;

pub use minijinja;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use trine_core::extract::Head;
use trine_core::{Cx, FromRequest, Needs, Problem, Rejection};

pub use self::error::TemplateError;
pub use self::limits::TemplateLimits;
pub use self::page::{Page, Template};
pub use self::rendered::Rendered;
use self::source::Source;

/// The templates of an application: a state, created by [`templates!`](crate::templates), and an
/// extractor.
///
/// ```
/// use serde_json::json;
/// use trine::template::Templates;
///
/// let templates = Templates::embedded(&[("hello.html", "Hello, {{ name }}!")]);
/// let page = templates.render("hello.html", json!({ "name": "<Ann>" })).unwrap();
/// assert_eq!(page.text(), "Hello, &lt;Ann&gt;!");
/// ```
///
/// - Values in `.html`, `.htm` and `.xml` files are escaped as HTML, those in `.json`, `.js` and
///   `.yml` files as JSON, and those in other files not at all. `{{ value|safe }}` is never
///   escaped.
/// - An undefined variable is an error, never empty text: write `{{ nick|default("") }}` for one
///   that may be missing.
/// - The name of a template is its path inside the folder, with `/`. Files outside of the folder
///   and names that start with a dot are never read.
///
/// # Limits
/// See [`TemplateLimits`]; all of them are finite.
///
/// # Errors
/// As an extractor, a 500 if the application has no templates; the launch audit reports that
/// earlier.
#[derive(Clone)]
pub struct Templates(Arc<Inner>);

struct Inner {
    environment: Environment<'static>,
    source: Source,
    limits: TemplateLimits,
}

impl Templates {
    /// The templates of a folder, read when they are used and again after they change. A relative
    /// path starts at the working directory.
    ///
    /// The launch audit reports mistakes in the folder.
    ///
    /// ```
    /// use trine::template::Templates;
    ///
    /// assert!(Templates::folder("templates").names()?.contains(&"home.html".to_owned()));
    /// # Ok::<(), trine::template::TemplateError>(())
    /// ```
    pub fn folder(path: impl Into<PathBuf>) -> Templates {
        Templates::new(Source::Folder(path.into()), TemplateLimits::default())
    }

    /// Templates that are part of the program, as pairs of name and text.
    ///
    /// ```
    /// use trine::template::Templates;
    ///
    /// let templates = Templates::embedded(&[("about.html", "About us"), ("home.html", "Hello!")]);
    /// assert_eq!(templates.names()?, ["about.html", "home.html"]);
    /// # Ok::<(), trine::template::TemplateError>(())
    /// ```
    #[must_use]
    pub fn embedded(files: &'static [(&'static str, &'static str)]) -> Templates {
        Templates::new(Source::Embedded(files), TemplateLimits::default())
    }

    fn new(source: Source, limits: TemplateLimits) -> Templates {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // So that errors contain the source of the template.
        environment.set_debug(true);
        set_limits(&mut environment, &source, &limits);
        Templates(Arc::new(Inner { environment, source, limits }))
    }

    /// Sets the limits.
    ///
    /// # Panics
    /// Panics if it has been cloned.
    #[must_use]
    #[track_caller]
    pub fn limits(mut self, limits: TemplateLimits) -> Templates {
        let inner = self.inner();
        set_limits(&mut inner.environment, &inner.source, &limits);
        inner.limits = limits;
        self
    }

    /// Adds filters, functions, tests and global values of [`minijinja`] that templates can use.
    ///
    /// ```
    /// use serde_json::json;
    /// use trine::template::Templates;
    ///
    /// let templates = Templates::embedded(&[("price.txt", "{{ site }}: {{ cents|euros }}")]).with(|environment| {
    ///     environment.add_global("site", "Corner shop");
    ///     environment.add_filter("euros", |cents: u64| format!("{}.{:02} €", cents / 100, cents % 100));
    /// });
    /// let price = templates.render("price.txt", json!({ "cents": 1999 })).unwrap();
    /// assert_eq!(price.text(), "Corner shop: 19.99 €");
    /// ```
    ///
    /// # Panics
    /// Panics if it has been cloned.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, change: impl FnOnce(&mut Environment<'static>)) -> Templates {
        change(&mut self.inner().environment);
        self
    }

    #[track_caller]
    fn inner(&mut self) -> &mut Inner {
        Arc::get_mut(&mut self.0)
            .expect("templates are configured before they are cloned or passed to `App::state`")
    }

    /// Renders a template with a context: a struct, a map, or `json!({ … })`.
    ///
    /// ```
    /// use serde_json::json;
    /// use trine::template::Templates;
    ///
    /// let templates = Templates::embedded(&[("todo.txt", "{{ todos|join(' and ') }}")]);
    /// let list = templates.render("todo.txt", json!({ "todos": ["milk", "bread"] }))?;
    /// assert_eq!(list.text(), "milk and bread");
    /// # Ok::<(), trine::Problem>(())
    /// ```
    ///
    /// # Errors
    /// A 500 if the template does not exist, contains a mistake, or exceeds a limit. Its source is
    /// a [`TemplateError`], which shows the line; it goes to the log, never to the client.
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<Rendered, Problem> {
        self.try_render(name, context).map_err(Problem::internal)
    }

    /// Renders a template as [`Templates::render`] does, and returns the error itself.
    ///
    /// # Errors
    /// The errors of [`Templates::render`].
    ///
    /// ```
    /// use trine::template::Templates;
    ///
    /// let templates = Templates::embedded(&[("home.html", "Hello, {{ name }}!")]);
    /// let error = templates.try_render("home.html", ()).unwrap_err();
    /// assert_eq!((error.name(), error.line()), ("home.html", Some(1)));
    /// ```
    pub fn try_render(
        &self,
        name: &str,
        context: impl Serialize,
    ) -> Result<Rendered, TemplateError> {
        let Inner { environment, limits, .. } = &*self.0;
        let mut output = rendered::Output::new(limits.output);
        let template = environment.get_template(name).map_err(|error| self.error(name, &error))?;
        match template.render_captured_to(Value::from(Serde(context)), &mut output) {
            Ok(_) => output.finish(name).map_err(|what| TemplateError::new(name, what)),
            Err(_) if output.is_full() => {
                let what = format!(
                    "it renders more than {} bytes (`TemplateLimits::output`)",
                    limits.output
                );
                Err(TemplateError::new(name, what))
            }
            Err(error) => Err(self.error(name, &error)),
        }
    }

    /// The names of all templates, sorted.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read or contains too many files.
    pub fn names(&self) -> Result<Vec<String>, TemplateError> {
        self.0.source.names(&self.0.limits)
    }

    fn error(&self, asked: &str, error: &minijinja::Error) -> TemplateError {
        TemplateError::of(asked, error, &self.names().unwrap_or_default(), &self.0.limits)
    }
}

fn set_limits(environment: &mut Environment<'static>, source: &Source, limits: &TemplateLimits) {
    environment.set_fuel(Some(limits.steps));
    environment.set_recursion_limit(limits.depth);
    let (source, limits) = (source.clone(), limits.clone());
    environment.set_loader(move |name| source.load(name, &limits));
}

impl FromRequest for Templates {
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        needs.state::<Templates>();
        needs.check(|states| {
            states.get::<Templates>().map_or_else(Vec::new, |templates| templates.check())
        });
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Templates::clone(&*cx.state::<Templates>()?))
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates")
            .field("source", &self.0.source)
            .field("limits", &self.0.limits)
            .finish()
    }
}
