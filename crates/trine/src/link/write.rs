//! What a generated `uri` function calls.

use std::any::TypeId;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use trine_core::LinkArg;

use super::Link;
use crate::dispatch::declaration::DeclaredHandler;
use crate::dispatch::router::template::NOT_IN_PATHS;

/// Writes a link piece by piece, in the order of the template.
#[derive(Debug)]
pub struct LinkWriter(Link);

impl LinkWriter {
    /// A link to a handler.
    #[must_use]
    pub fn to<H: DeclaredHandler>() -> LinkWriter {
        LinkWriter(Link {
            handler: TypeId::of::<H>(),
            name: H::DECLARATION.name,
            template: H::DECLARATION.path,
            path: String::new(),
            query: String::new(),
            fragment: None,
            prefix_values: Vec::new(),
            under: None,
            mistake: None,
        })
    }

    /// Text of the template, slashes included.
    #[must_use]
    pub fn text(mut self, text: &str) -> LinkWriter {
        self.0.path.extend(utf8_percent_encode(text, NOT_IN_TEXT));
        self
    }

    /// A value of one segment, or of a part of it. `any_text` says whether its handler takes any.
    #[must_use]
    pub fn value<T>(mut self, name: &str, value: &impl LinkArg<T>, any_text: bool) -> LinkWriter {
        if let Some(text) = self.one(name, value) {
            if !any_text {
                self.refuse_as_its_handler(name, &text, &['/', '\\', '\0']);
            }
            self.0.path.extend(utf8_percent_encode(&text, NOT_IN_VALUES));
        }
        self
    }

    /// A value that takes the rest of the path; its slashes stay.
    #[must_use]
    pub fn rest<T>(mut self, name: &str, value: &impl LinkArg<T>, any_text: bool) -> LinkWriter {
        let Some(text) = self.one(name, value) else { return self };
        if !any_text {
            self.refuse_as_its_handler(name, &text, &['\\', '\0']);
        }
        // At the root, `//example.com` would be another site.
        if text.starts_with('/') {
            self.0.refuse(format!(
                "`{name}` is `{text}`: a rest of a path does not start with a slash"
            ));
        }
        for (at, segment) in text.split('/').enumerate() {
            if at > 0 {
                self.0.path.push('/');
            }
            self.0.path.extend(utf8_percent_encode(segment, NOT_IN_VALUES));
        }
        self
    }

    /// A value of the query, as often as it has texts.
    #[must_use]
    pub fn query<T>(mut self, name: &str, value: &impl LinkArg<T>) -> LinkWriter {
        let name = utf8_percent_encode(name, NOT_IN_VALUES);
        value.values(&mut |text| {
            self.0.append_query(&format!("{name}={}", utf8_percent_encode(text, NOT_IN_VALUES)));
        });
        self
    }

    /// The link.
    pub fn finish(mut self) -> Link {
        if let Some(mistake) = dots(&self.0.path) {
            self.0.refuse(mistake);
        }
        self.0
    }

    /// A request with this text would be answered with 400.
    fn refuse_as_its_handler(&mut self, name: &str, text: &str, refused: &[char]) {
        if matches!(text, "." | "..") {
            self.0.refuse(format!("`{name}` is a segment `{text}`, which clients resolve away"));
        } else if let Some(found) = text.matches(refused).next() {
            self.0.refuse(format!(
                "`{name}` holds {found:?}, which its handler refuses in the path: take `AnyText` there if it may"
            ));
        }
    }

    fn one<T>(&mut self, name: &str, value: &impl LinkArg<T>) -> Option<String> {
        let mut texts = Vec::new();
        value.values(&mut |text| texts.push(text.to_owned()));
        let mistake = match &*texts {
            [text] if text.is_empty() => "is empty",
            [_] => return texts.pop(),
            [] => "has no value",
            _ => "has several values",
        };
        self.0.refuse(format!("`{name}` {mistake}, and a path takes one that is not empty"));
        None
    }
}

// RFC 3986 section 5.2.4, and the WHATWG URL standard: clients remove these before they send the
// request, also where the dots are percent-encoded. The link would lead to another handler.
pub(super) fn dots(path: &str) -> Option<String> {
    let segment = path.split('/').find(|segment| matches!(*segment, "." | ".."))?;
    Some(format!("it has a segment `{segment}`, which clients resolve away"))
}

// What a template may hold unencoded and a URI may not.
const NOT_IN_TEXT: &AsciiSet = &NOT_IN_PATHS.add(b'{').add(b'}');

// RFC 3986 section 2.3: all but the unreserved characters, so that a value is read the same by
// every party.
pub(super) const NOT_IN_VALUES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
