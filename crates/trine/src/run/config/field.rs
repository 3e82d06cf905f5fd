//! The functions that `#[derive(Config)]` calls for each field of a section.
//!
//! A type without `FromConfig` is refused where the derive lists the keys. Its field still compiles
//! here, so that one mistake is one compile error.

use std::marker::PhantomData;

use super::{FromConfig, Reader, SectionKey};

/// A field of type `T`. Its inherent functions take precedence over the functions of
/// [`RefusedField`] if `T` satisfies their bound.
#[derive(Debug)]
pub struct Field<T>(PhantomData<fn() -> T>);

impl<T: FromConfig> Field<T> {
    /// See [`Reader::value`].
    pub fn value(reader: &mut Reader<'_>, key: &SectionKey) -> Option<T> {
        reader.value(key)
    }

    /// See [`Reader::value_or`].
    pub fn value_or(reader: &mut Reader<'_>, key: &SectionKey, default: fn() -> T) -> Option<T> {
        reader.value_or(key, default)
    }

    /// See [`Reader::value_or_text`].
    pub fn value_or_text(reader: &mut Reader<'_>, key: &SectionKey, default: &str) -> Option<T> {
        reader.value_or_text(key, default)
    }
}

/// Replaces the functions of [`Field`] for a type `T` that was refused. It is only type-checked:
/// the program does not compile.
pub trait RefusedField {
    /// The refused type.
    type Value;

    /// See [`Field::value`].
    fn value(_reader: &mut Reader<'_>, _key: &SectionKey) -> Option<Self::Value> {
        const { refused() }
    }

    /// See [`Field::value_or`].
    fn value_or(
        _reader: &mut Reader<'_>,
        _key: &SectionKey,
        _default: fn() -> Self::Value,
    ) -> Option<Self::Value> {
        const { refused() }
    }

    /// See [`Field::value_or_text`].
    fn value_or_text(
        _reader: &mut Reader<'_>,
        _key: &SectionKey,
        _default: &str,
    ) -> Option<Self::Value> {
        const { refused() }
    }
}

impl<T> RefusedField for Field<T> {
    type Value = T;
}

const fn refused() -> ! {
    panic!("the type of a key was refused, so this is never built")
}
