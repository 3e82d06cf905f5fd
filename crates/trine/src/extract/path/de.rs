//! A `serde` deserialiser over the path parameters.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Visitor};
use trine_core::param::{Param, Place};
use trine_core::{Problem, Rejection, RouteCx};

/// All parameters of a match.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    matched: &'a RouteCx,
}

impl<'a> Parameters<'a> {
    pub(super) fn of(matched: &'a RouteCx) -> Self {
        Parameters { matched }
    }

    fn count(self) -> usize {
        self.matched.params().len()
    }

    fn name(self, index: usize) -> &'a str {
        self.matched.route().and_then(|route| route.params.get(index)).map_or("", String::as_str)
    }

    fn one(self) -> Result<Value<'a>, Error> {
        if self.count() == 1 { self.value(0) } else { Err(Error::Count { wanted: 1 }) }
    }

    fn all(self, wanted: usize) -> Result<Walk<'a>, Error> {
        if self.count() == wanted { Ok(self.walk()) } else { Err(Error::Count { wanted }) }
    }

    fn walk(self) -> Walk<'a> {
        Walk { parameters: self, next: 0 }
    }

    fn value(self, index: usize) -> Result<Value<'a>, Error> {
        let text = self.matched.param(index).map_err(Error::Refused)?;
        Ok(Value { name: self.name(index), text: text.unwrap_or_default() })
    }
}

/// One parameter.
struct Value<'a> {
    name: &'a str,
    text: Cow<'a, str>,
}

impl Value<'_> {
    // A `Deserialize` of the user's does not know which parameter it reads; here it is known.
    #[cold]
    fn blame(&self, error: Error) -> Error {
        let param = Param { name: self.name, place: Place::Path, value: Cow::Borrowed(&*self.text) };
        match error {
            Error::Expected(expected) => Error::Refused(param.expected(&expected)),
            Error::Said(said) => {
                let detail = format!("path parameter `{}`: {said}, got `{}`", self.name, self.text);
                Error::Refused(Problem::bad_request(detail).with("parameter", self.name).into())
            }
            placed @ (Error::Refused(_) | Error::Count { .. } | Error::Unknown(_) | Error::Shape) => placed,
        }
    }
}

/// Why the parameters do not fit a type.
#[derive(Debug)]
pub(super) enum Error {
    /// The client's: the answer is there.
    Refused(Rejection),
    /// A type expected this of a value.
    Expected(String),
    /// A type said this of a value.
    Said(String),
    /// The author's: the type takes another number of parameters than the template has.
    Count { wanted: usize },
    /// The author's: the type asks for a name that the template does not have.
    Unknown(&'static str),
    /// The author's: the type wants a list or a map in one parameter.
    Shape,
}

impl Error {
    #[cold]
    pub(super) fn into_rejection(self, matched: &RouteCx, type_name: &str) -> Rejection {
        let Some(route) = matched.route() else {
            let text = format!("`Path<{type_name}>`: no route has matched, so there are no path parameters");
            return Problem::internal(text).absent().into();
        };
        let (path, names) = (&route.path, route.params.join(", "));
        let text = match self {
            Error::Refused(rejection) => return rejection,
            Error::Said(said) => return Problem::bad_request(format!("path parameters: {said}")).into(),
            Error::Count { wanted } => {
                let (count, s) = (route.params.len(), if wanted == 1 { "" } else { "s" });
                format!(
                    "`Path<{type_name}>` takes {wanted} path parameter{s}, but `{path}` has {count} ({names}): take a \
                     tuple of {count} or a struct with these names"
                )
            }
            Error::Unknown(name) => {
                format!("`Path<{type_name}>` asks for a path parameter `{name}`, but `{path}` has ({names})")
            }
            Error::Expected(expected) => {
                format!("`Path<{type_name}>` expects {expected}; `{path}` gives path parameters ({names})")
            }
            Error::Shape => {
                format!(
                    "`Path<{type_name}>`: a path parameter is one value, no list and no map (in `{path}`)"
                )
            }
        };
        Problem::internal(format!("{text} (the route is declared at {}:{})", route.file, route.line)).into()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Expected(text) | Error::Said(text) => f.write_str(text),
            Error::Refused(_) | Error::Count { .. } | Error::Unknown(_) | Error::Shape => {
                f.write_str("the path parameters do not fit")
            }
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: std::fmt::Display>(said: T) -> Self {
        Error::Said(said.to_string())
    }

    fn invalid_type(_got: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Error::Expected(expected.to_string())
    }

    fn invalid_value(_got: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Error::Expected(expected.to_string())
    }

    fn unknown_variant(_got: &str, known: &'static [&'static str]) -> Self {
        let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        Error::Expected(format!("one of {}", known.join(", ")))
    }

    fn missing_field(name: &'static str) -> Self {
        Error::Unknown(name)
    }
}

/// Hands a type the one parameter, where it is a scalar.
macro_rules! one {
    ($($method:ident($($arg:ident: $ty:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, Error> {
            self.one()?.$method($($arg,)* visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = Error;

    one! {
        deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_identifier()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    /// A type that takes anything gets a text where there is one parameter, else the map.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.count() == 1 { self.deserialize_str(visitor) } else { self.deserialize_map(visitor) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self.walk())
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self.all(len)?)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(self.all(len)?)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.walk())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(self.walk())
    }
}

/// The parameters one after the other.
struct Walk<'a> {
    parameters: Parameters<'a>,
    next: usize,
}

impl Walk<'_> {
    fn take<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = self.parameters.value(self.next)?;
        self.next += 1;
        seed.deserialize(value)
    }
}

impl<'de> de::SeqAccess<'de> for Walk<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.next == self.parameters.count() { Ok(None) } else { self.take(seed).map(Some) }
    }
}

impl<'de> de::MapAccess<'de> for Walk<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.next == self.parameters.count() {
            return Ok(None);
        }
        seed.deserialize(StrDeserializer::new(self.parameters.name(self.next))).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.take(seed)
    }
}

/// Parses a value into a type of its own before the visitor sees it.
macro_rules! parsed {
    ($($method:ident => $visit:ident: $ty:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let parsed = self.text.parse::<$ty>().map_err(|_| Error::Expected($expected.into()));
            parsed.and_then(|value| visitor.$visit(value)).map_err(|error| self.blame(error))
        }
    )*};
}

/// Refuses what one value cannot be.
macro_rules! no_value {
    ($($method:ident($($arg:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $arg,)* _: V) -> Result<V::Value, Error> {
            Err(Error::Shape)
        }
    )*};
}

/// Gives the text as it is.
macro_rules! text {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.visit_str(&self.text).map_err(|error| self.blame(error))
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Error;

    parsed! {
        deserialize_bool => visit_bool: bool, "`true` or `false`";
        deserialize_char => visit_char: char, "one character";
        deserialize_u8 => visit_u8: u8, "a whole number from 0 to 255";
        deserialize_u16 => visit_u16: u16, "a whole number from 0 to 65535";
        deserialize_u32 => visit_u32: u32, "a whole number from 0 to 4294967295";
        deserialize_u64 => visit_u64: u64, "a whole number from 0 to 18446744073709551615";
        deserialize_u128 => visit_u128: u128, "a whole number from 0 on";
        deserialize_i8 => visit_i8: i8, "a whole number from -128 to 127";
        deserialize_i16 => visit_i16: i16, "a whole number from -32768 to 32767";
        deserialize_i32 => visit_i32: i32, "a whole number from -2147483648 to 2147483647";
        deserialize_i64 => visit_i64: i64, "a whole number from -9223372036854775808 to 9223372036854775807";
        deserialize_i128 => visit_i128: i128, "a whole number";
        deserialize_f32 => visit_f32: f32, "a number";
        deserialize_f64 => visit_f64: f64, "a number";
    }

    text! { deserialize_any deserialize_str deserialize_string deserialize_identifier deserialize_ignored_any }

    no_value! {
        deserialize_unit() deserialize_unit_struct(&'static str)
        deserialize_seq() deserialize_tuple(usize) deserialize_tuple_struct(&'static str, usize)
        deserialize_map() deserialize_struct(&'static str, &'static [&'static str])
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bytes(self.text.as_bytes()).map_err(|error| self.blame(error))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let blamed = Value { name: self.name, text: Cow::Borrowed(&*self.text) };
        visitor.visit_newtype_struct(blamed).map_err(|error| self.blame(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(StrDeserializer::new(&self.text)).map_err(|error| self.blame(error))
    }
}
