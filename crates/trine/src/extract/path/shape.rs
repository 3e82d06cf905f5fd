//! Finds out how many path parameters a type takes, without a request.

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

/// The number of parameters that the type takes, if it is fixed: one for a scalar, the length for a
/// tuple. Structs, maps and lists take any number.
pub(super) fn params_of<T: DeserializeOwned>() -> Option<usize> {
    match T::deserialize(Probe) {
        Err(Requested::Count(count)) => Some(count),
        Err(Requested::AnyNumber) | Ok(_) => None,
    }
}

/// A deserializer without a value. It returns an error that contains what the type requested first.
struct Probe;

/// What a type requested.
#[derive(Debug)]
enum Requested {
    Count(usize),
    AnyNumber,
}

impl std::fmt::Display for Requested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the probe has no value")
    }
}

impl std::error::Error for Requested {}

impl de::Error for Requested {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Requested::AnyNumber
    }
}

macro_rules! requests {
    ($requested:expr => $($method:ident($($arg:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $arg,)* _: V) -> Result<V::Value, Requested> {
            Err($requested)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Requested;

    requests! { Requested::Count(1) =>
        deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_identifier()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_enum(&'static str, &'static [&'static str])
    }

    requests! { Requested::AnyNumber =>
        deserialize_any() deserialize_unit() deserialize_unit_struct(&'static str) deserialize_ignored_any()
        deserialize_seq() deserialize_map() deserialize_struct(&'static str, &'static [&'static str])
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, _: V) -> Result<V::Value, Requested> {
        Err(Requested::Count(len))
    }

    fn deserialize_tuple_struct<V>(
        self,
        _: &'static str,
        len: usize,
        _: V,
    ) -> Result<V::Value, Requested>
    where
        V: Visitor<'de>,
    {
        Err(Requested::Count(len))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Requested> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Requested>
    where
        V: Visitor<'de>,
    {
        visitor.visit_newtype_struct(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never constructed")]
    struct Id(u64);

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never constructed")]
    struct Named {
        id: Id,
    }

    #[test]
    fn types_reveal_how_many_parameters_they_take() {
        assert_eq!(params_of::<u8>(), Some(1));
        assert_eq!(params_of::<Option<Id>>(), Some(1));
        assert_eq!(params_of::<std::net::IpAddr>(), Some(1));
        assert_eq!(params_of::<(String, Id)>(), Some(2));
        assert_eq!(params_of::<[u8; 3]>(), Some(3));
        assert_eq!(params_of::<()>(), None);
        assert_eq!(params_of::<Named>(), None);
        assert_eq!(params_of::<Vec<String>>(), None);
        assert_eq!(params_of::<BTreeMap<String, String>>(), None);
        assert_eq!(params_of::<serde_json::Value>(), None);
    }
}
