//! The deserializer for the texts of one name.

use std::any::type_name;
use std::path::PathBuf;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use trine_core::param::{ANY_TEXT, ParamLocation, clean_path, hazard};
use trine_core::scalars::{self, Misread, Scalar};

use super::fields::{Fields, Pair};
use super::plan::{Absent, Attempt, is_empty};
use super::probe::{Probe, refused_path};
use super::{Error, Why};

/// All texts of one name, or one of them.
#[derive(Clone, Copy)]
pub(crate) struct Value<'de, 'p> {
    fields: Fields<'de>,
    attempt: &'p Attempt<'p>,
    index: usize,
    /// Only the text at `index`, not the later ones of the same name.
    single: bool,
    /// The type is `AnyText`: text in a path may contain anything.
    any_text: bool,
}

impl<'de, 'p> Value<'de, 'p> {
    pub(crate) fn of(fields: Fields<'de>, attempt: &'p Attempt<'p>, index: usize) -> Self {
        Value { fields, attempt, index, single: false, any_text: false }
    }

    /// Only the text at this index.
    pub(super) fn single(self) -> Self {
        Value { single: true, ..self }
    }

    fn element(self, index: usize) -> Self {
        Value { index, single: true, ..self }
    }

    fn pair(self) -> &'de Pair<'de> {
        &self.fields.pairs[self.index]
    }

    fn indices(self) -> impl Iterator<Item = usize> + 'de {
        let count = if self.single { 1 } else { usize::MAX };
        self.fields.from(self.index).take(count)
    }

    fn last(self) -> Self {
        self.element(self.indices().last().unwrap_or(self.index))
    }

    /// Adds name and text to an error that does not have them yet.
    #[cold]
    fn blame(self, error: Error) -> Error {
        let pair = self.pair();
        error.at(&pair.name, pair.text.as_deref().unwrap_or(pair.raw))
    }

    fn fail<T>(self, why: Why) -> Result<T, Error> {
        Err(self.blame(Error::of(why)))
    }

    /// The one text, whatever it contains.
    fn any(self) -> Result<&'de str, Error> {
        if !self.single && self.pair().next.is_some() {
            return self.fail(Why::Repeated(self.indices().count()));
        }
        self.pair().text.as_deref().map_or_else(|| self.fail(Why::Encoding), Ok)
    }

    /// The one text. In a path, text that could lead to another path is refused.
    fn text(self) -> Result<&'de str, Error> {
        let text = self.any()?;
        if self.fields.location == ParamLocation::Path
            && !self.any_text
            && let Some(why) = hazard(self.pair().raw)
        {
            return self.fail(Why::Path(why));
        }
        Ok(text)
    }

    fn scalar<T: Scalar>(self) -> Result<T, Error> {
        let text = self.any()?;
        // In a path each value has exactly one spelling.
        let read = match self.fields.location {
            ParamLocation::Path => T::of(text).ok_or(Misread::Expected(T::EXPECTED)),
            _ => scalars::read(text),
        };
        read.or_else(|misread| match misread {
            Misread::Missing => self.fail(Why::Missing),
            Misread::Expected(expected) => self.fail(Why::Expected(expected.to_owned())),
        })
    }

    /// Whether all texts are empty.
    fn is_blank(self) -> bool {
        self.fields.location != ParamLocation::Path
            && self.indices().all(|index| is_empty(self.fields, index))
    }

    /// Hands the text to a type that takes any value, read as the plan says.
    fn visit_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let head = self.pair().head;
        let reading = self.attempt.plan.reading(head);
        self.attempt.buffered.borrow_mut().push(head);
        let this = match (self.single, self.pair().next.is_some()) {
            (false, true) if reading.last => self.last(),
            (false, true) => {
                return visitor.visit_seq(Elements { of: self, next: Some(self.index) });
            }
            (false, false) if reading.list => {
                return visitor.visit_seq(Elements { of: self, next: Some(self.index) });
            }
            _ => self,
        };
        let text = this.text()?;
        if reading.probe {
            return visitor.visit_newtype_struct(Probe::default());
        }
        if reading.nothing && text.is_empty() {
            return visitor.visit_none();
        }
        if reading.boolean
            && let Ok(value) = scalars::read(text)
        {
            return visitor.visit_bool(value);
        }
        if reading.number {
            if let Ok(value) = scalars::read(text) {
                return visitor.visit_u64(value);
            }
            if let Ok(value) = scalars::read(text) {
                return visitor.visit_i64(value);
            }
            if let Ok(value) = scalars::read(text) {
                return visitor.visit_f64(value);
            }
        }
        visitor.visit_borrowed_str(text)
    }
}

/// The texts of a name that repeats, as a sequence.
struct Elements<'de, 'p> {
    of: Value<'de, 'p>,
    next: Option<usize>,
}

impl<'de> SeqAccess<'de> for Elements<'de, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(index) = self.next else { return Ok(None) };
        self.next = if self.of.single { None } else { self.of.fields.pairs[index].next };
        seed.deserialize(self.of.element(index)).map(Some)
    }
}

/// Parses the text and hands the value to the visitor.
macro_rules! parsed {
    ($($method:ident => $visit:ident: $ty:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.scalar::<$ty>()?).map_err(|error| self.blame(error))
        }
    )*};
}

/// Refuses types that a single text cannot be.
macro_rules! unsupported {
    ($($method:ident($($arg:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $arg,)* _: V) -> Result<V::Value, Error> {
            self.fail(Why::Shape)
        }
    )*};
}

/// Hands the texts to the visitor as a sequence.
macro_rules! list {
    ($($method:ident($($arg:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $arg,)* visitor: V) -> Result<V::Value, Error> {
            if self.single || self.fields.location == ParamLocation::Path {
                return self.fail(Why::Shape);
            }
            visitor.visit_seq(Elements { of: self, next: Some(self.index) }).map_err(|error| self.blame(error))
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'de, '_> {
    type Error = Error;

    parsed! {
        deserialize_char => visit_char: char;
        deserialize_u8 => visit_u8: u8;
        deserialize_u16 => visit_u16: u16;
        deserialize_u32 => visit_u32: u32;
        deserialize_u64 => visit_u64: u64;
        deserialize_u128 => visit_u128: u128;
        deserialize_i8 => visit_i8: i8;
        deserialize_i16 => visit_i16: i16;
        deserialize_i32 => visit_i32: i32;
        deserialize_i64 => visit_i64: i64;
        deserialize_i128 => visit_i128: i128;
        deserialize_f32 => visit_f32: f32;
        deserialize_f64 => visit_f64: f64;
    }

    unsupported! { deserialize_map() deserialize_struct(&'static str, &'static [&'static str]) }

    list! { deserialize_seq() deserialize_tuple(usize) deserialize_tuple_struct(&'static str, usize) }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_any(visitor).map_err(|error| self.blame(error))
    }

    /// The last of several values counts, so that a hidden input can precede a checkbox.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let last = self.last();
        visitor.visit_bool(last.scalar()?).map_err(|error| last.blame(error))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text()?;
        // serde requests a string and converts it to a `PathBuf`. Only the type name tells them
        // apart.
        if type_name::<V::Value>() == type_name::<PathBuf>()
            && let Err(why) = clean_path(text)
        {
            return self.fail(refused_path(text, why));
        }
        visitor.visit_borrowed_str(text).map_err(|error| self.blame(error))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.text()?.as_bytes()).map_err(|error| self.blame(error))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_blank() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.any()? {
            "" => visitor.visit_unit(),
            _ => self.fail(Why::Expected("nothing".to_owned())),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let inner = Value { any_text: self.any_text || name == ANY_TEXT, ..self };
        visitor.visit_newtype_struct(inner).map_err(|error| self.blame(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text = self.text()?;
        visitor
            .visit_enum(BorrowedStrDeserializer::<Error>::new(text))
            .map_err(|error| self.blame(error))
    }
}

/// The deserializer for a field that was not sent: an empty list, an unchecked checkbox, or
/// nothing.
pub(super) struct AbsentField(pub(super) &'static str, pub(super) Absent);

macro_rules! missing {
    ($($method:ident($($arg:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $arg,)* _: V) -> Result<V::Value, Error> {
            Err(Error::of(Why::MissingField(self.0)))
        }
    )*};
}

impl<'de> Deserializer<'de> for AbsentField {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.1 {
            Absent::List => self.deserialize_seq(visitor),
            Absent::False | Absent::Omitted => visitor.visit_bool(false),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(false)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(de::value::SeqDeserializer::new(std::iter::empty::<Self>()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    missing! {
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_unit() deserialize_unit_struct(&'static str)
        deserialize_tuple(usize) deserialize_tuple_struct(&'static str, usize) deserialize_map()
        deserialize_struct(&'static str, &'static [&'static str])
        deserialize_enum(&'static str, &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }
}

impl<'de> de::IntoDeserializer<'de, Error> for AbsentField {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
