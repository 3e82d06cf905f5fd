//! The extractor around extractors.

use std::any::{Any, TypeId};
use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use trine_core::{Cx, FromRequest, Needs, Rejection};

use super::{FieldErrors, Location, Place, Validate, wire};
use crate::extract::{Form, Json, Path, Query};
use crate::form::{FromForm, Submitted};

/// What another extractor read, checked by [`Validate`]: `Valid<Json<T>>`, `Valid<Form<T>>`,
/// `Valid<Query<T>>`, `Valid<Path<T>>`, `Valid<Submitted<T>>`.
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
/// let refused = client.post("/todos").json(&[("title", " ")].into_iter().collect::<std::collections::BTreeMap<_, _>>()).await;
/// refused.expect_status(422);
/// # }
/// ```
///
/// # Errors
/// What the extractor refuses; then a 422 with everything that is wrong, as [`FieldErrors`] writes
/// it. A context other than `()` is taken from the state of the application, and the launch audit
/// asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Valid<E>(pub E);

/// An extractor whose value can be checked by [`Valid`].
#[diagnostic::on_unimplemented(
    message = "`Valid` cannot check what `{Self}` reads",
    label = "does not implement `Checked`",
    note = "it checks `Json<T>`, `Form<T>`, `Query<T>`, `Path<T>` and `Submitted<T>`: write `Valid<Json<{Self}>>`"
)]
pub trait Checked: FromRequest {
    /// What is checked.
    type Value: Validate;

    /// Where in the request it stands.
    const LOCATION: Location;

    /// The value, where one was read.
    fn value(&self) -> Option<&Self::Value>;

    /// A place in the value, which Rust names, by the names that clients send.
    fn sent_as(place: &Place) -> Place {
        place.clone()
    }

    /// What becomes of errors: an answer, unless the extractor hands them to the handler.
    ///
    /// # Errors
    /// The rejection that tells them.
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
                Some(nothing) => value.validate(nothing, &mut errors),
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

            fn sent_as(place: &Place) -> Place {
                $sent_as(place)
            }
        }
    )*};
}

checked! {
    Json: DeserializeOwned, Body, wire::place::<T>;
    Form: FromForm, Form, form_place::<T>;
    Query: DeserializeOwned, Query, wire::place::<T>;
    Path: DeserializeOwned, Path, wire::place::<T>;
}

fn form_place<T: FromForm>(place: &Place) -> Place {
    let keys: Vec<&str> = place.keys().collect();
    let mut names = Vec::new();
    T::names(&keys, &mut names);
    names.into_iter().fold(Place::whole(), Place::then)
}

/// The errors go to those of the form, and the handler decides.
impl<T: FromForm + Validate> Checked for Submitted<T> {
    type Value = T;
    const LOCATION: Location = Location::Form;

    fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    fn sent_as(place: &Place) -> Place {
        form_place::<T>(place)
    }

    fn refused(mut self, errors: FieldErrors) -> Result<Self, Rejection> {
        self.value = None;
        for error in errors.iter() {
            self.form.refuse(error.place.clone(), error.code.clone(), &*error.message);
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
