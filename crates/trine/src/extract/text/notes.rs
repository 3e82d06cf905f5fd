//! The values that types refused during one attempt, even if serde discards the error.
//!
//! An untagged enum tries its variants and drops the error of each. The constructors of
//! `serde::de::Error` receive nothing but their arguments, so the notes are kept in thread-local
//! variables. Deserializing is synchronous, so they are written and read within one call.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::LazyLock;

use serde::de::value::{Error as ValueError, UnitDeserializer};
use serde::de::{Deserialize, IntoDeserializer, Unexpected};

/// A value that a type refused.
pub(super) struct Note {
    pub(super) got: Got,
    /// What the type expected, in serde's words.
    pub(super) wanted: String,
}

#[derive(Clone, Copy)]
pub(super) enum Got {
    /// The text at this address.
    Text(usize),
    /// A list of texts.
    List,
    /// A field that was not sent.
    Missing(&'static str),
    /// A value that does not reveal which text it came from, such as a number.
    Other,
}

/// The expectation noted for text that is not the name of an enum's variant.
pub(super) const VARIANT: &str = "a variant";

// The search would not use more notes than this.
const MOST: usize = 64;

thread_local! {
    static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
    static PATH_EXPECTED: Cell<bool> = const { Cell::new(false) };
}

#[cold]
pub(super) fn misfit(got: Unexpected<'_>, wanted: &str) {
    if matches!(got, Unexpected::NewtypeStruct | Unexpected::Unit) && *PATH_EXPECTATION == wanted {
        PATH_EXPECTED.set(true);
    }
    let got = match got {
        Unexpected::Str(text) => Got::Text(text.as_ptr().addr()),
        Unexpected::Seq => Got::List,
        _ => Got::Other,
    };
    push(Note { got, wanted: wanted.to_owned() });
}

#[cold]
pub(super) fn missing(name: &'static str) {
    push(Note { got: Got::Missing(name), wanted: String::new() });
}

fn push(note: Note) {
    NOTES.with_borrow_mut(|notes| {
        if notes.len() < MOST {
            notes.push(note);
        }
    });
}

/// Drops the notes of a type that was deserialized without another attempt.
pub(super) fn clear() {
    NOTES.with_borrow_mut(Vec::clear);
}

/// Takes all notes since the last call.
pub(super) fn take() -> Vec<Note> {
    NOTES.take()
}

/// Whether a `PathBuf` was expected in place of a [`Probe`](super::probe::Probe) since the last
/// call.
pub(super) fn take_path_expected() -> bool {
    PATH_EXPECTED.take()
}

/// The expectation that a `PathBuf` reports. It is read from serde itself, so that nothing here
/// depends on serde's wording.
static PATH_EXPECTATION: LazyLock<String> = LazyLock::new(|| {
    let unit: UnitDeserializer<ValueError> = ().into_deserializer();
    let message =
        PathBuf::deserialize(unit).map_or_else(|error| error.to_string(), |_| String::new());
    message.rsplit_once("expected ").map(|(_, expected)| expected.to_owned()).unwrap_or_default()
});
