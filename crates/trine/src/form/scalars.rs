//! Fields that are a single value.

use std::str::FromStr;

use super::node::Node;
use super::{Field, FromField, Refused};

/// The text as it was sent, which may be empty.
impl FromField for String {
    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        field.text()
    }
}

/// A checkbox, which is `false` if it is absent. `on`, `true`, `1` and empty text are `true`;
/// `off`, `false` and `0` are `false`. The last of several values counts, so that a hidden input
/// with `false` can precede the checkbox.
impl FromField for bool {
    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        let Some(last) = field.take_values().pop() else { return Ok(false) };
        let mut last = field.with_node(Node::leaf(last));
        last.scalar()
    }
}

impl FromField for char {
    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        field.scalar()
    }
}

macro_rules! scalar {
    ($($ty:ty => $expected:literal),* $(,)?) => {$(
        impl FromField for $ty {
            fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
                field.scalar()
            }
        }
    )*};
}

trine_core::scalars!(scalar);

#[cfg(feature = "jiff")]
macro_rules! parsed {
    ($($ty:ty => $expected:literal),* $(,)?) => {$(
        impl FromField for $ty {
            fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
                field.parse($expected)
            }
        }
    )*};
}

#[cfg(feature = "jiff")]
parsed! {
    jiff::civil::Date => "a date such as 2026-11-22",
    jiff::civil::Time => "a time such as 18:30",
    jiff::civil::DateTime => "a date and a time such as 2026-11-22T18:30",
    jiff::Timestamp => "a time with its offset such as 2026-11-22T18:30:00Z",
}

/// Reads any type that implements `FromStr`: used by `#[form(parse)]`.
#[derive(Debug)]
pub struct Parsed<T>(pub T);

impl<T: FromStr + Send> FromField for Parsed<T> {
    fn from_field(field: &mut Field<'_>) -> Result<Self, Refused> {
        let expected = field.expects().unwrap_or("another value");
        field.parse(expected).map(Parsed)
    }
}

#[cfg(all(test, feature = "jiff"))]
mod tests {
    use jiff::civil::{Date, DateTime, Time};

    use super::super::{Field, FromField};
    use super::Node;
    use crate::form::node::Value;
    use crate::validation::{FieldErrors, Location};

    fn read<T: FromField>(text: &str) -> Result<T, String> {
        let mut errors = FieldErrors::of(Location::Form);
        let read = Field::root(Node::leaf(Value::Text(text.to_owned())), &mut errors).read();
        read.map_err(|_| errors.to_string())
    }

    #[test]
    fn dates_are_read_as_browsers_send_them() {
        assert_eq!(read("2026-11-22"), Ok(jiff::civil::date(2026, 11, 22)));
        assert_eq!(read("18:30"), Ok(jiff::civil::time(18, 30, 0, 0)));
        assert_eq!(read("2026-11-22T18:30"), Ok(jiff::civil::date(2026, 11, 22).at(18, 30, 0, 0)));
        let message = "form: expected a date such as 2026-11-22, got `22.11.2026`".to_owned();
        assert_eq!(read::<Date>("22.11.2026"), Err(message));
        assert!(read::<Time>("25:00").is_err() && read::<DateTime>("2026-02-30T00:00").is_err());
    }
}
