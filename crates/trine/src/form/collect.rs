//! Fields on their way into the tree, each held against its rule and the limits.

use std::fmt::Display;

use http::StatusCode;
use trine_core::Problem;

use super::name;
use super::node::{Node, Value};
use super::submitted::Values;
use super::{FormLimits, Rule};
use crate::validation::{FieldErrors, Location, Place};

/// What has been read so far.
pub(crate) struct Collector {
    pub(crate) limits: FormLimits,
    pub(crate) root: Node,
    pub(crate) errors: FieldErrors,
    /// The texts that may be shown again, where a page wants them.
    pub(crate) kept: Option<Values>,
    known: fn(&[&str], Rule) -> Option<Rule>,
    deny_unknown: bool,
    fields: usize,
    texts: u64,
}

/// A field that the form has: where it goes and what it may bring.
pub(crate) struct Slot<'a> {
    keys: Vec<&'a str>,
    pub(crate) rule: Rule,
}

impl Collector {
    pub(crate) fn new<T: super::FromForm>(limits: FormLimits, keep: bool) -> Collector {
        Collector {
            limits: T::limits(limits),
            root: Node::default(),
            errors: FieldErrors::of(Location::Form),
            kept: keep.then(Values::default),
            known: T::rule,
            deny_unknown: T::DENY_UNKNOWN,
            fields: 0,
            texts: 0,
        }
    }

    /// The place of a field; `None` where the form has none of that name.
    pub(crate) fn slot<'a>(&mut self, name: &'a str) -> Result<Option<Slot<'a>>, Problem> {
        self.fields += 1;
        let limits = &self.limits;
        if self.fields > limits.fields {
            return Err(past("fields", format!("expected at most {} fields", limits.fields)));
        }
        if name.len() > limits.name {
            return Err(past("name", format!("expected names of at most {} bytes", limits.name)));
        }
        let keys = name::keys(name);
        if keys.len() > limits.depth {
            let message = format!("expected names of at most {} keys, got `{name}`", limits.depth);
            let mut errors = FieldErrors::of(Location::Form);
            errors.refuse("", "depth", &*message);
            return Err(Problem::from(errors).with("limit", "depth"));
        }
        let slot = (self.known)(&keys, Rule::TEXT).map(|rule| Slot { keys, rule });
        if slot.is_none() && self.deny_unknown {
            self.errors.refuse(Place::parse(name), "unknown", "is no field of this form");
        }
        Ok(slot)
    }

    /// The bytes that a text in this slot may have.
    pub(crate) fn longest_text(&self, slot: &Slot<'_>) -> u64 {
        slot.rule.max.unwrap_or(self.limits.text)
    }

    /// The bytes that a file in this slot may have.
    #[cfg(feature = "multipart")]
    pub(crate) fn largest_file(&self, slot: &Slot<'_>) -> u64 {
        slot.rule.max.unwrap_or(self.limits.file)
    }

    pub(crate) fn text(&mut self, slot: &Slot<'_>, text: String) -> Result<(), Problem> {
        if slot.rule.file {
            // Nothing is what a page sends for a file that was not chosen; a script may send it as
            // text.
            if !text.is_empty() {
                self.refuse(slot, "type", "expected a file, got text");
            }
            return Ok(());
        }
        if text.len() as u64 > self.longest_text(slot) {
            self.too_large(slot, self.longest_text(slot));
            return Ok(());
        }
        self.texts += text.len() as u64;
        if self.texts > self.limits.texts {
            let most = self.limits.texts;
            return Err(past(
                "texts",
                format!("expected at most {most} bytes of text in all fields"),
            ));
        }
        if let Some(kept) = &mut self.kept
            && !slot.rule.secret
        {
            kept.entry(name::canonical(&slot.keys)).or_default().push(text.clone());
        }
        self.root.insert(&slot.keys, Value::Text(text));
        Ok(())
    }

    #[cfg(feature = "multipart")]
    pub(crate) fn file(&mut self, slot: &Slot<'_>, file: super::TempFile) {
        self.root.insert(&slot.keys, Value::File(file));
    }

    #[cfg(feature = "multipart")]
    pub(crate) fn wrong_type(&mut self, slot: &Slot<'_>, declared: &str) {
        let (expected, got) = (slot.rule.types.join("`, `"), crate::extract::clip(declared));
        self.refuse(
            slot,
            "content_type",
            format!("expected a file of type `{expected}`, got `{got}`"),
        );
    }

    pub(crate) fn too_large(&mut self, slot: &Slot<'_>, most: u64) {
        self.refuse(slot, "too_large", format!("expected at most {}", size(most)));
    }

    /// Notes what is wrong with a field, which counts as sent: that it is missing too would be
    /// noise.
    pub(crate) fn refuse(
        &mut self,
        slot: &Slot<'_>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.errors.refuse(Place::parse(&name::canonical(&slot.keys)), code, message);
        self.root.insert(&slot.keys, Value::Refused);
    }
}

#[cold]
pub(crate) fn past(limit: &'static str, detail: impl Display) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
        .detail(format!("form: {detail}"))
        .with("limit", limit)
}

/// A number of bytes as a person says it, where it is a whole number of a unit.
fn size(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        bytes if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}
