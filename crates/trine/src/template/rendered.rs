//! The output of a template.

use std::io;

use http::HeaderValue;
use trine_core::respond::with_type;
use trine_core::{Body, IntoResponse, Response};

/// A rendered template. The extension of the template's name decides the content type of the
/// response:
///
/// | extension | content type |
/// |---|---|
/// | `.html`, `.htm` | `text/html; charset=utf-8` |
/// | `.xml`, `.svg`, `.css`, `.js`, `.json`, `.md` | the type of that format |
/// | any other | `text/plain; charset=utf-8` |
///
/// ```
/// use trine::prelude::*;
/// use trine::template::Templates;
///
/// let templates = Templates::embedded(&[("feed.xml", "<feed/>")]);
/// let response = templates.render("feed.xml", ())?.into_response();
/// assert_eq!(response.headers()["content-type"], "application/xml; charset=utf-8");
/// # Ok::<(), trine::Problem>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    text: String,
    content_type: &'static str,
}

impl Rendered {
    /// The rendered text.
    ///
    /// ```
    /// use trine::template::Templates;
    ///
    /// let page = Templates::embedded(&[("sum.txt", "{{ 1 + 2 }}")]).render("sum.txt", ())?;
    /// assert_eq!(page.text(), "3");
    /// # Ok::<(), trine::Problem>(())
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text, for example for a mail or a file.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

impl IntoResponse for Rendered {
    fn into_response(self) -> Response {
        with_type(HeaderValue::from_static(self.content_type), Body::from(self.text))
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" | "htm" => "text/html; charset=utf-8",
        "xml" => "application/xml; charset=utf-8",
        "svg" => "image/svg+xml",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "md" => "text/markdown; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}

/// A buffer for the output of a template, up to a limit.
pub(super) struct Output {
    bytes: Vec<u8>,
    most: usize,
    full: bool,
}

impl Output {
    pub(super) fn new(most: usize) -> Output {
        Output { bytes: Vec::new(), most, full: false }
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn finish(self, name: &str) -> Result<Rendered, String> {
        match String::from_utf8(self.bytes) {
            Ok(text) => Ok(Rendered { text, content_type: content_type(name) }),
            Err(error) => Err(format!("it renders bytes that are not UTF-8: {error}")),
        }
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
