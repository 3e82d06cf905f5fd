//! A form as it was filled in, to be shown again.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};
use trine_core::{IntoResponse, Problem, Response};

use super::name;
use crate::validation::{FieldError, FieldErrors, FieldPath, Location};

/// The submitted texts by field name.
pub(crate) type Texts = BTreeMap<String, Vec<String>>;

/// A form as it was filled in, for the page that shows it again. [`Filled::default`] is the empty
/// form, for the first time.
///
/// ```
/// use trine::form::Filled;
///
/// let mut form = Filled::default();
/// assert_eq!(form.value("name"), "");
/// form.refuse("name", "taken", "is taken");
/// assert_eq!(form.errors("name").next().unwrap().message, "is taken");
/// ```
///
/// It contains the texts of the fields that the form declares. It never contains a file, nor a
/// field that is `#[form(secret)]` or has `password` in its name.
///
/// In a template, its functions are methods: `{{ form.value("name") }}`,
/// `{% for error in form.errors("age") %}`, `form.values(…)`, `form.has(…)`, `form.all_errors()`
/// and `form.is_refused()`. A field that was not sent is empty there, never undefined, so that one
/// template serves both the empty and the refused form. An error has `field`, `code` and
/// `message`. `form.values.name` and `form.errors.age` are the same lists.
///
/// In other formats such as JSON it serializes as
/// `{"values": {"name": ["Ann"]}, "errors": {"age": [{"code": "type", "message": "…"}]}}`.
#[derive(Debug, Clone, Default)]
pub struct Filled {
    values: Texts,
    errors: FieldErrors,
}

impl Filled {
    pub(super) fn new(values: Texts, errors: FieldErrors) -> Filled {
        Filled { values, errors }
    }

    /// The text of a field as it was sent; empty if it was not sent.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[derive(FromForm)]
    /// struct Order { count: u8 }
    ///
    /// async fn order(order: Submitted<Order>) -> String {
    ///     order.form.value("count").to_owned()
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(order)).test().await;
    /// client.post("/").form(&[("count", "many")]).await.expect_text("many");
    /// # }
    /// ```
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.values(name).next().unwrap_or_default()
    }

    /// All texts of a repeated field.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[derive(FromForm)]
    /// struct Order { tag: Vec<String> }
    ///
    /// async fn order(order: Submitted<Order>) -> String {
    ///     order.form.values("tag").collect::<Vec<_>>().join(", ")
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(order)).test().await;
    /// client.post("/").form(&[("tag", "a"), ("tag", "b")]).await.expect_text("a, b");
    /// # }
    /// ```
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.get(&canonical(name)).into_iter().flatten().map(String::as_str)
    }

    /// Whether this value is among those of a field: whether an option was chosen or a box checked.
    ///
    /// ```
    /// use trine::prelude::*;
    ///
    /// #[derive(FromForm)]
    /// struct Order { size: String }
    ///
    /// async fn order(order: Submitted<Order>) -> String {
    ///     let checked = |size| order.form.has("size", size);
    ///     format!("small: {}, large: {}", checked("small"), checked("large"))
    /// }
    ///
    /// # #[trine::main]
    /// # async fn main() {
    /// let client = App::new().route("/", post(order)).test().await;
    /// client.post("/").form(&[("size", "large")]).await.expect_text("small: false, large: true");
    /// # }
    /// ```
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.values(name).any(|sent| sent == value)
    }

    /// The errors of a field; the empty name stands for the form as a whole.
    ///
    /// ```
    /// # use trine::form::Filled;
    /// let mut form = Filled::default();
    /// form.refuse("age", "range", "must be at least 18");
    /// assert_eq!(form.errors("age").next().unwrap().code, "range");
    /// assert_eq!(form.errors("name").count(), 0);
    /// ```
    pub fn errors(&self, name: &str) -> impl Iterator<Item = &FieldError> {
        let path = FieldPath::parse(name);
        self.errors.iter().filter(move |error| error.path == path)
    }

    /// All errors.
    ///
    /// ```
    /// # use trine::form::Filled;
    /// let mut form = Filled::default();
    /// form.refuse("name", "taken", "is taken");
    /// form.refuse("", "closed", "the signup is closed");
    /// assert_eq!(form.all_errors().count(), 2);
    /// ```
    pub fn all_errors(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter()
    }

    /// The names of the fields that were sent or have errors.
    #[cfg(feature = "templates")]
    pub(crate) fn names(&self) -> std::collections::BTreeSet<String> {
        let with_errors = self.errors.iter().map(|error| error.path.to_string());
        self.values.keys().cloned().chain(with_errors).collect()
    }

    /// Whether there are any errors.
    ///
    /// ```
    /// # use trine::form::Filled;
    /// let mut form = Filled::default();
    /// assert!(!form.is_refused());
    /// form.refuse("name", "taken", "is taken");
    /// assert!(form.is_refused());
    /// ```
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Adds an error that the handler found.
    ///
    /// ```
    /// # use trine::form::Filled;
    /// let mut form = Filled::default();
    /// form.refuse("address.city", "unknown", "is not a city we deliver to");
    /// let error = form.errors("address.city").next().unwrap();
    /// assert_eq!(error.message, "is not a city we deliver to");
    /// ```
    pub fn refuse(
        &mut self,
        name: impl Into<FieldPath>,
        code: impl Into<std::borrow::Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        self.errors.refuse_at(Location::Form, name.into(), code, message);
    }
}

fn canonical(name: &str) -> String {
    name::canonical(&name::keys(name))
}

/// The errors as a problem, without the values: the response for a program instead of a page.
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
            return minijinja::Value::from_object(self.clone()).serialize(serializer);
        }
        #[derive(Serialize)]
        struct CodeAndMessage<'a> {
            code: &'a str,
            message: &'a str,
        }
        let mut errors: BTreeMap<String, Vec<CodeAndMessage<'_>>> = BTreeMap::new();
        for error in self.errors.iter() {
            let error_of_field = CodeAndMessage { code: &error.code, message: &error.message };
            errors.entry(error.path.to_string()).or_default().push(error_of_field);
        }
        let mut form = serializer.serialize_struct("Filled", 2)?;
        form.serialize_field("values", &self.values)?;
        form.serialize_field("errors", &errors)?;
        form.end()
    }
}
