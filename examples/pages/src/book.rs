//! The guest book: entries in memory, the newest first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The guest book. It keeps the last [`Book::MOST`] entries.
pub(crate) struct Book {
    entries: Mutex<Vec<Entry>>,
}

#[derive(Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The reason why an entry was refused.
pub(crate) struct Mistake {
    pub(crate) field: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

impl Book {
    const MOST: usize = 1000;
    const SHOWN: usize = 50;

    /// A book with two entries.
    pub(crate) fn new() -> Book {
        let book = Book { entries: Mutex::default() };
        for (name, text) in FIRST {
            // Both entries fit.
            let _ = book.sign(name, text);
        }
        book
    }

    pub(crate) fn latest(&self) -> Vec<Entry> {
        self.entries().iter().rev().take(Self::SHOWN).cloned().collect()
    }

    pub(crate) fn find(&self, id: u64) -> Option<Entry> {
        self.entries().iter().find(|entry| entry.id == id).cloned()
    }

    /// Adds an entry and returns its id, or an error that says what is wrong.
    pub(crate) fn sign(&self, name: &str, text: &str) -> Result<u64, Mistake> {
        let wrong = |field, code, message| Err(Mistake { field, code, message });
        let (name, text) = (name.trim(), text.trim().replace("\r\n", "\n"));
        match (name.chars().count(), text.chars().count()) {
            (0, _) => return wrong("name", "missing", "Please leave a name."),
            (61.., _) => return wrong("name", "too_long", "A name has at most 60 characters."),
            (_, 0) => return wrong("text", "missing", "Please write something."),
            (_, 2001..) => {
                return wrong("text", "too_long", "An entry has at most 2000 characters.");
            }
            _ => {}
        }
        let mut entries = self.entries();
        let id = entries.last().map_or(1, |entry| entry.id + 1);
        entries.push(Entry { id, name: name.to_owned(), text });
        if entries.len() > Self::MOST {
            entries.remove(0);
        }
        Ok(id)
    }

    // A panic while the lock is held leaves only complete entries behind.
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FIRST: [(&str, &str); 2] = [
    (
        "Mira",
        "We came for the view and stayed for the bread.\n\nThe path behind the house is steep, but the bench at the \
         end is worth every step.",
    ),
    ("Jonas & Ada", "Three days of rain, two good books, one cat. Thank you!"),
];
