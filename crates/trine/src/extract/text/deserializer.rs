//! Deserializers for all fields of a query or path.

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::fields::Fields;
use super::plan::{Absent, Attempt};
use super::value::{AbsentField, Value};
use super::{Error, Why};

/// The fields as a map from each name to its texts.
pub(crate) struct FieldMap<'de, 'p> {
    fields: Fields<'de>,
    attempt: &'p Attempt<'p>,
    next: usize,
    /// How many of the plan's absent fields were visited.
    absent: usize,
}

impl<'de, 'p> FieldMap<'de, 'p> {
    pub(crate) fn new(fields: Fields<'de>, attempt: &'p Attempt<'p>) -> Self {
        FieldMap { fields, attempt, next: 0, absent: 0 }
    }

    /// Moves to the next name.
    fn seek(&mut self) -> Option<usize> {
        let pairs = &self.fields.pairs;
        let wanted = |index: usize| {
            pairs[index].head == index && !self.attempt.plan.omitted.contains(&index)
        };
        while self.next < pairs.len() && !wanted(self.next) {
            self.next += 1;
        }
        (self.next < pairs.len()).then_some(self.next)
    }

    /// Moves to the next absent field.
    fn seek_absent(&mut self) -> Option<(&'static str, Absent)> {
        let rest = self.attempt.plan.absent.get(self.absent..).unwrap_or_default();
        self.absent += rest.iter().take_while(|(_, absent)| *absent == Absent::Omitted).count();
        self.attempt.plan.absent.get(self.absent).copied()
    }
}

impl<'de> MapAccess<'de> for FieldMap<'de, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let name = match self.seek() {
            Some(index) => &*self.fields.pairs[index].name,
            None => match self.seek_absent() {
                Some((name, _)) => name,
                None => return Ok(None),
            },
        };
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        if let Some(index) = self.seek() {
            self.next += 1;
            return seed.deserialize(Value::of(self.fields, self.attempt, index));
        }
        match self.seek_absent() {
            Some((name, absent)) => {
                self.absent += 1;
                seed.deserialize(AbsentField(name, absent))
            }
            None => Err(Error::of(Why::Shape)),
        }
    }
}

/// Deserializes a whole query: as a struct, a map, or a list of pairs.
pub(crate) struct QueryDeserializer<'de, 'p> {
    fields: Fields<'de>,
    attempt: &'p Attempt<'p>,
}

impl<'de, 'p> QueryDeserializer<'de, 'p> {
    pub(crate) fn new(fields: Fields<'de>, attempt: &'p Attempt<'p>) -> Self {
        QueryDeserializer { fields, attempt }
    }
}

/// Refuses types that a query cannot be.
macro_rules! unsupported {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::of(Why::Shape))
        }
    )*};
}

impl<'de> Deserializer<'de> for QueryDeserializer<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(FieldMap::new(self.fields, self.attempt))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.fields.pairs.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Pairs { of: self, next: 0 })
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

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(MapAccessDeserializer::new(FieldMap::new(self.fields, self.attempt)))
    }

    unsupported! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
    }

    forward_to_deserialize_any! { tuple tuple_struct map struct identifier ignored_any }
}

/// The pairs in the order in which they were sent.
struct Pairs<'de, 'p> {
    of: QueryDeserializer<'de, 'p>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Pairs<'de, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.next == self.of.fields.pairs.len() {
            return Ok(None);
        }
        self.next += 1;
        seed.deserialize(OnePair { of: &self.of, index: self.next - 1 }).map(Some)
    }
}

/// One pair, as a sequence of name and text.
struct OnePair<'w, 'de, 'p> {
    of: &'w QueryDeserializer<'de, 'p>,
    index: usize,
}

impl<'de> Deserializer<'de> for OnePair<'_, 'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(TwoValues { pair: self, next: 0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct TwoValues<'w, 'de, 'p> {
    pair: OnePair<'w, 'de, 'p>,
    next: usize,
}

impl<'de> SeqAccess<'de> for TwoValues<'_, 'de, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let OnePair { of, index } = self.pair;
        self.next += 1;
        match self.next {
            1 => seed
                .deserialize(BorrowedStrDeserializer::new(&of.fields.pairs[index].name))
                .map(Some),
            2 => seed.deserialize(Value::of(of.fields, of.attempt, index).single()).map(Some),
            _ => Ok(None),
        }
    }
}
