//! Binds a template to the type of its context.

use std::marker::PhantomData;

use serde::Serialize;
use trine_core::extract::Head;
use trine_core::needs::Fault;
use trine_core::{Cx, FromRequest, Needs, Problem, Rejection};

use super::error::not_found;
use super::{Rendered, Templates};

/// A struct that is the context of one template.
///
/// The launch audit checks that the template of each [`Page`] exists.
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
    /// The name of the template: its path inside the folder.
    const FILE: &'static str;
}

/// Renders the template of a context type: an extractor for the handler that returns the page.
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
/// let page = client.get("/").await;
/// page.expect_text("Hello, Ann!").expect_header("content-type", "text/html; charset=utf-8");
/// # }
/// ```
///
/// The launch audit reports a page whose template does not exist, with the location of the handler.
///
/// # Errors
/// The errors of [`Templates`].
pub struct Page<T> {
    templates: Templates,
    context: PhantomData<fn(&T)>,
}

impl<T: Template> Page<T> {
    /// Renders the template.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # use trine::template::{Page, Rendered, Template, Templates};
    /// #[derive(serde::Serialize)]
    /// struct Cart { items: u32 }
    ///
    /// impl Template for Cart { const FILE: &'static str = "cart.html"; }
    ///
    /// async fn cart(page: Page<Cart>) -> Result<Rendered, Problem> {
    ///     page.render(&Cart { items: 3 })
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let templates = Templates::embedded(&[("cart.html", "{{ items }} items")]);
    /// let client = App::new().state(templates).route("/", get(cart)).test().await;
    /// client.get("/").await.expect_text("3 items");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The errors of [`Templates::render`].
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
                        "`{}`: {}",
                        std::any::type_name::<T>(),
                        not_found(T::FILE, &names)
                    ),
                    place: None,
                }],
                // Missing state and a missing folder are findings of their own.
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
