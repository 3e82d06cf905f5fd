//! How many path parameters a type takes, asked of the type itself before there is a request.

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

/// The number of parameters, where the type has a fixed one: a scalar takes one, a tuple its
/// length. Structs, maps and lists take what there is.
pub(super) fn params_of<T: DeserializeOwned>() -> Option<usize> {
    match T::deserialize(Probe) {
        Err(Seen::Count(count)) => Some(count),
        Err(Seen::Nothing) | Ok(_) => None,
    }
}

/// Gives no value. What it is asked for first is what it learns, and the error that it answers with
/// carries that.
struct Probe;

/// What a type asked for.
#[derive(Debug)]
enum Seen {
    Count(usize),
    Nothing,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no value comes of this")
    }
}

impl std::error::Error for Seen {}

impl de::Error for Seen {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Seen::Nothing
    }
}

macro_rules! answers {
    ($seen:expr => $($method:ident($($arg:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $arg,)* _: V) -> Result<V::Value, Seen> {
            Err($seen)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Seen;

    answers! { Seen::Count(1) =>
        deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_identifier()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_enum(&'static str, &'static [&'static str])
    }

    answers! { Seen::Nothing =>
        deserialize_any() deserialize_unit() deserialize_unit_struct(&'static str) deserialize_ignored_any()
        deserialize_seq() deserialize_map() deserialize_struct(&'static str, &'static [&'static str])
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, _: V) -> Result<V::Value, Seen> {
        Err(Seen::Count(len))
    }

    fn deserialize_tuple_struct<V>(
        self,
        _: &'static str,
        len: usize,
        _: V,
    ) -> Result<V::Value, Seen>
    where
        V: Visitor<'de>,
    {
        Err(Seen::Count(len))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V>(self, _: &'static str, visitor: V) -> Result<V::Value, Seen>
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
    #[expect(dead_code, reason = "never made")]
    struct Id(u64);

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Named {
        id: Id,
    }

    #[test]
    fn types_say_what_they_take() {
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
