//! The fields of a section, as the code of the derive reads them.
//!
//! A type that cannot be read is refused where the derive lists the keys. Here it compiles in spite
//! of it, so that one mistake is one error.

use std::marker::PhantomData;

use super::{FromConfig, Reader, SectionKey};

/// A field of type `T`. A function of its own goes before one of [`RefusedField`], where its bound
/// holds.
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

/// Stands in for the functions of [`Field`] where `T` was refused. It is checked, but no program
/// comes of it.
pub trait RefusedField {
    /// The type that was refused.
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
