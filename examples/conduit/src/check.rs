//! Checks of what clients send.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// What is wrong, by field.
pub type Fields = BTreeMap<&'static str, Vec<String>>;

/// Collects what is wrong, so that a client learns all of it at once.
#[derive(Debug, Default)]
pub struct Check {
    fields: Fields,
}

impl Check {
    /// Notes that a field is wrong.
    pub fn refuse(&mut self, field: &'static str, message: impl Into<String>) {
        self.fields.entry(field).or_default().push(message.into());
    }

    /// A text needs a character that can be seen, and has at most `max` of them.
    pub fn text(&mut self, field: &'static str, text: &str, max: usize) {
        if text.trim().is_empty() {
            self.refuse(field, "can't be blank");
        } else if text.chars().count() > max {
            self.refuse(field, format!("is too long (maximum is {max} characters)"));
        }
    }

    /// An address needs something on both sides of an `@`. Only a message to it can tell more.
    pub fn email(&mut self, field: &'static str, text: &str) {
        self.text(field, text, 254);
        let shape =
            text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if !text.trim().is_empty() && (!shape || text.contains(char::is_whitespace)) {
            self.refuse(field, "is not an email address");
        }
    }

    /// A password needs length and nothing else: rules about its characters make it weaker.
    pub fn password(&mut self, field: &'static str, text: &str) {
        match text.chars().count() {
            0 => self.refuse(field, "can't be blank"),
            1..8 => self.refuse(field, "is too short (minimum is 8 characters)"),
            8..=1024 => {}
            _ => self.refuse(field, "is too long (maximum is 1024 characters)"),
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// A 422 when anything was refused.
    pub fn done(self) -> Result<()> {
        if self.fields.is_empty() { Ok(()) } else { Err(Error::Invalid(self.fields)) }
    }
}
