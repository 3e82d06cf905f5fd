//! A single value of a path, a query or a header field.
//!
//! # Layout
//! - this file: the trait [`FromParam`]; `kinds`: its implementations for types of the standard
//!   library; `scalars`: the table of texts and values behind them
//! - `values`: all values of one name; `path_text`: texts that are dangerous as file paths
//! - `to_param`: from a value to text, for links

mod kinds;
mod path_text;
#[doc(hidden)]
pub mod scalars;
pub mod to_param;
mod values;

use std::borrow::Cow;
use std::future::Future;

use serde_json::{Value, json};

pub use self::path_text::{ANY_TEXT, AnyText, clean_path, hazard};
pub use self::to_param::{LinkArg, ToParam};
pub use self::values::{Values, decode, is_encoded};
use crate::param::scalars::{Misread, Scalar};
use crate::{Cx, Needs, Problem, Rejection};

/// A type that a single value of the path, the query or a header field is parsed into:
/// `/users/{id}`, `?{page}`.
///
/// It sees the request and may wait, so that a value can be looked up by its id. The extractors of
/// the head have run before, so a client without permission is refused before anything is looked
/// up. [`FromParam::from_values`] decides about absent and repeated values of a query: `Option<T>`
/// accepts none, `Vec<T>` any number, and all other types exactly one. How a text becomes a number,
/// a `bool` or an absent value is the same for all parts of a request; `guide/extraction.md` has
/// the table.
///
/// ```
/// use trine_core::{Cx, FromParam, Param, Rejection};
///
/// struct Slug(String);
///
/// impl FromParam for Slug {
///     async fn from_param(param: Param<'_>, _cx: &Cx) -> Result<Self, Rejection> {
///         match param.value.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
///             true => Ok(Slug(param.value.into_owned())),
///             false => Err(param.expected("lower-case letters and dashes")),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value of the path or the query",
    label = "does not implement `FromParam`",
    note = "text, numbers, `bool`, `char` and addresses do; so do `Option<T>` and `Vec<T>` of them",
    note = "for a type of your own, derive or implement `trine::FromParam`",
    note = "to read the whole query into a struct, take an argument `Query<…>` and do not name it in the template"
)]
pub trait FromParam: Sized + Send {
    /// Whether any text of a path is accepted. Otherwise a text with an encoded `/`, a `\`, a NUL
    /// or a segment of dots is refused before it is parsed: see [`AnyText`].
    const ANY_TEXT: bool = false;

    /// Declares what the application must provide, which the launch audit checks. See
    /// [`FromRequest::needs`](crate::FromRequest::needs).
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }

    /// Parses the percent-decoded text of a path segment, or of one value of the query.
    ///
    /// # Errors
    /// The [`Rejection`], which becomes the response. [`Param::expected`] makes the usual one.
    fn from_param(
        param: Param<'_>,
        cx: &Cx,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send;

    /// Parses all values of one name in the query. The default expects exactly one.
    ///
    /// # Errors
    /// The [`Rejection`], which becomes the response.
    fn from_values(
        values: Values<'_>,
        cx: &Cx,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send {
        async move { Self::from_param(values.one()?, cx).await }
    }

    /// Handles a text of a path that was refused before it was parsed.
    #[doc(hidden)]
    fn refused(rejection: Rejection) -> Result<Self, Rejection> {
        Err(rejection)
    }
}

/// One value with its name and location, which an error can report.
///
/// ```
/// use trine_core::param::{Param, ParamLocation};
/// use trine_core::Rejection;
///
/// let location = ParamLocation::Query;
/// let param = Param { name: "page", location, value: "two".into() };
/// let Rejection::Problem(problem) = param.expected("a number") else { panic!() };
/// let detail = problem.detail_text().unwrap();
/// assert_eq!(detail, "query parameter `page`: expected a number, got `two`");
/// ```
#[derive(Debug, Clone)]
pub struct Param<'a> {
    /// The name in the template.
    pub name: &'a str,
    /// The part of the request with the value.
    pub location: ParamLocation,
    /// The text, percent-decoded.
    pub value: Cow<'a, str>,
}

/// The part of a request that a value is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamLocation {
    /// The path.
    Path,
    /// The query.
    Query,
    /// A header field.
    Header,
}

impl Param<'_> {
    /// A 400 that says what was expected and what was received. An empty value is reported as
    /// missing. The value of a header field is not quoted, because it may be a secret.
    ///
    /// ```
    /// use trine_core::param::{Param, ParamLocation};
    /// use trine_core::Rejection;
    ///
    /// let param = Param { name: "page", location: ParamLocation::Query, value: "".into() };
    /// let Rejection::Problem(problem) = param.expected("a number") else { panic!() };
    /// assert_eq!(problem.detail_text(), Some("query parameter `page` is missing"));
    /// ```
    #[must_use]
    pub fn expected(&self, expected: &str) -> Rejection {
        if self.value.is_empty() {
            return missing(self.location, self.name).into();
        }
        let message = format!("expected {expected}{}", self.got());
        let problem = self.location.refuse(self.name, "type", &message);
        self.quoted(problem.with("expected", expected))
    }

    /// A 400 that lists the known values, and suggests one that differs by a single edit.
    ///
    /// ```
    /// use trine_core::param::{Param, ParamLocation};
    /// use trine_core::Rejection;
    ///
    /// let location = ParamLocation::Query;
    /// let param = Param { name: "order", location, value: "dsc".into() };
    /// let Rejection::Problem(problem) = param.expected_one_of(&["asc", "desc"]) else { panic!() };
    /// assert!(problem.detail_text().unwrap().ends_with("got `dsc`; did you mean `asc`?"));
    /// ```
    #[must_use]
    pub fn expected_one_of(&self, known: &[&str]) -> Rejection {
        if self.value.is_empty() {
            return missing(self.location, self.name).into();
        }
        let listed: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
        let near = known.iter().find(|known| one_edit_apart(known, &self.value));
        let expected = match &*listed {
            [one] => one.clone(),
            all => format!("one of {}", all.join(", ")),
        };
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let message = format!("expected {expected}{}{hint}", self.got());
        let problem = self.location.refuse(self.name, "choice", &message);
        self.quoted(problem.with("expected", known))
    }

    /// The received value, for a message. A header field is not quoted: it may be a secret, and
    /// other people read responses and logs.
    #[doc(hidden)]
    #[must_use]
    pub fn got(&self) -> String {
        match self.location {
            ParamLocation::Header => String::new(),
            ParamLocation::Path | ParamLocation::Query => format!(", got `{}`", clip(&self.value)),
        }
    }

    fn quoted(&self, problem: Problem) -> Rejection {
        match self.location {
            ParamLocation::Header => problem.into(),
            ParamLocation::Path | ParamLocation::Query => problem.with("got", &*self.value).into(),
        }
    }

    /// A 400 for another reason, with a stable code for programs and a message for people. Its
    /// member `errors` states the location, as for every invalid value of a request.
    ///
    /// ```
    /// use trine_core::param::{Param, ParamLocation};
    /// use trine_core::Rejection;
    ///
    /// let param = Param { name: "slug", location: ParamLocation::Path, value: "new".into() };
    /// let Rejection::Problem(problem) = param.refuse("reserved", "is reserved") else { panic!() };
    /// assert_eq!(problem.detail_text(), Some("path parameter `slug` is reserved"));
    /// assert_eq!(problem.member("errors").unwrap()[0]["code"], "reserved");
    /// ```
    #[must_use]
    pub fn refuse(&self, code: &str, message: &str) -> Rejection {
        self.location.refuse(self.name, code, message).into()
    }

    /// A value of a scalar type. In a path the text must have no surrounding space, so that each
    /// value has one spelling.
    fn scalar<T: Scalar>(&self) -> Result<T, Rejection> {
        let read = match self.location {
            ParamLocation::Path => T::of(&self.value).ok_or(Misread::Expected(T::EXPECTED)),
            ParamLocation::Query | ParamLocation::Header => {
                crate::param::scalars::read(&self.value)
            }
        };
        read.map_err(|misread| match misread {
            Misread::Missing => missing(self.location, self.name).into(),
            Misread::Expected(expected) => self.expected(expected),
        })
    }
}

/// Whether two texts differ by one edit: an inserted, removed or replaced character, or two swapped
/// neighbours. The case is ignored.
fn one_edit_apart(a: &str, b: &str) -> bool {
    let fold = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (a, b) = (fold(a), fold(b));
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 if long.len() >= 2 && short[..2] == [long[1], long[0]] => short[2..] == long[2..],
        0 => short.get(1..).unwrap_or_default() == long.get(1..).unwrap_or_default(),
        1 => short == &long[1..],
        _ => false,
    }
}

impl ParamLocation {
    /// A 400 for a value in this location. Its member `errors` has the same form for every invalid
    /// value of a request.
    ///
    /// ```
    /// use trine_core::param::ParamLocation;
    ///
    /// let problem = ParamLocation::Header.refuse("x-rows", "missing", "is missing");
    /// assert_eq!(problem.detail_text(), Some("header `x-rows` is missing"));
    /// ```
    #[must_use]
    pub fn refuse(self, name: &str, code: &str, message: &str) -> Problem {
        let colon = if message.starts_with("is ") { "" } else { ":" };
        let detail = format!("{} `{name}`{colon} {message}", self.what());
        let errors = self.errors(name, code, message);
        Problem::bad_request(detail).with(self.what_member(), name).with("errors", errors)
    }

    /// The member `errors`, for a problem with another status or another detail.
    ///
    /// ```
    /// use trine_core::param::ParamLocation;
    ///
    /// let errors = ParamLocation::Query.errors("page", "range", "expected 1 to 9");
    /// assert_eq!(errors[0]["in"], "query");
    /// assert_eq!(errors[0]["field"], "page");
    /// ```
    #[must_use]
    pub fn errors(self, name: &str, code: &str, message: &str) -> Value {
        json!([{ "in": self.name(), "field": name, "code": code, "message": message }])
    }

    fn name(self) -> &'static str {
        match self {
            ParamLocation::Path => "path",
            ParamLocation::Query => "query",
            ParamLocation::Header => "header",
        }
    }

    fn what(self) -> &'static str {
        match self {
            ParamLocation::Path => "path parameter",
            ParamLocation::Query => "query parameter",
            ParamLocation::Header => "header",
        }
    }

    fn what_member(self) -> &'static str {
        match self {
            ParamLocation::Path | ParamLocation::Query => "parameter",
            ParamLocation::Header => "header",
        }
    }
}

#[cold]
fn missing(location: ParamLocation, name: &str) -> Problem {
    location.refuse(name, "missing", "is missing")
}

/// Shortens a text of the client for a message: it may be as large as a request head.
#[doc(hidden)]
#[must_use]
pub fn clip(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 400;
    if text.len() <= LONGEST {
        text.into()
    } else {
        format!("{}…", &text[..text.floor_char_boundary(LONGEST)]).into()
    }
}

/// The path parameter at `index` of the handler's own template. The prefixes of its groups do not
/// count.
///
/// # Errors
/// The errors of [`FromParam::from_param`]. A 400 if the text is not UTF-8, or if it could lead out
/// of a directory (see [`AnyText`]).
pub async fn from_path<T: FromParam>(name: &str, index: usize, cx: &Cx) -> Result<T, Rejection> {
    let before = cx.route().map_or(0, |route| route.prefix_params);
    let value = match cx.matched().param(before + index) {
        Ok(value) => value,
        Err(refused) => return T::refused(refused.by::<T>()),
    };
    match value {
        Some(value) => {
            if !T::ANY_TEXT
                && let Some(raw) = cx.matched().params().get(before + index)
                && let Some(why) = hazard(raw)
            {
                return T::refused(
                    Rejection::from(ParamLocation::Path.refuse(name, "path", &why)).by::<T>(),
                );
            }
            let param = Param { name, location: ParamLocation::Path, value };
            T::from_param(param, cx).await.map_err(Rejection::by::<T>)
        }
        None => Err(Problem::internal(format!("the route has no path parameter `{name}`")).into()),
    }
}

/// The query parameter with this name.
///
/// # Errors
/// The errors of [`FromParam::from_values`], and a 400 if a value is not UTF-8.
pub async fn from_query<T: FromParam>(name: &str, cx: &Cx) -> Result<T, Rejection> {
    let query = cx.uri().query().unwrap_or_default();
    T::from_values(Values::new(name, query), cx).await.map_err(Rejection::by::<T>)
}

/// The header field with this name, parsed by the rules for values of a query. Each line of the
/// field is one value.
///
/// ```
/// use trine_core::extract::Head;
/// use trine_core::param::from_header;
/// use trine_core::{Cx, FromRequest, Rejection};
///
/// /// The number of rows that the client asks for.
/// struct Rows(Option<u32>);
///
/// impl FromRequest for Rows {
///     type Reads = Head;
///
///     async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
///         from_header("x-rows", cx).await.map(Rows)
///     }
/// }
/// ```
///
/// # Errors
/// The errors of [`FromParam::from_values`], and a 400 if a line is not UTF-8. They do not quote
/// the field, which may be a secret.
pub async fn from_header<T: FromParam>(name: &str, cx: &Cx) -> Result<T, Rejection> {
    T::from_values(Values::of_header(name, cx.headers()), cx).await.map_err(Rejection::by::<T>)
}
