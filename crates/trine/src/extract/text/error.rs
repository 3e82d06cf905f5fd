//! Why texts do not fit a type, and where.

use std::fmt;

use serde::de::{self, Unexpected};
use trine_core::Rejection;
use trine_core::param::{ParamLocation, clip};
use trine_core::scalars::Scalar;

use super::{notes, probe};
use crate::validation::{FieldErrors, Location};

/// Why texts do not fit a type.
#[derive(Debug)]
pub(crate) struct Error {
    /// The name of the text that is at fault, and the text.
    pub(super) at: Option<(String, String)>,
    pub(crate) why: Why,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Why {
    /// A type expected this.
    Expected(String),
    /// It is none of these.
    Choice(Vec<String>),
    /// A type said this in words of its own.
    Said(String),
    /// There is none, and one is needed.
    Missing,
    /// The type asks for this name.
    MissingField(&'static str),
    /// There are this many where one is needed.
    Repeated(usize),
    /// The type refuses names that it does not know: it knows these.
    Unknown(&'static [&'static str]),
    /// It is no percent-encoded UTF-8.
    Encoding,
    /// A name is no percent-encoded UTF-8.
    Names,
    /// It would lead out of a folder.
    Path(String),
    /// There are more values than are tried in their several readings.
    TooMany,
    /// The author's: the type takes another number of parameters than the template has.
    Count { wanted: usize },
    /// The author's: the type wants something that no text is.
    Shape,
}

impl Error {
    #[cold]
    pub(crate) fn of(why: Why) -> Error {
        Error { at: None, why }
    }

    /// A `Deserialize` of the user's does not know which text it reads; here it is known.
    pub(super) fn at(mut self, name: &str, text: &str) -> Error {
        if self.at.is_none() {
            self.at = Some((name.to_owned(), text.to_owned()));
        }
        self
    }

    /// Whether it is known which text is at fault.
    pub(crate) fn is_located(&self) -> bool {
        self.at.is_some()
    }

    /// The name that is at fault, and its text.
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

    /// Whether it is the author's to mend: what a text cannot be, whatever the client sends.
    pub(crate) fn mistake(&self, of: &str) -> Option<String> {
        let field = self.field().map(|field| format!("`{field}`")).unwrap_or_default();
        match &self.why {
            Why::Shape => Some(format!(
                "{of}: one value is one text, no struct, no map and no list of lists ({field}): `#[serde(flatten)]` puts the \
                 fields of a struct beside the others, and `Form` reads names such as `a.b`"
            )),
            Why::Said(said) if said.ends_with("128 is not supported") => Some(format!(
                "{of}: serde keeps no number of 128 bits inside of `#[serde(flatten)]`, `tag` and `untagged` ({field}): take \
                 the field out of it, or a newtype with `#[serde(try_from = \"String\")]`"
            )),
            _ => None,
        }
    }

    /// The answer to the client.
    #[cold]
    pub(crate) fn refuse(self, place: ParamLocation) -> Rejection {
        let (code, message) = self.told();
        let Some(field) = self.field() else {
            let location =
                if place == ParamLocation::Path { Location::Path } else { Location::Query };
            let mut errors = FieldErrors::of(location);
            errors.refuse("", code, message);
            return errors.problem(http::StatusCode::BAD_REQUEST).into();
        };
        let mut problem = place.refuse(field, code, &message);
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

    /// A stable code, and what is wrong in words.
    fn told(&self) -> (&'static str, String) {
        let got =
            self.at.as_ref().map(|(_, got)| format!(", got `{}`", clip(got))).unwrap_or_default();
        let empty = self.at.as_ref().is_some_and(|(_, got)| got.is_empty());
        match &self.why {
            Why::Expected(_) | Why::Choice(_) if empty => ("missing", "is missing".into()),
            Why::Missing | Why::MissingField(_) => ("missing", "is missing".into()),
            Why::Expected(expected) => ("type", format!("expected {}{got}", plain(expected))),
            Why::Choice(known) => ("choice", format!("expected {}{got}", listed(known))),
            Why::Said(said) => ("type", format!("{}{got}", clip(said))),
            Why::Repeated(count) => ("duplicate", format!("expected one value, got {count}")),
            Why::Unknown(known) => {
                let known: Vec<_> = known.iter().map(|&name| name.to_owned()).collect();
                ("unknown", format!("is unknown: expected {}", listed(&known)))
            }
            Why::Encoding => ("encoding", format!("expected percent-encoded UTF-8{got}")),
            Why::Names => ("encoding", "expected names in percent-encoded UTF-8".into()),
            Why::Path(said) => ("path", said.clone()),
            Why::TooMany => ("type", "expected fewer values".into()),
            Why::Count { .. } | Why::Shape => ("type", self.to_string()),
        }
    }
}

fn listed(known: &[String]) -> String {
    match known {
        [] => "nothing".into(),
        [one] => format!("`{one}`"),
        all => format!(
            "one of {}",
            all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// What serde's own types expect, in words for a client.
fn plain(expected: &str) -> &str {
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
            Why::Expected(text) | Why::Said(text) | Why::Path(text) => f.write_str(text),
            Why::MissingField(name) => write!(f, "`{name}` is missing"),
            _ => f.write_str("the texts do not fit the type"),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Error::of(Why::Said(said.to_string()))
    }

    fn invalid_type(got: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        probe::misfit(got, &expected);
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
