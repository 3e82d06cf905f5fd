//! All that is wrong with what a client sent, in one shape.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};
use trine_core::{IntoResponse, Problem, Rejection, Response};

use super::Place;

/// Where in a request a value stood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// In a body of JSON.
    #[default]
    Body,
    /// Among the fields of a form.
    Form,
    /// In the query.
    Query,
    /// In the path.
    Path,
    /// In a header field.
    Header,
}

/// One thing that is wrong: where, a stable code for programs, a message for people.
///
/// It is written as `{"in": "body", "pointer": "/user/email", "code": "email", "message": "…"}`;
/// outside a JSON body `"field": "tags[1]"` stands in place of the pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where in the request.
    pub location: Location,
    /// Where in the value.
    pub place: Place,
    /// What is wrong, in one stable word.
    pub code: Cow<'static, str>,
    /// What is wrong, in words.
    pub message: String,
}

/// Everything that is wrong with a value: what validation fills, and what a client gets as a 422.
///
/// ```
/// use trine::validation::FieldErrors;
///
/// let mut errors = FieldErrors::default();
/// errors.refuse("user.email", "taken", "has already been taken");
/// assert!(!errors.is_empty());
/// ```
///
/// As an answer it is a [`Problem`] with the member `errors`; at most 100 are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors {
    location: Location,
    errors: Vec<FieldError>,
    untold: usize,
}

/// How many errors are kept: a body of a million wrong elements must not become an answer of their
/// size.
const MOST: usize = 100;

impl FieldErrors {
    /// None yet, of values of this part of a request; `default()` is of a JSON body.
    #[must_use]
    pub fn of(location: Location) -> FieldErrors {
        FieldErrors { location, ..FieldErrors::default() }
    }

    /// Notes an error at a place such as `user.tags[1]`; an empty place is the value as a whole.
    pub fn refuse(
        &mut self,
        place: impl Into<Place>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        self.refuse_at(self.location, place.into(), code, message);
    }

    pub(crate) fn refuse_at(
        &mut self,
        location: Location,
        place: Place,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        match self.errors.len() < MOST {
            true => {
                let (code, message) = (code.into(), message.into());
                self.errors.push(FieldError { location, place, code, message });
            }
            false => self.untold += 1,
        }
    }

    /// Notes the errors of a value inside this one: their places are told from `place` on.
    ///
    /// ```
    /// use trine::validation::{FieldErrors, Validate};
    ///
    /// struct Envelope<T> { user: T }
    ///
    /// impl<T: Validate<Context = ()>> Validate for Envelope<T> {
    ///     type Context = ();
    ///
    ///     fn validate(&self, context: &(), errors: &mut FieldErrors) {
    ///         errors.inside("user", |errors| self.user.validate(context, errors));
    ///     }
    /// }
    /// ```
    pub fn inside(&mut self, place: impl Into<Place>, check: impl FnOnce(&mut FieldErrors)) {
        let outer = place.into();
        let mut inner = FieldErrors::of(self.location);
        check(&mut inner);
        self.untold += inner.untold;
        for error in inner.errors {
            self.refuse_at(error.location, error.place.inside(&outer), error.code, error.message);
        }
    }

    pub(crate) fn renamed(mut self, name: impl Fn(&Place) -> Place) -> FieldErrors {
        for error in &mut self.errors {
            error.place = name(&error.place);
        }
        self
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.errors.len() + self.untold
    }

    /// Those that are kept, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter()
    }

    /// Nothing, or itself.
    ///
    /// # Errors
    /// Itself, where anything is wrong.
    pub fn done(self) -> Result<(), FieldErrors> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The problem with another status, such as 400 for what is no value at all.
    pub(crate) fn problem(&self, status: StatusCode) -> Problem {
        let problem = Problem::new(status).detail(self.to_string());
        let errors: Vec<Value> = self.errors.iter().map(|error| json!(error)).collect();
        problem.with("errors", errors)
    }
}

impl Location {
    fn name(self) -> &'static str {
        match self {
            Location::Body => "body",
            Location::Form => "form",
            Location::Query => "query",
            Location::Path => "path",
            Location::Header => "header",
        }
    }
}

impl Serialize for FieldError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(4))?;
        object.serialize_entry("in", self.location.name())?;
        match self.location {
            Location::Body => object.serialize_entry("pointer", &self.place.pointer())?,
            Location::Form | Location::Query | Location::Path | Location::Header => {
                object.serialize_entry("field", &self.place.to_string())?;
            }
        }
        object.serialize_entry("code", &self.code)?;
        object.serialize_entry("message", &self.message)?;
        object.end()
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.location {
            Location::Body => self.place.path(),
            Location::Form | Location::Query | Location::Path | Location::Header => {
                self.place.to_string()
            }
        };
        let what = match (self.location, place.is_empty()) {
            (Location::Body, true) => "JSON",
            (Location::Body, false) => "JSON at",
            (Location::Form, true) => "form",
            (Location::Form, false) => "form field",
            (Location::Query, true) => "query",
            (Location::Query, false) => "query parameter",
            (Location::Path, true) => "path",
            (Location::Path, false) => "path parameter",
            (Location::Header, true) => "head",
            (Location::Header, false) => "header",
        };
        match place.is_empty() {
            true => write!(f, "{what}: {}", self.message),
            false => write!(f, "{what} `{place}`: {}", self.message),
        }
    }
}

/// One error in full; of several, how many, and the first.
impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.errors, self.len()) {
            ([], _) => f.write_str("nothing is wrong"),
            ([error, ..], 1) => error.fmt(f),
            ([error, ..], count) => write!(f, "{count} values are wrong; the first is {error}"),
        }
    }
}

impl std::error::Error for FieldErrors {}

/// 422, or 413 where all that is wrong is size.
impl From<FieldErrors> for Problem {
    fn from(errors: FieldErrors) -> Problem {
        let size = !errors.is_empty() && errors.iter().all(|error| error.code == "too_large");
        let status =
            if size { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::UNPROCESSABLE_ENTITY };
        errors.problem(status)
    }
}

impl From<FieldErrors> for Rejection {
    fn from(errors: FieldErrors) -> Rejection {
        Problem::from(errors).into()
    }
}

impl IntoResponse for FieldErrors {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
