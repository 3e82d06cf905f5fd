//! The extractor that checks the value of another extractor.

use std::any::{Any, TypeId};
use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use trine_core::{Cx, FromRequest, Needs, Rejection};

use super::{FieldErrors, FieldPath, Location, Validate, wire_names};
use crate::extract::{Form, Json, Path, Query};
use crate::form::{FromForm, Submitted};

/// Checks the value of another extractor with [`Validate`]: `Valid<Json<T>>`, `Valid<Form<T>>`,
/// `Valid<Query<T>>`, `Valid<Path<T>>` or `Valid<Submitted<T>>`.
///
/// ```
/// use serde::Deserialize;
/// use trine::prelude::*;
/// use trine::validation::{FieldErrors, Validate};
///
/// #[derive(Deserialize)]
/// struct NewTodo { title: String }
///
/// impl Validate for NewTodo {
///     type Context = ();
///
///     fn validate(&self, _: &(), errors: &mut FieldErrors) {
///         if self.title.trim().is_empty() {
///             errors.refuse("title", "blank", "must say something");
///         }
///     }
/// }
///
/// async fn create(Valid(Json(todo)): Valid<Json<NewTodo>>) -> String {
///     todo.title
/// }
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().route("/todos", post(create)).test().await;
/// let response = client.post("/todos").json(&serde_json::json!({ "title": " " })).await;
/// response.expect_problem(422);
/// # }
/// ```
///
/// # Errors
/// The errors of the inner extractor; then a 422 with all [`FieldErrors`]. A context other than
/// `()` is taken from the application's state; the launch audit reports if it is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Valid<E>(pub E);

/// An extractor whose value can be checked by [`Valid`]. Implement it for an extractor of your own:
///
/// ```
/// use trine::prelude::*;
/// use trine::validation::{Checked, FieldErrors, Location, Valid, Validate};
///
/// struct Page(u32);
///
/// impl FromRequest for Page {
///     type Reads = Head;
///
///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
///         let page = cx.headers().get("x-page").and_then(|page| page.to_str().ok()?.parse().ok());
///         Ok(Page(page.unwrap_or(1)))
///     }
/// }
///
/// impl Validate for Page {
///     type Context = ();
///
///     fn validate(&self, _: &(), errors: &mut FieldErrors) {
///         if self.0 > 100 {
///             errors.refuse("x-page", "range", "must be at most 100");
///         }
///     }
/// }
///
/// impl Checked for Page {
///     type Value = Page;
///     const LOCATION: Location = Location::Header;
///
///     fn value(&self) -> Option<&Page> { Some(self) }
/// }
///
/// # #[trine::main]
/// # async fn main() {
/// let handler = async |Valid(page): Valid<Page>| page.0.to_string();
/// let client = App::new().route("/", get(handler)).test().await;
/// client.get("/").header("x-page", "7").await.expect_text("7");
/// client.get("/").header("x-page", "101").await.expect_problem(422);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`Valid` cannot check what `{Self}` reads",
    label = "does not implement `Checked`",
    note = "it checks `Json<T>`, `Form<T>`, `Query<T>`, `Path<T>` and `Submitted<T>`: write `Valid<Json<{Self}>>`"
)]
pub trait Checked: FromRequest {
    /// The type that is checked.
    type Value: Validate;

    /// The part of the request that the value comes from.
    const LOCATION: Location;

    /// The value, if one was read.
    fn value(&self) -> Option<&Self::Value>;

    /// Translates a path of Rust field names to the names that clients send.
    fn sent_as(path: &FieldPath) -> FieldPath {
        path.clone()
    }

    /// Handles the errors: rejects the request, unless the extractor passes them to the handler.
    ///
    /// # Errors
    /// The rejection that reports them.
    fn refused(self, errors: FieldErrors) -> Result<Self, Rejection> {
        Err(errors.into())
    }
}

impl<E: Checked> FromRequest for Valid<E> {
    type Reads = E::Reads;

    fn needs(needs: &mut Needs) {
        E::needs(needs);
        if TypeId::of::<Context<E>>() != TypeId::of::<()>() {
            needs.state::<Context<E>>();
        }
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let extracted = E::from_request(cx).await?;
        let mut errors = FieldErrors::of(E::LOCATION);
        if let Some(value) = extracted.value() {
            match (&() as &dyn Any).downcast_ref::<Context<E>>() {
                Some(unit) => value.validate(unit, &mut errors),
                None => value.validate(&*cx.state::<Context<E>>()?, &mut errors),
            }
        }
        if errors.is_empty() {
            return Ok(Valid(extracted));
        }
        extracted.refused(errors.renamed(E::sent_as)).map(Valid)
    }
}

type Context<E> = <<E as Checked>::Value as Validate>::Context;

macro_rules! checked {
    ($($name:ident: $bound:ident, $location:ident, $sent_as:path;)*) => {$(
        impl<T: $bound + Send + Validate> Checked for $name<T> {
            type Value = T;
            const LOCATION: Location = Location::$location;

            fn value(&self) -> Option<&T> {
                Some(&self.0)
            }

            fn sent_as(path: &FieldPath) -> FieldPath {
                $sent_as(path)
            }
        }
    )*};
}

checked! {
    Json: DeserializeOwned, Body, wire_names::path::<T>;
    Form: FromForm, Form, form_path::<T>;
    Query: DeserializeOwned, Query, wire_names::path::<T>;
    Path: DeserializeOwned, Path, wire_names::path::<T>;
}

fn form_path<T: FromForm>(path: &FieldPath) -> FieldPath {
    let keys: Vec<&str> = path.keys().collect();
    let mut names = Vec::new();
    T::names(&keys, &mut names);
    names.into_iter().fold(FieldPath::root(), FieldPath::child)
}

/// The errors are added to those of the form, and the handler decides what to do.
impl<T: FromForm + Validate> Checked for Submitted<T> {
    type Value = T;
    const LOCATION: Location = Location::Form;

    fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    fn sent_as(path: &FieldPath) -> FieldPath {
        form_path::<T>(path)
    }

    fn refused(mut self, errors: FieldErrors) -> Result<Self, Rejection> {
        self.value = None;
        for error in errors.iter() {
            self.form.refuse(error.path.clone(), error.code.clone(), &*error.message);
        }
        Ok(self)
    }
}

impl<E> Deref for Valid<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.0
    }
}

impl<E> DerefMut for Valid<E> {
    fn deref_mut(&mut self) -> &mut E {
        &mut self.0
    }
}
