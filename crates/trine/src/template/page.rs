//! A template and the type of its context, bound to each other.

use std::marker::PhantomData;

use serde::Serialize;
use trine_core::extract::Head;
use trine_core::needs::Fault;
use trine_core::{Cx, FromRequest, Needs, Problem, Rejection};

use super::error::similar;
use super::{Rendered, Templates};

/// A struct that is the context of one template.
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Home { name: String }
///
/// impl trine::template::Template for Home {
///     const FILE: &'static str = "home.html";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the context of a template",
    label = "does not implement `Template`",
    note = "write `impl Template for {Self} {{ const FILE: &'static str = \"page.html\"; }}`"
)]
pub trait Template: Serialize {
    /// The name of the template: its path in the folder.
    const FILE: &'static str;
}

/// The page of a [`Template`], as an argument of the handler that renders it.
///
/// ```
/// use serde::Serialize;
/// use trine::prelude::*;
/// use trine::template::{Page, Rendered, Template, Templates};
///
/// #[derive(Serialize)]
/// struct Home { name: String }
///
/// impl Template for Home { const FILE: &'static str = "home.html"; }
///
/// async fn home(page: Page<Home>) -> Result<Rendered, Problem> {
///     page.render(&Home { name: "Ann".into() })
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let templates = Templates::embedded(&[("home.html", "Hello, {{ name }}!")]);
/// let client = App::new().state(templates).route("/", get(home)).test().await;
/// client.get("/").await.expect_text("Hello, Ann!").expect_header("content-type", "text/html; charset=utf-8");
/// # }
/// ```
///
/// The launch audit reports a page whose template is not there, with the place of the handler.
///
/// # Errors
/// As [`Templates`].
pub struct Page<T> {
    templates: Templates,
    context: PhantomData<fn(&T)>,
}

impl<T: Template> Page<T> {
    /// Renders the template.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn render(&self, context: &T) -> Result<Rendered, Problem> {
        self.templates.render(T::FILE, context)
    }
}

impl<T: Template> FromRequest for Page<T> {
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        Templates::needs(needs);
        needs.check(|states| {
            let names = states.get::<Templates>().and_then(|templates| templates.names().ok());
            match names {
                Some(names) if !names.iter().any(|name| name == T::FILE) => vec![Fault {
                    text: format!(
                        "the template `{}` of `{}` is not there{}",
                        T::FILE,
                        std::any::type_name::<T>(),
                        similar(T::FILE, &names)
                    ),
                    place: None,
                }],
                // Where there is no state, or no folder, that is the finding.
                _ => Vec::new(),
            }
        });
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        Ok(Page { templates: Templates::from_request(cx).await?, context: PhantomData })
    }
}

impl<T> std::fmt::Debug for Page<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("context", &std::any::type_name::<T>()).finish_non_exhaustive()
    }
}
