//! Everything that is wrong with a value that a client sent, in one format.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};
use trine_core::{IntoResponse, Problem, Rejection, Response};

use super::FieldPath;

/// The part of a request that a value came from.
///
/// ```
/// use trine::validation::{FieldErrors, Location};
///
/// let mut errors = FieldErrors::of(Location::Header);
/// errors.refuse("x-version", "range", "is too old");
/// assert_eq!(errors.to_string(), "header `x-version` is too old");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A JSON body.
    #[default]
    Body,
    /// The fields of a form.
    Form,
    /// The query.
    Query,
    /// The path.
    Path,
    /// A header field.
    Header,
}

/// One invalid value: where it is, a stable code for programs, and a message for people.
///
/// It serializes as `{"in": "body", "pointer": "/user/email", "code": "email", "message": "…"}`.
/// Outside of a JSON body it has `"field": "tags[1]"` instead of the pointer.
///
/// ```
/// use trine::validation::{FieldErrors, Location};
///
/// let mut errors = FieldErrors::of(Location::Query);
/// errors.refuse("page", "range", "is too large");
/// let error = errors.iter().next().unwrap();
/// assert_eq!((error.path.to_string().as_str(), error.code.as_ref()), ("page", "range"));
/// assert_eq!(error.to_string(), "query parameter `page` is too large");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The part of the request.
    pub location: Location,
    /// The path of the field inside that part.
    pub path: FieldPath,
    /// What is wrong, as one stable word.
    pub code: Cow<'static, str>,
    /// What is wrong, in words.
    pub message: String,
}

/// Everything that is wrong with a value. Validation fills it, and the client receives it as a 422.
///
/// ```
/// use trine::prelude::*;
/// use trine::validation::FieldErrors;
///
/// let mut errors = FieldErrors::default();
/// errors.refuse("user.email", "taken", "has already been taken");
/// assert_eq!(errors.to_string(), "JSON at `user.email`: has already been taken");
/// assert_eq!(errors.into_response().status(), 422);
/// ```
///
/// The response is a [`Problem`] with the member `errors`, which lists at most 100 of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors {
    location: Location,
    errors: Vec<FieldError>,
    /// How many errors past the limit were only counted.
    dropped: usize,
}

/// The maximum number of errors that are kept: a body with a million wrong elements must not cause
/// a response of that size.
const MOST: usize = 100;

impl FieldErrors {
    /// An empty list for values in this part of a request; `default()` is for a JSON body.
    ///
    /// ```
    /// use trine::validation::{FieldErrors, Location};
    ///
    /// let mut errors = FieldErrors::of(Location::Path);
    /// errors.refuse("id", "range", "is too large");
    /// assert_eq!(errors.to_string(), "path parameter `id` is too large");
    /// ```
    #[must_use]
    pub fn of(location: Location) -> FieldErrors {
        FieldErrors { location, ..FieldErrors::default() }
    }

    /// Adds an error at a path such as `user.tags[1]`; an empty path is the value as a whole.
    ///
    /// ```
    /// use trine::validation::FieldErrors;
    ///
    /// let mut errors = FieldErrors::default();
    /// errors.refuse("user.tags[1]", "blank", "must not be blank");
    /// assert_eq!(errors.to_string(), "JSON at `user.tags[1]`: must not be blank");
    /// ```
    pub fn refuse(
        &mut self,
        path: impl Into<FieldPath>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        self.refuse_at(self.location, path.into(), code, message);
    }

    pub(crate) fn refuse_at(
        &mut self,
        location: Location,
        path: FieldPath,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        match self.errors.len() < MOST {
            true => {
                let (code, message) = (code.into(), message.into());
                self.errors.push(FieldError { location, path, code, message });
            }
            false => self.dropped += 1,
        }
    }

    /// Adds the errors of a value inside this one: their paths are prefixed with `path`.
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
    pub fn inside(&mut self, path: impl Into<FieldPath>, check: impl FnOnce(&mut FieldErrors)) {
        let outer = path.into();
        let mut inner = FieldErrors::of(self.location);
        check(&mut inner);
        self.dropped += inner.dropped;
        for error in inner.errors {
            self.refuse_at(error.location, error.path.inside(&outer), error.code, error.message);
        }
    }

    pub(crate) fn renamed(mut self, name: impl Fn(&FieldPath) -> FieldPath) -> FieldErrors {
        for error in &mut self.errors {
            error.path = name(&error.path);
        }
        self
    }

    /// Whether there are no errors.
    ///
    /// ```
    /// # use trine::validation::FieldErrors;
    /// let mut errors = FieldErrors::default();
    /// assert!(errors.is_empty());
    /// errors.refuse("", "order", "the end is before the start");
    /// assert!(!errors.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The number of errors, including those past the limit of 100.
    ///
    /// ```
    /// # use trine::validation::FieldErrors;
    /// let mut errors = FieldErrors::default();
    /// for index in 0..250 {
    ///     errors.refuse(&*format!("[{index}]"), "type", "is not a number");
    /// }
    /// assert_eq!((errors.len(), errors.iter().count()), (250, 100));
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.errors.len() + self.dropped
    }

    /// The first 100 errors, in the order in which they were added.
    ///
    /// ```
    /// # use trine::validation::FieldErrors;
    /// let mut errors = FieldErrors::default();
    /// errors.refuse("name", "blank", "must not be blank");
    /// errors.refuse("age", "range", "must be at least 18");
    /// let codes: Vec<_> = errors.iter().map(|error| error.code.as_ref()).collect();
    /// assert_eq!(codes, ["blank", "range"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter()
    }

    /// Returns `Ok(())` if there are no errors, and itself otherwise.
    ///
    /// # Errors
    /// Returns itself if it contains errors.
    ///
    /// ```
    /// use trine::validation::FieldErrors;
    ///
    /// let mut errors = FieldErrors::default();
    /// assert!(errors.clone().done().is_ok());
    /// errors.refuse("title", "blank", "must not be blank");
    /// assert_eq!(errors.done().unwrap_err().len(), 1);
    /// ```
    pub fn done(self) -> Result<(), FieldErrors> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The problem with another status, such as 400 for a body that cannot be parsed.
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
            Location::Body => object.serialize_entry("pointer", &self.path.pointer())?,
            Location::Form | Location::Query | Location::Path | Location::Header => {
                object.serialize_entry("field", &self.path.to_string())?;
            }
        }
        object.serialize_entry("code", &self.code)?;
        object.serialize_entry("message", &self.message)?;
        object.end()
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.location {
            Location::Body => self.path.json_path(),
            Location::Form | Location::Query | Location::Path | Location::Header => {
                self.path.to_string()
            }
        };
        let what = match (self.location, path.is_empty()) {
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
        let colon = if self.message.starts_with("is ") { "" } else { ":" };
        match path.is_empty() {
            true => write!(f, "{what}{colon} {}", self.message),
            false => write!(f, "{what} `{path}`{colon} {}", self.message),
        }
    }
}

/// A single error in full; otherwise their number and the first one.
impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.errors, self.len()) {
            ([], _) => f.write_str("there are no errors"),
            ([error, ..], 1) => error.fmt(f),
            ([error, ..], count) => write!(f, "{count} values are invalid; the first: {error}"),
        }
    }
}

impl std::error::Error for FieldErrors {}

/// 422, or 413 if every error is about size.
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
