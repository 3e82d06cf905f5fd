//! Parsing of single values: one table for the path, the query, forms and header fields.

use std::str::FromStr;

/// A type that is parsed from one text.
#[doc(hidden)]
pub trait Scalar: Sized {
    /// The expectation that an error message states.
    const EXPECTED: &'static str;

    /// The value. `None` if the text is invalid.
    fn of(text: &str) -> Option<Self>;
}

/// The reason why a text is not a value of a type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misread {
    /// The text is empty.
    Missing,
    /// What was expected.
    Expected(&'static str),
}

/// Parses a text, which may have surrounding space.
///
/// # Errors
/// If the text is empty or not such a value.
#[doc(hidden)]
pub fn read<T: Scalar>(text: &str) -> Result<T, Misread> {
    if let Some(value) = T::of(text) {
        return Ok(value);
    }
    match text.trim() {
        "" => Err(Misread::Missing),
        trimmed => T::of(trimmed).ok_or(Misread::Expected(T::EXPECTED)),
    }
}

/// The values that checkboxes send and people write. An empty text is `true`: `?full`, or a
/// checkbox without a value.
impl Scalar for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn of(text: &str) -> Option<bool> {
        match text {
            "on" | "true" | "1" | "" => Some(true),
            "off" | "false" | "0" => Some(false),
            _ => None,
        }
    }
}

macro_rules! scalar {
    ($($ty:ty => $expected:literal),* $(,)?) => {$(
        impl Scalar for $ty {
            const EXPECTED: &'static str = $expected;

            fn of(text: &str) -> Option<Self> {
                <$ty>::from_str(text).ok()
            }
        }
    )*};
}

scalar! { char => "one character" }
crate::scalars!(scalar);

/// Passes the table to a macro of the caller.
#[doc(hidden)]
#[macro_export]
macro_rules! scalars {
    ($for_each:ident) => {
        $for_each! {
            u8 => "a whole number from 0 to 255",
            u16 => "a whole number from 0 to 65535",
            u32 => "a whole number from 0 to 4294967295",
            u64 => "a whole number from 0 to 18446744073709551615",
            u128 => "a whole number of at least 0",
            usize => "a whole number of at least 0",
            i8 => "a whole number from -128 to 127",
            i16 => "a whole number from -32768 to 32767",
            i32 => "a whole number from -2147483648 to 2147483647",
            i64 => "a whole number from -9223372036854775808 to 9223372036854775807",
            i128 => "a whole number",
            isize => "a whole number",
            f32 => "a number",
            f64 => "a number",
            std::num::NonZeroU8 => "a whole number from 1 to 255",
            std::num::NonZeroU16 => "a whole number from 1 to 65535",
            std::num::NonZeroU32 => "a whole number from 1 to 4294967295",
            std::num::NonZeroU64 => "a whole number from 1 to 18446744073709551615",
            std::num::NonZeroUsize => "a whole number of at least 1",
            std::net::IpAddr => "an IP address",
            std::net::Ipv4Addr => "an IPv4 address",
            std::net::Ipv6Addr => "an IPv6 address",
            std::net::SocketAddr => "an IP address and a port",
        }
    };
}
