//! One field, as a type reads itself from it.

use std::borrow::Cow;
use std::fmt::Display;

use trine_core::scalars::{self, Misread, Scalar};

use super::name;
use super::node::{Node, Value};
use super::rule::Rule;
use crate::validation::{FieldErrors, Location, Place};

/// A type that a field of a form can become.
///
/// Text, numbers, `bool`, `char`, addresses, [`TempFile`](super::TempFile), `Option`, `Vec` and
/// maps of these do, and structs and enums by `#[derive(FromForm)]`. A type with `FromStr` needs no
/// implementation where the field says `#[form(parse = "a colour")]`.
///
/// ```
/// use trine::form::{Field, FromField, Refused};
///
/// struct Slug(String);
///
/// impl FromField for Slug {
///     fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
///         let text = field.text()?;
///         match text.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
///             true => Ok(Slug(text)),
///             false => Err(field.expected("lower-case letters and dashes", &text)),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a form",
    label = "does not implement `FromField`",
    note = "a struct or an enum of your own derives it: `#[derive(FromForm)]`",
    note = "a type that has `FromStr` needs `#[form(parse = \"what is expected\")]` on the field"
)]
pub trait FromField: Sized + Send {
    /// What the field at `path`, seen from this one, may bring; `None` where there is no such
    /// field.
    ///
    /// `rule` is what the attributes of the field say.
    fn rule(path: &[&str], rule: Rule) -> Option<Rule> {
        path.is_empty().then_some(rule)
    }

    /// The names that a form has for a path of Rust names, so that validation tells those that were
    /// sent.
    fn names(path: &[&str], names: &mut Vec<String>) {
        names.extend(path.iter().map(|&key| key.to_owned()));
    }

    /// Makes the value, or says on the field what is wrong with it.
    ///
    /// # Errors
    /// [`Refused`], which only a [`Field`] gives out: so there is no refusal without a reason.
    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused>;
}

/// A type that is a form of its own: what [`Form`](crate::Form) takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a form",
    label = "does not implement `FromForm`",
    note = "put `#[derive(FromForm)]` on it; it may stand beside serde's `Deserialize`",
    note = "for a form of unknown fields, take a map or a list of pairs: `Form<Vec<(String, String)>>`"
)]
pub trait FromForm: FromField {
    /// Whether a field that the type does not know is an error. It is ignored otherwise: buttons
    /// and tokens of layers are fields too.
    const DENY_UNKNOWN: bool = false;

    /// Changes the limits of the application for this form.
    #[must_use]
    fn limits(limits: super::FormLimits) -> super::FormLimits {
        limits
    }
}

/// How the type of a field is reached by what `#[derive(FromForm)]` writes; not for use by hand.
#[doc(hidden)]
#[derive(Debug)]
pub struct Access<T> {
    pub rule: fn(&[&str], Rule) -> Option<Rule>,
    pub names: fn(&[&str], &mut Vec<String>),
    pub read: fn(&mut Field<'_>) -> Result<T, Refused>,
}

#[doc(hidden)]
#[must_use]
pub fn access<T: FromField>() -> Access<T> {
    Access { rule: T::rule, names: T::names, read: T::from_field }
}

/// A value was refused, and the reason is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(());

/// One field with all that was submitted under its name.
#[derive(Debug)]
pub struct Field<'a> {
    node: Node,
    name: String,
    secret: bool,
    expects: Option<&'static str>,
    errors: &'a mut FieldErrors,
}

impl<'a> Field<'a> {
    /// The form as a whole.
    pub(crate) fn root(node: Node, errors: &'a mut FieldErrors) -> Field<'a> {
        Field { node, name: String::new(), secret: false, expects: None, errors }
    }

    /// The name, as in `address.street` or `tags[1]`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether nothing came but, perhaps, empty text: browsers send that for inputs that nobody
    /// touched.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.node.is_blank()
    }

    /// The one text.
    ///
    /// # Errors
    /// `missing` where there is none, `duplicate` where there are more, `type` where it is a file
    /// or has parts.
    pub fn text(&mut self) -> Result<String, Refused> {
        let mut values = std::mem::take(&mut self.node.values).into_iter();
        match (values.next(), values.next()) {
            (None, _) if self.node.inside.is_empty() => Err(self.refuse("missing", "is missing")),
            (None, _) => Err(self.refuse("type", "expected one value, got fields inside it")),
            (Some(Value::Text(text)), None) => Ok(text),
            (Some(Value::Refused), _) | (_, Some(Value::Refused)) => Err(Refused(())),
            (_, Some(_)) => {
                let count = values.count() + 2;
                Err(self.refuse("duplicate", format!("expected one value, got {count}")))
            }
            #[cfg(feature = "multipart")]
            (Some(Value::File(_)), None) => Err(self.refuse("type", "expected text, got a file")),
        }
    }

    /// The one text without the space around it, as any type that can be parsed. `expected` says
    /// what it is.
    ///
    /// # Errors
    /// As [`Field::text`]; `missing` where it is empty, `type` where it does not parse.
    pub fn parse<T: std::str::FromStr>(&mut self, expected: &str) -> Result<T, Refused> {
        let text = self.text()?;
        let text = text.trim();
        if text.is_empty() {
            return Err(self.refuse("missing", "is missing"));
        }
        text.parse().map_err(|_| self.expected(expected, text))
    }

    /// The one text as a type that is a single value, by the table for all of a request.
    pub(crate) fn scalar<T: Scalar>(&mut self) -> Result<T, Refused> {
        let text = self.text()?;
        scalars::read(&text).map_err(|misread| match misread {
            Misread::Missing => self.refuse("missing", "is missing"),
            Misread::Expected(expected) => self.expected(expected, text.trim()),
        })
    }

    /// The one text, which is one of these, by its position.
    ///
    /// # Errors
    /// As [`Field::text`]; `choice` where it is none of them.
    pub fn choice(&mut self, choices: &[&str]) -> Result<usize, Refused> {
        let text = self.text()?;
        if text.is_empty() && !choices.contains(&"") {
            return Err(self.refuse("missing", "is missing"));
        }
        match choices.iter().position(|choice| *choice == text) {
            Some(index) => Ok(index),
            None => {
                let known: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
                let got = self.got(&text);
                Err(self.refuse("choice", format!("expected one of {}{got}", known.join(", "))))
            }
        }
    }

    /// Notes that something else was expected: the code `type`. What came is repeated, unless the
    /// field is a secret.
    pub fn expected(&mut self, expected: &str, got: &str) -> Refused {
        let got = self.got(got);
        self.refuse("type", format!("expected {expected}{got}"))
    }

    /// Notes what is wrong: a stable code for programs, a message for people.
    pub fn refuse(&mut self, code: impl Into<Cow<'static, str>>, message: impl Display) -> Refused {
        self.errors.refuse_at(Location::Form, Place::parse(&self.name), code, message.to_string());
        Refused(())
    }

    fn got(&self, text: &str) -> String {
        if self.secret { String::new() } else { format!(", got `{}`", shortened(text)) }
    }

    /// The field of this name inside it, taken out.
    pub fn child(&mut self, key: &str, secret: bool) -> Field<'_> {
        let node = self.node.inside.remove(key).unwrap_or_default();
        Field {
            node,
            name: name::join(&self.name, key),
            secret: self.secret || secret,
            expects: None,
            errors: &mut *self.errors,
        }
    }

    /// The same with words for what is expected, for a type that only has `FromStr`.
    #[must_use]
    pub fn expecting(mut self, expected: &'static str) -> Field<'a> {
        self.expects = Some(expected);
        self
    }

    pub(crate) fn expects(&self) -> Option<&'static str> {
        self.expects
    }

    /// Reads it as any type.
    ///
    /// # Errors
    /// What the type refuses.
    pub fn read<T: FromField>(mut self) -> Result<T, Refused> {
        T::from_field(&mut self)
    }

    pub(crate) fn take_values(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.node.values)
    }

    pub(crate) fn take_inside(&mut self) -> Vec<(String, Node)> {
        std::mem::take(&mut self.node.inside).into_iter().collect()
    }

    /// The field that `node` is, under a key of this one.
    pub(crate) fn element(&mut self, key: &str, node: Node) -> Field<'_> {
        Field {
            node,
            name: name::join(&self.name, key),
            secret: self.secret || name::is_secret(key),
            expects: self.expects,
            errors: &mut *self.errors,
        }
    }

    /// This field with another content.
    pub(crate) fn same(&mut self, node: Node) -> Field<'_> {
        let (name, secret, expects) = (self.name.clone(), self.secret, self.expects);
        Field { node, name, secret, expects, errors: &mut *self.errors }
    }

    #[cfg(feature = "multipart")]
    pub(crate) fn refused_already(&self) -> Refused {
        Refused(())
    }
}

// A message is for people, on a page: what is longer is known to whom sent it.
fn shortened(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 64;
    if text.len() <= LONGEST {
        text.into()
    } else {
        format!("{}…", &text[..text.floor_char_boundary(LONGEST)]).into()
    }
}
