//! What types refused on the way, also where serde swallows the error.
//!
//! An untagged enum tries its variants and drops what each of them said. Whoever makes an error
//! sees nothing but the arguments, so there is no other place for what they tell than one of the
//! thread. Reading does not wait, so it is written and read within one call.

use std::cell::RefCell;

use serde::de::Unexpected;

/// Something that a type refused.
pub(super) struct Note {
    pub(super) got: Got,
    /// What it wanted, in serde's words.
    pub(super) wanted: String,
}

#[derive(Clone, Copy)]
pub(super) enum Got {
    /// The text at this address.
    Text(usize),
    /// A list of texts.
    List,
    /// A field that is not there.
    Missing(&'static str),
    /// What says nothing of its origin: a number, nothing.
    Other,
}

/// Stands for what is wanted where a text is none of the names of an enum.
pub(super) const VARIANT: &str = "a variant";

// More than these are not tried in other readings anyway.
const MOST: usize = 64;

thread_local! {
    static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
}

#[cold]
pub(super) fn misfit(got: Unexpected<'_>, wanted: &str) {
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

/// Drops what a type that was content has left.
pub(super) fn forget() {
    NOTES.with_borrow_mut(Vec::clear);
}

/// All since the last call.
pub(super) fn take() -> Vec<Note> {
    NOTES.take()
}
