//! Pages from templates, in the language of Jinja ([`minijinja`]). Feature `templates`.
//!
//! ```text
//! your-app/
//!   Cargo.toml
//!   src/main.rs
//!   templates/layout.html   <title>{% block title %}{% endblock %}</title>{% block body %}{% endblock %}
//!   templates/home.html     {% extends "layout.html" %}{% block body %}Hello, {{ name }}!{% endblock %}
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
//! [`templates!`](crate::templates) reads the folder on disk in debug builds, so that a change
//! shows with the next request, and embeds it in release builds. The launch audit reads every
//! template: what cannot be parsed, what includes or extends a file that is not there, and a
//! [`Page`] without its file are all reported at once, each with its line, before a socket opens.
//!
//! # Layout
//! [`Templates`] is the state, [`Page`] and `Templates` itself are extractors, [`Rendered`] is the
//! answer; `source` reads files, `check` is the part of the audit, `error` shows the line; `filled`
//! is a form in a template.

mod check;
mod error;
pub(crate) mod filled;
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
pub use self::page::{Page, Template};
pub use self::rendered::Rendered;
use self::source::Source;

/// The templates of an application: a state, made by [`templates!`](crate::templates), and an
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
/// - What is put into `.html`, `.htm` and `.xml` is escaped as HTML, into `.json`, `.js` and `.yml`
///   as JSON, and not at all into other files. `{{ value|safe }}` is not escaped.
/// - A variable that is not there is an error, never an empty text: write `{{ nick|default("") }}`
///   where it may be missing.
/// - A name is a path inside the folder, with `/`; nothing outside of it and nothing that begins
///   with a dot is read.
///
/// # Limits
/// [`TemplateLimits`], all finite.
///
/// # Errors
/// As an extractor: a 500 when the application holds none; the launch audit reports it before.
#[derive(Clone)]
pub struct Templates(Arc<Inner>);

struct Inner {
    environment: Environment<'static>,
    source: Source,
    limits: TemplateLimits,
}

/// How much a template may take. Where one is passed, rendering fails with a 500 whose log names
/// the template.
#[derive(Debug, Clone)]
pub struct TemplateLimits {
    /// Steps of one rendering, so that a loop over a loop ends. Default: 5,000,000; a turn of a
    /// loop that writes a value takes about seven.
    pub steps: u64,
    /// How deep blocks, loops, macros and includes may lie in each other; an include counts ten.
    /// Default and most: 500.
    pub depth: usize,
    /// Bytes that one rendering may write. Default: 8 MiB.
    pub output: usize,
    /// Bytes of one template. Default: 1 MiB.
    pub source: u64,
    /// Files of a folder. Default: 10,000.
    pub files: usize,
}

impl Default for TemplateLimits {
    fn default() -> TemplateLimits {
        TemplateLimits {
            steps: 5_000_000,
            depth: 500,
            output: 8 * 1024 * 1024,
            source: 1024 * 1024,
            files: 10_000,
        }
    }
}

impl Templates {
    /// Templates of a folder, read when they are used, and again when they have changed. A path
    /// that does not begin with `/` starts at the working directory.
    ///
    /// What is wrong with the folder is told by the launch audit.
    pub fn folder(path: impl Into<PathBuf>) -> Templates {
        Templates::new(Source::Folder(path.into()), TemplateLimits::default())
    }

    /// Templates that are part of the program, as pairs of a name and a text.
    #[must_use]
    pub fn embedded(files: &'static [(&'static str, &'static str)]) -> Templates {
        Templates::new(Source::Embedded(files), TemplateLimits::default())
    }

    fn new(source: Source, limits: TemplateLimits) -> Templates {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Errors then carry the text around them.
        environment.set_debug(true);
        set_limits(&mut environment, &source, &limits);
        Templates(Arc::new(Inner { environment, source, limits }))
    }

    /// Sets the limits.
    ///
    /// # Panics
    /// When it was cloned before.
    #[must_use]
    #[track_caller]
    pub fn limits(mut self, limits: TemplateLimits) -> Templates {
        let inner = self.inner();
        set_limits(&mut inner.environment, &inner.source, &limits);
        inner.limits = limits;
        self
    }

    /// Adds what templates can use: filters, functions, tests and global values of [`minijinja`].
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
    /// When it was cloned before.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, change: impl FnOnce(&mut Environment<'static>)) -> Templates {
        change(&mut self.inner().environment);
        self
    }

    #[track_caller]
    fn inner(&mut self) -> &mut Inner {
        Arc::get_mut(&mut self.0)
            .expect("templates are changed before they are cloned or given to `App::state`")
    }

    /// Renders a template with a context: a struct, a map, or `json!({ … })`.
    ///
    /// # Errors
    /// A 500 where the template is not there, has a mistake, or passes a limit. The error behind it
    /// is a [`TemplateError`], which shows the line; it goes to the log, never to the client.
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<Rendered, Problem> {
        self.try_render(name, context).map_err(Problem::internal)
    }

    /// The same, with the error itself.
    ///
    /// # Errors
    /// As [`Templates::render`].
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
                    "it writes more than {} bytes (`TemplateLimits::output`)",
                    limits.output
                );
                Err(TemplateError::new(name, what))
            }
            Err(error) => Err(self.error(name, &error)),
        }
    }

    /// The names of all templates, in order.
    ///
    /// # Errors
    /// Where the folder cannot be read or holds too many files.
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
