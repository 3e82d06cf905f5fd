//! Deserializes the path parameters.

use serde::de::{self, DeserializeSeed, Deserializer, Visitor};
use trine_core::param::ParamLocation;
use trine_core::{Problem, Rejection, RouteCx};

use crate::extract::text::{Attempt, Error, FieldMap, Fields, Value, Why};

/// The deserializer for all path parameters of a request.
#[derive(Clone, Copy)]
pub(super) struct PathDeserializer<'de, 'p> {
    fields: Fields<'de>,
    attempt: &'p Attempt<'p>,
}

impl<'de, 'p> PathDeserializer<'de, 'p> {
    pub(super) fn new(fields: Fields<'de>, attempt: &'p Attempt<'p>) -> Self {
        PathDeserializer { fields, attempt }
    }

    fn one(self) -> Result<Value<'de, 'p>, Error> {
        match self.fields.len() {
            1 => Ok(Value::of(self.fields, self.attempt, 0)),
            _ => Err(Error::of(Why::Count { wanted: 1 })),
        }
    }

    fn all(self, wanted: usize) -> Result<InOrder<'de, 'p>, Error> {
        if self.fields.len() == wanted {
            Ok(self.in_order())
        } else {
            Err(Error::of(Why::Count { wanted }))
        }
    }

    fn in_order(self) -> InOrder<'de, 'p> {
        InOrder { parameters: self, next: 0 }
    }

    fn by_name(self) -> FieldMap<'de, 'p> {
        FieldMap::new(self.fields, self.attempt)
    }
}

/// The rejection for an error: a 400 for a bad value, a 500 for a type that does not fit the
/// template.
#[cold]
pub(super) fn refuse(error: Error, matched: &RouteCx, type_name: &str) -> Rejection {
    let of = format!("`Path<{type_name}>`");
    let Some(route) = matched.route() else {
        let text = format!("{of}: no route has matched, so there are no path parameters");
        return Problem::internal(text).absent().into();
    };
    let (path, names) = (&route.path, route.params.join(", "));
    let text = match (&error.why, error.is_located()) {
        (Why::Count { wanted }, _) => {
            let (count, s) = (route.params.len(), if *wanted == 1 { "" } else { "s" });
            format!(
                "{of} takes {wanted} path parameter{s}, but `{path}` has {count} ({names}): take a tuple of {count} or a \
                 struct with these names"
            )
        }
        (Why::MissingField(name), _) => {
            format!(
                "{of} needs a path parameter `{name}`, but `{path}` has {}: use the same names \
                 in both",
                if names.is_empty() { "none" } else { &*names }
            )
        }
        (Why::Shape, _) => {
            format!("{of}: a path parameter is one value, no list and no map (in `{path}`)")
        }
        (Why::Expected(expected), false) => {
            format!(
                "{of} expects {expected}, but `{path}` has the path parameters ({names}): take a \
                 tuple or a struct with these names"
            )
        }
        _ => match error.programming_mistake(&of) {
            Some(mistake) => mistake,
            None => return error.refuse(ParamLocation::Path),
        },
    };
    Problem::internal(format!("{text} (the route is declared at {}:{})", route.file, route.line))
        .into()
}

/// Deserializes scalars from the only parameter.
macro_rules! one {
    ($($method:ident($($arg:ident: $ty:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, Error> {
            self.one()?.$method($($arg,)* visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for PathDeserializer<'de, '_> {
    type Error = Error;

    one! {
        deserialize_bool() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_identifier()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    /// A type that takes any value gets the only parameter, or else a map of all parameters.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.fields.len() == 1 {
            self.one()?.deserialize_any(visitor)
        } else {
            self.deserialize_map(visitor)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == trine_core::param::ANY_TEXT {
            return self.one()?.deserialize_newtype_struct(name, visitor);
        }
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
        visitor.visit_seq(self.in_order())
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
        visitor.visit_map(self.by_name())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(self.by_name())
    }
}

/// The parameters as a sequence.
struct InOrder<'de, 'p> {
    parameters: PathDeserializer<'de, 'p>,
    next: usize,
}

impl<'de> de::SeqAccess<'de> for InOrder<'de, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let PathDeserializer { fields, attempt } = self.parameters;
        if self.next == fields.len() {
            return Ok(None);
        }
        self.next += 1;
        seed.deserialize(Value::of(fields, attempt, self.next - 1)).map(Some)
    }
}
