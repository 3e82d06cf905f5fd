//! A form that goes back to its page: values, messages.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};
use trine_core::{Body, Cx, FromRequest, IntoResponse, Problem, Rejection, Response};

use super::{FromForm, name};
use crate::validation::{FieldError, FieldErrors, Place};

/// The texts that were sent, by name.
pub(crate) type Values = BTreeMap<String, Vec<String>>;

/// A form whose errors are the handler's affair: it has the value, or all that a page needs to ask
/// again.
///
/// ```
/// use trine::form::{Filled, Submitted};
/// use trine::prelude::*;
///
/// #[derive(FromForm)]
/// struct Signup { name: String, age: u8 }
///
/// #[post("/signup")]
/// async fn signup(mut form: Submitted<Signup>) -> trine::Result<Response> {
///     match form.value.take() {
///         Some(new) if new.name == "root" => form.form.refuse("name", "taken", "is taken"),
///         Some(_) => return Ok(Redirect::to("/welcome").into_response()),
///         None => {}
///     }
///     Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page(&form.form))).into_response())
/// }
///
/// fn page(form: &Filled) -> String {
///     let said: Vec<_> = form.errors("age").map(|error| error.message.as_str()).collect();
///     format!("<input name=age value={:?}> {}", form.value("age"), said.join(", "))
/// }
/// # #[trine::main]
/// # async fn main() {
/// let client = App::new().routes(routes![signup]).test().await;
/// let page = client.post("/signup").form(&[("name", "Ann"), ("age", "old")]).await;
/// assert!(page.text().contains("value=\"old\"> expected a whole number from 0 to 255"));
/// # }
/// ```
///
/// `Valid<Submitted<T>>` adds what validation finds to the same errors.
///
/// # Errors
/// What is no form at all is still refused: 400, 413, 415, and 422 past the limit of depth.
#[derive(Debug)]
pub struct Submitted<T> {
    /// The value, where nothing is wrong.
    pub value: Option<T>,
    /// What was filled in, and what is wrong with it.
    pub form: Filled,
}

impl<T: FromForm> FromRequest for Submitted<T> {
    type Reads = Body;

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let outcome = super::read(cx, true).await?;
        let form = Filled { values: outcome.kept, errors: outcome.errors };
        Ok(Submitted { value: outcome.value, form })
    }
}

/// A form as it was filled in: what its page shows again. [`Filled::default`] is the empty one, for
/// the first time.
///
/// Of the fields that the form knows it holds the texts; never a file, and never what is
/// `#[form(secret)]` or has `password` in its name.
///
/// In a template its functions are methods: `{{ form.value("name") }}`,
/// `{% for error in form.errors("age") %}`, `form.values(…)`, `form.has(…)`, `form.all_errors()`,
/// `form.is_refused()`. What was not sent is empty there and never undefined, so the empty form and
/// the one that comes back are one page. An error has `field`, `code` and `message`.
/// `form.values.name` and `form.errors.age` are the same lists.
///
/// Elsewhere, as in JSON, it serialises as
/// `{"values": {"name": ["Ann"]}, "errors": {"age": [{"code": "type", "message": "…"}]}}`.
#[derive(Debug, Clone, Default)]
pub struct Filled {
    values: Values,
    errors: FieldErrors,
}

impl Filled {
    /// The text of a field, as it was sent; empty where there is none.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.values(name).next().unwrap_or_default()
    }

    /// All texts of a field that repeats.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.get(&canonical(name)).into_iter().flatten().map(String::as_str)
    }

    /// Whether a field has this value among its own: whether an option was chosen, a box checked.
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.values(name).any(|sent| sent == value)
    }

    /// What is wrong with a field; the empty name is the form as a whole.
    pub fn errors(&self, name: &str) -> impl Iterator<Item = &FieldError> {
        let place = Place::parse(name);
        self.errors.iter().filter(move |error| error.place == place)
    }

    /// Everything that is wrong.
    pub fn all_errors(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter()
    }

    /// The names of the fields that were sent or are wrong.
    #[cfg(feature = "templates")]
    pub(crate) fn names(&self) -> std::collections::BTreeSet<String> {
        let wrong = self.errors.iter().map(|error| error.place.to_string());
        self.values.keys().cloned().chain(wrong).collect()
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Notes what the handler found wrong.
    pub fn refuse(
        &mut self,
        name: impl Into<Place>,
        code: impl Into<std::borrow::Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        self.errors.refuse_at(crate::validation::Location::Form, name.into(), code, message);
    }
}

fn canonical(name: &str) -> String {
    name::canonical(&name::keys(name))
}

/// The same for a program: what is wrong, without the values.
impl From<Filled> for Problem {
    fn from(form: Filled) -> Problem {
        form.errors.into()
    }
}

impl IntoResponse for Filled {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

impl Serialize for Filled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[cfg(feature = "templates")]
        if minijinja::value::serializing_for_value() {
            return crate::template::filled::value(self).serialize(serializer);
        }
        #[derive(Serialize)]
        struct Said<'a> {
            code: &'a str,
            message: &'a str,
        }
        let mut errors: BTreeMap<String, Vec<Said<'_>>> = BTreeMap::new();
        for error in self.errors.iter() {
            let said = Said { code: &error.code, message: &error.message };
            errors.entry(error.place.to_string()).or_default().push(said);
        }
        let mut form = serializer.serialize_struct("Filled", 2)?;
        form.serialize_field("values", &self.values)?;
        form.serialize_field("errors", &errors)?;
        form.end()
    }
}
