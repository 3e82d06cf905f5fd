//! Collects the fields of a body into the tree, after checking each against its rule and the
//! limits.

use std::fmt::Display;

use http::StatusCode;
use trine_core::Problem;

use super::filled::Texts;
use super::name;
use super::node::{Node, Value};
use super::{FormLimits, Rule};
use crate::validation::{FieldErrors, FieldPath, Location};

/// The fields that have been read so far.
pub(crate) struct Collector {
    pub(crate) limits: FormLimits,
    pub(crate) root: Node,
    pub(crate) errors: FieldErrors,
    /// The texts that a page may show again, if the extractor asks for them.
    pub(crate) texts: Option<Texts>,
    known: fn(&[&str], Rule) -> Option<Rule>,
    deny_unknown: bool,
    field_count: usize,
    text_bytes: u64,
}

/// A field that the form declares: its keys in the tree, and its rule.
pub(crate) struct DeclaredField<'a> {
    keys: Vec<&'a str>,
    pub(crate) rule: Rule,
}

impl Collector {
    pub(crate) fn new<T: super::FromForm>(limits: FormLimits, keep_texts: bool) -> Collector {
        Collector {
            limits: T::limits(limits),
            root: Node::default(),
            errors: FieldErrors::of(Location::Form),
            texts: keep_texts.then(Texts::default),
            known: T::rule,
            deny_unknown: T::DENY_UNKNOWN,
            field_count: 0,
            text_bytes: 0,
        }
    }

    /// The declared field of this name, if there is one.
    pub(crate) fn declared<'a>(
        &mut self,
        name: &'a str,
    ) -> Result<Option<DeclaredField<'a>>, Problem> {
        self.field_count += 1;
        let limits = &self.limits;
        if self.field_count > limits.fields {
            let detail = format!("expected at most {} fields", limits.fields);
            return Err(limit_exceeded("fields", detail));
        }
        if name.len() > limits.name {
            let detail = format!("expected names of at most {} bytes", limits.name);
            return Err(limit_exceeded("name", detail));
        }
        let keys = name::keys(name);
        if keys.len() > limits.depth {
            let message = format!(
                "expected names of at most {} levels (`a.b` has 2), got `{name}`",
                limits.depth
            );
            let mut errors = FieldErrors::of(Location::Form);
            errors.refuse("", "depth", &*message);
            return Err(Problem::from(errors).with("limit", "depth"));
        }
        let field = (self.known)(&keys, Rule::TEXT).map(|rule| DeclaredField { keys, rule });
        if field.is_none() && self.deny_unknown {
            self.errors.refuse(FieldPath::parse(name), "unknown", "is not a field of this form");
        }
        Ok(field)
    }

    /// The maximum length of text in this field, in bytes.
    pub(crate) fn longest_text(&self, field: &DeclaredField<'_>) -> u64 {
        field.rule.max.unwrap_or(self.limits.text)
    }

    /// The maximum size of a file in this field, in bytes.
    #[cfg(feature = "multipart")]
    pub(crate) fn largest_file(&self, field: &DeclaredField<'_>) -> u64 {
        field.rule.max.unwrap_or(self.limits.file)
    }

    pub(crate) fn text(&mut self, field: &DeclaredField<'_>, text: String) -> Result<(), Problem> {
        if field.rule.file {
            // A script may send an empty text for a file input in which no file was chosen.
            if !text.is_empty() {
                self.refuse(field, "type", "expected a file, got text");
            }
            return Ok(());
        }
        if text.len() as u64 > self.longest_text(field) {
            self.too_large(field, self.longest_text(field));
            return Ok(());
        }
        self.text_bytes += text.len() as u64;
        if self.text_bytes > self.limits.texts {
            let most = self.limits.texts;
            let detail = format!("expected at most {most} bytes of text in all fields");
            return Err(limit_exceeded("texts", detail));
        }
        if let Some(texts) = &mut self.texts
            && !field.rule.secret
        {
            texts.entry(name::canonical(&field.keys)).or_default().push(text.clone());
        }
        self.root.insert(&field.keys, Value::Text(text));
        Ok(())
    }

    #[cfg(feature = "multipart")]
    pub(crate) fn file(&mut self, field: &DeclaredField<'_>, file: super::TempFile) {
        self.root.insert(&field.keys, Value::File(file));
    }

    #[cfg(feature = "multipart")]
    pub(crate) fn wrong_type(&mut self, field: &DeclaredField<'_>, declared: &str) {
        let (expected, got) = (field.rule.types.join("`, `"), crate::extract::clip(declared));
        self.refuse(
            field,
            "content_type",
            format!("expected a file of type `{expected}`, got `{got}`"),
        );
    }

    pub(crate) fn too_large(&mut self, field: &DeclaredField<'_>, most: u64) {
        self.refuse(field, "too_large", format!("expected at most {}", size(most)));
    }

    /// Adds an error to a field. The field counts as sent, so that it is not reported as missing as
    /// well.
    pub(crate) fn refuse(
        &mut self,
        field: &DeclaredField<'_>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.errors.refuse(FieldPath::parse(&name::canonical(&field.keys)), code, message);
        self.root.insert(&field.keys, Value::Refused);
    }
}

#[cold]
pub(crate) fn limit_exceeded(limit: &'static str, detail: impl Display) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
        .detail(format!("form: {detail}"))
        .with("limit", limit)
}

/// A number of bytes for people: in MiB or KiB, if it is a whole number of them.
fn size(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        bytes if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}
