//! Finds out whether text that serde buffered becomes a file path.
//!
//! `deserialize_string` knows from the type that its text is for a `PathBuf`. Text that serde
//! buffers for `#[serde(flatten)]`, `tag` and `untagged` is handed to the fields by serde itself,
//! and `PathBuf` accepts any text. So the type is deserialized once more. In place of the text it
//! gets a value that every type refuses, and the errors show what each type expected.

use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{Error, Why};

/// A value that every type refuses: nested newtypes around a unit. A newtype or an `Option` passes
/// it on to its inner type. The number is how many more levels there are.
pub(super) struct Probe(u8);

impl Default for Probe {
    fn default() -> Self {
        Probe(32)
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.checked_sub(1) {
            Some(left) => visitor.visit_newtype_struct(Probe(left)),
            None => visitor.visit_unit(),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Why text is not a relative path of plain names.
pub(super) fn refused_path(text: &str, why: &str) -> Why {
    Why::Path(format!("expected a relative path of plain names, got `{text}`: {why}"))
}
