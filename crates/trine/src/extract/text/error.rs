//! The error that some text does not fit a type: which text, and why.

use std::fmt;

use serde::de::{self, Unexpected};
use trine_core::Rejection;
use trine_core::param::{ParamLocation, clip};
use trine_core::scalars::Scalar;

use super::notes;
use crate::validation::{FieldErrors, Location};

/// The error of deserializing a query or path.
#[derive(Debug)]
pub(crate) struct Error {
    /// The name of the field at fault, and its text.
    pub(super) at: Option<(String, String)>,
    pub(crate) why: Why,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Why {
    /// The type expected something else.
    Expected(String),
    /// The text is none of these choices.
    Choice(Vec<String>),
    /// The type reported an error in its own words.
    Custom(String),
    /// A value is required.
    Missing,
    /// The type requires a field of this name.
    MissingField(&'static str),
    /// There are this many values, and only one is allowed.
    Repeated(usize),
    /// The type refuses unknown names; it knows these.
    Unknown(&'static [&'static str]),
    /// The text is not percent-encoded UTF-8.
    Encoding,
    /// A name is not percent-encoded UTF-8.
    Names,
    /// The text could lead to another path.
    Path(String),
    /// There are too many values to try all their readings.
    TooMany,
    /// A programming mistake: the type takes a different number of parameters than the template
    /// has.
    Count { wanted: usize },
    /// A programming mistake: the type expects something that text cannot be.
    Shape,
}

impl Error {
    #[cold]
    pub(crate) fn of(why: Why) -> Error {
        Error { at: None, why }
    }

    /// Adds the field at fault, which a `Deserialize` implementation does not know.
    pub(super) fn at(mut self, name: &str, text: &str) -> Error {
        if self.at.is_none() {
            self.at = Some((name.to_owned(), text.to_owned()));
        }
        self
    }

    /// Whether the field at fault is known.
    pub(crate) fn is_located(&self) -> bool {
        self.at.is_some()
    }

    /// The name of the field at fault, and its text.
    pub(super) fn subject(&self) -> Option<(&str, &str)> {
        match (&self.why, &self.at) {
            (Why::MissingField(name), _) => Some((name, "")),
            (_, Some((name, text))) => Some((name, text)),
            (_, None) => None,
        }
    }

    pub(super) fn field(&self) -> Option<&str> {
        self.subject().map(|(name, _)| name)
    }

    /// The message for a mistake in the program: a type that no request can satisfy.
    pub(crate) fn programming_mistake(&self, extractor: &str) -> Option<String> {
        let field = self.field().map(|field| format!("`{field}`")).unwrap_or_default();
        match &self.why {
            Why::Shape => Some(format!(
                "{extractor}: a value is one text and cannot be a struct, a map or a list of lists ({field}); \
                 `#[serde(flatten)]` reads the fields of a struct from the same query, and `Form` accepts names such as `a.b`"
            )),
            Why::Custom(text) if text.ends_with("128 is not supported") => Some(format!(
                "{extractor}: serde cannot buffer a number of 128 bits for `#[serde(flatten)]`, `tag` or `untagged` ({field}); \
                 move the field out, or use a newtype with `#[serde(try_from = \"String\")]`"
            )),
            _ => None,
        }
    }

    /// The rejection that reports the error to the client.
    #[cold]
    pub(crate) fn refuse(self, location: ParamLocation) -> Rejection {
        let (code, message) = self.code_and_message();
        let Some(field) = self.field() else {
            let mut errors = FieldErrors::of(match location {
                ParamLocation::Path => Location::Path,
                _ => Location::Query,
            });
            errors.refuse("", code, message);
            return errors.problem(http::StatusCode::BAD_REQUEST).into();
        };
        let mut problem = location.refuse(field, code, &message);
        if let Why::Expected(expected) = &self.why
            && code == "type"
        {
            problem = problem.with("expected", plain(expected));
        }
        if let Some((_, got)) = &self.at
            && code != "missing"
        {
            problem = problem.with("got", clip(got));
        }
        problem.into()
    }

    /// A stable code, and the error in words.
    fn code_and_message(&self) -> (&'static str, String) {
        let got =
            self.at.as_ref().map(|(_, got)| format!(", got `{}`", clip(got))).unwrap_or_default();
        let empty = self.at.as_ref().is_some_and(|(_, got)| got.is_empty());
        match &self.why {
            Why::Expected(_) | Why::Choice(_) if empty => ("missing", "is missing".into()),
            Why::Missing | Why::MissingField(_) => ("missing", "is missing".into()),
            Why::Expected(expected) => ("type", format!("expected {}{got}", plain(expected))),
            Why::Choice(known) => ("choice", format!("expected {}{got}", listed(known))),
            Why::Custom(text) => ("type", format!("{}{got}", clip(text))),
            Why::Repeated(count) => ("duplicate", format!("expected one value, got {count}")),
            Why::Unknown([]) => ("unknown", "is unknown: remove it".into()),
            Why::Unknown(known) => {
                let known: Vec<_> = known.iter().map(|&name| name.to_owned()).collect();
                ("unknown", format!("is unknown: expected {}", listed(&known)))
            }
            Why::Encoding => ("encoding", format!("expected percent-encoded UTF-8{got}")),
            Why::Names => ("encoding", "expected names in percent-encoded UTF-8".into()),
            Why::Path(text) => ("path", text.clone()),
            Why::TooMany => {
                ("type", "too many values whose type is unclear: send fewer of them".into())
            }
            Why::Count { .. } | Why::Shape => ("type", self.to_string()),
        }
    }
}

fn listed(known: &[String]) -> String {
    match known {
        [] => "no value".into(),
        [one] => format!("`{one}`"),
        all => format!(
            "one of {}",
            all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Translates the expectations of serde's own types into words for a client.
pub(crate) fn plain(expected: &str) -> &str {
    macro_rules! words {
        ($($ty:ident)*) => {
            match expected {
                $(stringify!($ty) => <$ty as Scalar>::EXPECTED,)*
                "a boolean" => bool::EXPECTED,
                "a string" | "string" => "text",
                "a character" => char::EXPECTED,
                other => other,
            }
        };
    }
    words! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Expected(text) | Why::Custom(text) | Why::Path(text) => f.write_str(text),
            Why::MissingField(name) => write!(f, "`{name}` is missing"),
            _ => f.write_str("the text does not fit the type"),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::of(Why::Custom(message.to_string()))
    }

    fn invalid_type(got: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        notes::misfit(got, &expected);
        Error::of(Why::Expected(expected))
    }

    fn invalid_value(_got: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Error::of(Why::Expected(expected.to_string()))
    }

    fn unknown_variant(got: &str, known: &'static [&'static str]) -> Self {
        notes::misfit(Unexpected::Str(got), notes::VARIANT);
        Error::of(Why::Choice(known.iter().map(|&name| name.to_owned()).collect()))
    }

    fn unknown_field(got: &str, known: &'static [&'static str]) -> Self {
        Error::of(Why::Unknown(known)).at(got, "")
    }

    fn missing_field(name: &'static str) -> Self {
        notes::missing(name);
        Error::of(Why::MissingField(name))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Error::of(Why::Repeated(2)).at(name, "")
    }
}
