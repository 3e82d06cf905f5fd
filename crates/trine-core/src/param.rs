//! One value of a path, a query or a header field.

mod kinds;
mod path_text;
mod values;

use std::borrow::Cow;
use std::future::Future;

use serde_json::{Value, json};

pub use self::path_text::{ANY_TEXT, AnyText, clean_path, hazard};
pub use self::values::{Values, decode, is_encoded};
use crate::scalars::{Misread, Scalar};
use crate::{Cx, Needs, Problem, Rejection};

/// A type that a single value of the path, the query or a header field can become: `/users/{id}`,
/// `?{page}`.
///
/// It sees the request and may wait, so a value can be looked up by its id. The extractors of the
/// handler that leave the body alone have run before, so whoever may not ask is refused before
/// anything is looked up. Repeated and missing values of a query are the affair of
/// [`FromParam::from_values`]: `Option<T>` accepts none, `Vec<T>` any number, all others one. How a
/// text becomes a number, a `bool` or nothing is one table for all of a request:
/// `guide/extraction.md`.
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
    note = "a struct of all values of the query is an argument `Query<…>` that the template does not name"
)]
pub trait FromParam: Sized + Send {
    /// Whether any text of a path may come here. Otherwise one that holds an encoded `/`, a `\`, a
    /// NUL or a segment of dots is refused before: see [`AnyText`].
    const ANY_TEXT: bool = false;

    /// Declares what the application must hold for this to work, as an extractor does; the launch
    /// audit checks it.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }

    /// Makes the value of the text between two slashes or behind `name=`, percent-decoded.
    fn from_param(
        param: Param<'_>,
        cx: &Cx,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send;

    /// Makes the value of everything that the query says under one name.
    fn from_values(
        values: Values<'_>,
        cx: &Cx,
    ) -> impl Future<Output = Result<Self, Rejection>> + Send {
        async move { Self::from_param(values.one()?, cx).await }
    }

    /// What becomes of a text of a path that is refused before this type sees it.
    #[doc(hidden)]
    fn refused(rejection: Rejection) -> Result<Self, Rejection> {
        Err(rejection)
    }
}

/// One value with its name, so that an error can say both.
#[derive(Debug, Clone)]
pub struct Param<'a> {
    /// The name in the template.
    pub name: &'a str,
    /// Where it stood.
    pub location: ParamLocation,
    /// The text, percent-decoded.
    pub value: Cow<'a, str>,
}

/// Where a value stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamLocation {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header field.
    Header,
}

impl Param<'_> {
    /// The rejection that says what was expected and what came: 400. Where nothing came, it is
    /// missing. The value of a header field is not quoted: it may be a secret.
    #[must_use]
    pub fn expected(&self, expected: &str) -> Rejection {
        if self.value.is_empty() {
            return missing(self.location, self.name).into();
        }
        let message = format!("expected {expected}{}", self.got());
        let problem = self.location.refuse(self.name, "type", &message);
        self.quoted(problem.with("expected", expected))
    }

    /// The rejection of a value that is none of those known; it names them and the one that is
    /// nearly the same: 400.
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

    /// What came, for a message. A header field may hold a secret, and answers and logs are read by
    /// others: it is not quoted.
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

    /// The rejection for a reason of your own, 400: a stable code for programs, a message for
    /// people.
    ///
    /// It is told as every wrong value of a request is, with the member `errors` that says where it
    /// stood.
    #[must_use]
    pub fn refuse(&self, code: &str, message: &str) -> Rejection {
        self.location.refuse(self.name, code, message).into()
    }

    /// One of the types that are a single value. A path has no space around its values: each has
    /// one spelling there.
    fn scalar<T: Scalar>(&self) -> Result<T, Rejection> {
        let read = match self.location {
            ParamLocation::Path => T::of(&self.value).ok_or(Misread::Expected(T::EXPECTED)),
            ParamLocation::Query | ParamLocation::Header => crate::scalars::read(&self.value),
        };
        read.map_err(|misread| match misread {
            Misread::Missing => missing(self.location, self.name).into(),
            Misread::Expected(expected) => self.expected(expected),
        })
    }
}

/// Whether one character more, less, other, or swapped with its neighbour makes one text the other;
/// case is no matter.
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
    /// The problem of a value in this location: 400, with the member `errors` that every wrong value
    /// of a request has.
    #[must_use]
    pub fn refuse(self, name: &str, code: &str, message: &str) -> Problem {
        let colon = if message.starts_with("is ") { "" } else { ":" };
        let detail = format!("{} `{name}`{colon} {message}", self.what());
        let errors = self.errors(name, code, message);
        Problem::bad_request(detail).with(self.what_member(), name).with("errors", errors)
    }

    /// The member `errors` of a problem that has another status or other words.
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

// A message may quote what the client sent, which may be as large as a head.
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

/// Reads the path parameter at `index` of the handler's own template; the prefixes of its groups do
/// not count.
///
/// # Errors
/// What [`FromParam::from_param`] refuses; a 400 where it is not UTF-8, or where it would lead out
/// of a folder ([`AnyText`]).
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

/// Reads the query parameter of this name.
///
/// # Errors
/// What [`FromParam::from_values`] refuses; a 400 where it is not UTF-8.
pub async fn from_query<T: FromParam>(name: &str, cx: &Cx) -> Result<T, Rejection> {
    let query = cx.uri().query().unwrap_or_default();
    T::from_values(Values::new(name, query), cx).await.map_err(Rejection::by::<T>)
}

/// Reads the header field of this name, by the rules for values of a query; each line of the field
/// is a value.
///
/// ```
/// use trine_core::extract::Head;
/// use trine_core::param::from_header;
/// use trine_core::{Cx, FromRequest, Rejection};
///
/// /// How many rows the client wants.
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
/// What [`FromParam::from_values`] refuses; a 400 where it is not UTF-8. Neither quotes what came:
/// a field may hold a secret.
pub async fn from_header<T: FromParam>(name: &str, cx: &Cx) -> Result<T, Rejection> {
    T::from_values(Values::of_header(name, cx.headers()), cx).await.map_err(Rejection::by::<T>)
}
