//! The types of values in a section: text, numbers, addresses, sizes, durations, and lists of them.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::units;

/// A value of the configuration before it is parsed: a text, or the items of a list.
///
/// ```
/// use trine::config::Value;
///
/// let value = Value::of("a, b");
/// assert_eq!(value.text(), Some("a, b"));
/// assert_eq!(value.items().count(), 2);
/// ```
#[derive(Clone, Copy)]
pub struct Value<'a> {
    text: &'a str,
    items: Option<&'a [String]>,
}

impl<'a> Value<'a> {
    /// A value that is a text, as every variable of the environment is.
    ///
    /// ```
    /// use trine::config::{FromConfig, Value};
    ///
    /// assert_eq!(u16::from_config(Value::of("8080")), Some(8080));
    /// assert_eq!(u16::from_config(Value::of("http")), None);
    /// ```
    #[must_use]
    pub fn of(text: &'a str) -> Value<'a> {
        Value { text, items: None }
    }

    pub(super) fn new(text: &'a str, items: Option<&'a [String]>) -> Value<'a> {
        Value { text, items }
    }

    /// The text; `None` if the value is a list.
    ///
    /// ```
    /// # use trine::config::Value;
    /// assert_eq!(Value::of("8080").text(), Some("8080"));
    /// ```
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.items.is_none().then_some(self.text)
    }

    /// The items of a list, or of a text that is split at its commas.
    ///
    /// ```
    /// # use trine::config::Value;
    /// let value = Value::of("a, b");
    /// assert!(value.items().filter_map(|item| item.text()).eq(["a", "b"]));
    /// ```
    pub fn items(&self) -> impl Iterator<Item = Value<'a>> {
        let text = self.text;
        let listed = self.items.unwrap_or_default().iter().map(|item| Value::of(item));
        let split = self
            .items
            .is_none()
            .then(|| text.split(',').map(str::trim).filter(|item| !item.is_empty()));
        listed.chain(split.into_iter().flatten().map(Value::of))
    }
}

/// A type of a key in a section.
///
/// Implemented for text, `bool`, numbers, addresses, paths, [`Duration`] (`10s`),
/// [`Size`](super::Size) (`2MiB`), [`Secret`](super::Secret), `Option` of each (an optional key)
/// and `Vec` (a list, or text with commas). [`#[derive(Config)]`](macro@crate::Config) implements
/// it for an enum without fields, by the names of its variants.
///
/// ```
/// use std::borrow::Cow;
/// use trine::config::{FromConfig, Value};
///
/// struct Percent(u8);
///
/// impl FromConfig for Percent {
///     fn expected() -> Cow<'static, str> {
///         "a percentage such as `50%`".into()
///     }
///
///     fn from_config(value: Value<'_>) -> Option<Percent> {
///         let number = value.text()?.strip_suffix('%')?.parse().ok()?;
///         (number <= 100).then_some(Percent(number))
///     }
/// }
/// assert!(Percent::from_config(Value::of("50%")).is_some());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the configuration",
    label = "not a type for a key of the configuration",
    note = "implement `trine::config::FromConfig`, or put `#[derive(trine::Config)]` on an enum without fields"
)]
pub trait FromConfig: Sized {
    /// Whether errors must not show the value.
    const SECRET: bool = false;

    /// The expected value, as errors describe it, such as "a port from 0 to 65535".
    fn expected() -> Cow<'static, str>;

    /// Parses a value. `None` becomes an error with the key, the value, what was
    /// [`expected`](FromConfig::expected), and the location.
    fn from_config(value: Value<'_>) -> Option<Self>;

    /// The value of an absent key. `None` makes the key required, which is the default.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: FromConfig> FromConfig for Option<T> {
    const SECRET: bool = T::SECRET;

    fn expected() -> Cow<'static, str> {
        T::expected()
    }

    fn from_config(value: Value<'_>) -> Option<Self> {
        T::from_config(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromConfig> FromConfig for Vec<T> {
    const SECRET: bool = T::SECRET;

    fn expected() -> Cow<'static, str> {
        format!("a list, each {}", T::expected()).into()
    }

    fn from_config(value: Value<'_>) -> Option<Self> {
        value.items().map(T::from_config).collect()
    }
}

impl FromConfig for Duration {
    fn expected() -> Cow<'static, str> {
        units::DURATION.expected.into()
    }

    fn from_config(value: Value<'_>) -> Option<Self> {
        (units::DURATION.parse)(value.text()?)
    }
}

macro_rules! parsed {
    ($($ty:ty: $expected:expr;)*) => {$(
        impl FromConfig for $ty {
            fn expected() -> Cow<'static, str> {
                $expected.into()
            }

            fn from_config(value: Value<'_>) -> Option<Self> {
                value.text()?.parse().ok()
            }
        }
    )*};
}

macro_rules! whole_numbers {
    ($($ty:ident)*) => {
        parsed! {$(
            $ty: format!("a whole number from {} to {}", $ty::MIN, $ty::MAX);
        )*}
    };
}

whole_numbers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

parsed! {
    String: "text";
    bool: units::SWITCH.expected;
    char: "one character";
    f32: "a number such as `0.5`";
    f64: "a number such as `0.5`";
    IpAddr: units::ADDRESS.expected;
    Ipv4Addr: "an IPv4 address such as `127.0.0.1`";
    Ipv6Addr: "an IPv6 address such as `::1`";
    SocketAddr: "an address and a port such as `127.0.0.1:25`";
    PathBuf: "a path";
    http::Uri: "a URI such as `https://example.org/`";
}

impl std::fmt::Debug for Value<'_> {
    // It may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_an_array_or_text_with_commas() {
        let seven = ["7".to_owned()];
        let list = Value::new("[…]", Some(&seven));
        let read = |value| Vec::<u8>::from_config(value);
        assert_eq!(read(Value::of("1, 2,3")), Some(vec![1, 2, 3]));
        assert_eq!(read(Value::of("")), Some(vec![]));
        assert_eq!(read(list), Some(vec![7]));
        assert_eq!(read(Value::of("1,x")), None);
        assert_eq!(u8::from_config(list), None);
        assert_eq!(Vec::<u8>::expected(), "a list, each a whole number from 0 to 255");
    }
}
