//! Whether a text that serde has kept becomes a path of a file.
//!
//! `deserialize_string` sees by the type that it is for a `PathBuf`. What serde keeps for
//! `#[serde(flatten)]`, `tag` and `untagged` is given to the fields by serde itself, and a path
//! takes every text without a word. So the type is read once more with a value that is nothing to
//! all of them, and each says what it wanted instead.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde::de::value::{Error as Said, UnitDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::{Error, Why};

/// A newtype of a newtype of nothing: no type takes it, but newtypes go on to what is inside, and
/// an `Option` to what it holds.
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

thread_local! {
    static MET: Cell<bool> = const { Cell::new(false) };
}

/// Notes that a path was wanted in place of the value.
pub(super) fn misfit(got: Unexpected<'_>, wanted: &str) {
    if matches!(got, Unexpected::NewtypeStruct | Unexpected::Unit) && *WANTED == wanted {
        MET.set(true);
    }
}

pub(super) fn forget() {
    MET.set(false);
}

/// Whether a path was wanted since the last call of [`forget`].
pub(super) fn met_a_path() -> bool {
    MET.get()
}

/// What a `PathBuf` says that it wants. It is asked, so that the words may become others.
static WANTED: LazyLock<String> = LazyLock::new(|| {
    let nothing: UnitDeserializer<Said> = ().into_deserializer();
    let said =
        PathBuf::deserialize(nothing).map_or_else(|said| said.to_string(), |_| String::new());
    said.rsplit_once("expected ").map(|(_, wanted)| wanted.to_owned()).unwrap_or_default()
});

/// Why a text is no path of plain names.
pub(super) fn refused(text: &str, why: &str) -> Why {
    Why::Path(format!("expected a relative path of plain names, got `{text}`: {why}"))
}
