//! `Validate` for every type that implements garde's trait, with a stable code for each rule.

use std::borrow::Cow;
use std::fmt::Display;

use garde::error::Kind;
use garde::i18n::{
    I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind, with_i18n,
};
use garde::{Path, Report};

use super::{FieldErrors, FieldPath, Validate};

/// The context named by `#[garde(context(…))]` is taken from the application's state.
#[diagnostic::do_not_recommend]
impl<T> Validate for T
where
    T: garde::Validate,
    T::Context: Send + Sync + 'static,
{
    type Context = T::Context;

    fn validate(&self, context: &T::Context, errors: &mut FieldErrors) {
        let mut report = Report::new();
        with_i18n(Messages, || self.validate_into(context, &mut Path::empty, &mut report));
        for (path, error) in report.iter() {
            let (code, message) =
                error.message().split_once(MARK).unwrap_or(("invalid", error.message()));
            errors.refuse(field_path(path), code.to_owned(), message);
        }
    }
}

/// An error of a custom garde rule with a code of its own; otherwise its code is `invalid`.
///
/// ```
/// use trine::validation::coded;
///
/// fn lower_case(text: &str, _context: &()) -> garde::Result {
///     if text.chars().any(char::is_uppercase) {
///         return Err(coded("lower_case", "must be lower case"));
///     }
///     Ok(())
/// }
///
/// assert!(lower_case("Trine", &()).is_err());
/// ```
#[must_use]
pub fn coded(code: &'static str, message: impl Display) -> garde::Error {
    garde::Error::new(with_code(code, message))
}

fn field_path(path: &Path) -> FieldPath {
    let keys = path.__iter().rev().filter(|(kind, _)| *kind != Kind::None);
    keys.fold(FieldPath::root(), |path, (_, key)| path.child(key.as_str()))
}

// garde keeps one text per error. A control character that no message contains separates the code
// from the message.
const MARK: char = '\u{1f}';

fn with_code(code: &'static str, message: impl Display) -> String {
    format!("{code}{MARK}{message}")
}

/// The code and message for each of garde's rules.
struct Messages;

macro_rules! messages {
    ($($rule:ident($($argument:ident: $ty:ty),*) => $code:literal, $message:literal;)*) => {
        impl I18n for Messages {
            $(fn $rule(&self, $($argument: $ty),*) -> Cow<'static, str> {
                with_code($code, format_args!($message)).into()
            })*
        }
    };
}

messages! {
    length_lower_than(min: usize) => "length", "is shorter than {min}";
    length_greater_than(max: usize) => "length", "is longer than {max}";
    range_lower_than(min: &dyn Display) => "range", "is less than {min}";
    range_greater_than(max: &dyn Display) => "range", "is more than {max}";
    credit_card_invalid(reason: InvalidCreditCard) => "credit_card", "is not a credit card number: {reason}";
    pattern_no_match(pattern: &dyn Display) => "pattern", "does not match the pattern `{pattern}`";
    contains_missing(pattern: &dyn Display) => "contains", "does not contain `{pattern}`";
    url_invalid(reason: InvalidUrl) => "url", "is not a URL: {reason}";
    prefix_missing(pattern: &dyn Display) => "prefix", "does not start with `{pattern}`";
    suffix_missing(pattern: &dyn Display) => "suffix", "does not end with `{pattern}`";
    phone_number_invalid(reason: InvalidPhoneNumber) => "phone_number", "is not a phone number: {reason}";
    ip_invalid(kind: IpKind) => "ip", "is not an {kind} address";
    matches_field_mismatch(field: &dyn Display) => "matches", "is not the same as `{field}`";
    email_invalid(reason: InvalidEmail) => "email", "is not an email address: {reason}";
    ascii_invalid() => "ascii", "contains characters other than ASCII";
    alphanumeric_invalid() => "alphanumeric", "contains characters other than letters and digits";
    required_not_set() => "required", "is missing";
}
