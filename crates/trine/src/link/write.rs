//! Builds a link: called by the generated `uri` functions.

use std::any::TypeId;

use percent_encoding::utf8_percent_encode;
use trine_core::LinkArg;

use super::Link;
use super::encoding::{NOT_IN_TEXT, NOT_IN_VALUES, dot_segment};
use crate::dispatch::declaration::DeclaredHandler;

/// Builds a link piece by piece, in the order of the template.
#[derive(Debug)]
pub struct LinkWriter(Link);

impl LinkWriter {
    /// Starts a link to a handler.
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

    /// Appends literal text of the template, slashes included.
    #[must_use]
    pub fn text(mut self, text: &str) -> LinkWriter {
        self.0.path.extend(utf8_percent_encode(text, NOT_IN_TEXT));
        self
    }

    /// Appends a parameter that is a segment or a part of one. `any_text` says whether its type
    /// accepts any text.
    #[must_use]
    pub fn value<T>(mut self, name: &str, value: &impl LinkArg<T>, any_text: bool) -> LinkWriter {
        if let Some(text) = self.single_value(name, value) {
            if !any_text {
                self.refuse_unsafe_text(name, &text, &['/', '\\', '\0']);
            }
            self.0.path.extend(utf8_percent_encode(&text, NOT_IN_VALUES));
        }
        self
    }

    /// Appends a parameter that takes the rest of the path. Its slashes stay.
    #[must_use]
    pub fn rest<T>(mut self, name: &str, value: &impl LinkArg<T>, any_text: bool) -> LinkWriter {
        let Some(text) = self.single_value(name, value) else { return self };
        if !any_text {
            self.refuse_unsafe_text(name, &text, &['\\', '\0']);
        }
        // At the root of a site, `//example.com` would be a URI on another site.
        if text.starts_with('/') {
            self.0.refuse(format!(
                "`{name}` is `{text}`: the rest of a path cannot start with a slash"
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

    /// Appends a query parameter, once for each of its values.
    #[must_use]
    pub fn query<T>(mut self, name: &str, value: &impl LinkArg<T>) -> LinkWriter {
        let name = utf8_percent_encode(name, NOT_IN_VALUES);
        value.values(&mut |text| {
            self.0.append_query(&format!("{name}={}", utf8_percent_encode(text, NOT_IN_VALUES)));
        });
        self
    }

    /// Returns the link.
    pub fn finish(mut self) -> Link {
        if let Some(mistake) = dot_segment(&self.0.path) {
            self.0.refuse(mistake);
        }
        self.0
    }

    /// Refuses text for which the handler would respond with 400.
    fn refuse_unsafe_text(&mut self, name: &str, text: &str, refused: &[char]) {
        if matches!(text, "." | "..") {
            self.0
                .refuse(format!("`{name}` is a segment `{text}`, which clients remove from a URI"));
        } else if let Some(found) = text.matches(refused).next() {
            self.0.refuse(format!(
                "`{name}` contains {found:?}, which its handler refuses in a path: make the argument an `AnyText` to allow it"
            ));
        }
    }

    fn single_value<T>(&mut self, name: &str, value: &impl LinkArg<T>) -> Option<String> {
        let mut texts = Vec::new();
        value.values(&mut |text| texts.push(text.to_owned()));
        let mistake = match &*texts {
            [text] if text.is_empty() => "is empty",
            [_] => return texts.pop(),
            [] => "has no value",
            _ => "has several values",
        };
        self.0.refuse(format!(
            "`{name}` {mistake}, but a path parameter needs one that is not empty"
        ));
        None
    }
}
