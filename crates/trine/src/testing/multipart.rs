//! The body that a browser sends for a form with files (RFC 7578).

use bytes::Bytes;

/// A form with texts and files, for [`TestRequest::multipart`](super::TestRequest::multipart).
///
/// ```
/// use trine::testing::Multipart;
///
/// let form = Multipart::new()
///     .text("name", "Ann")
///     .file("avatar", "ann.png", "image/png", [0x89, 0x50, 0x4E, 0x47]);
/// assert!(format!("{form:?}").contains("ann.png"));
/// ```
///
/// The fields are sent in the order in which they are added. A name may be used more than once.
#[derive(Debug, Clone, Default)]
pub struct Multipart {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    head: String,
    content: Bytes,
}

impl Multipart {
    /// A form without fields.
    #[must_use]
    pub fn new() -> Multipart {
        Multipart::default()
    }

    /// Adds a text.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// # use trine::testing::Multipart;
    /// let client = App::new().route("/", post(async |body: String| body)).test().await;
    /// let form = Multipart::new().text("name", "Ann");
    /// client.post("/").multipart(form).await.expect_text_contains("name=\"name\"\r\n\r\nAnn");
    /// # }
    /// ```
    #[must_use]
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Multipart {
        let head = format!("Content-Disposition: form-data; name=\"{}\"\r\n", escaped(name));
        self.parts.push(Part { head, content: value.into().into() });
        self
    }

    /// Adds a file. An empty `content_type` omits the header field, which means `text/plain`.
    ///
    /// ```
    /// # use trine::prelude::*;
    /// # #[trine::main]
    /// # async fn main() {
    /// # use trine::testing::Multipart;
    /// let client = App::new().route("/", post(async |body: String| body)).test().await;
    /// let form = Multipart::new().file("list", "todos.txt", "text/plain", "bread");
    /// client.post("/").multipart(form).await.expect_text_contains("filename=\"todos.txt\"");
    /// # }
    /// ```
    #[must_use]
    pub fn file(
        mut self,
        name: &str,
        file_name: &str,
        content_type: &str,
        content: impl Into<Content>,
    ) -> Multipart {
        let (name, file_name) = (escaped(name), escaped(file_name));
        let mut head = format!(
            "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n"
        );
        if !content_type.is_empty() {
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        self.parts.push(Part { head, content: content.into().0 });
        self
    }

    /// The content type and the bytes.
    pub(super) fn encode(self) -> (String, Bytes) {
        let boundary = self.boundary();
        let mut body = Vec::new();
        for Part { head, content } in self.parts {
            body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n").as_bytes());
            body.extend_from_slice(&content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body.into())
    }

    /// A line that no part contains. It is the same for equal forms, so that tests are repeatable.
    fn boundary(&self) -> String {
        let within = |boundary: &str| {
            let held = |part: &Part| {
                part.content.windows(boundary.len()).any(|at| at == boundary.as_bytes())
            };
            self.parts.iter().any(held)
        };
        let mut number = 0;
        loop {
            let boundary = format!("form-boundary-{number}");
            if !within(&boundary) {
                return boundary;
            }
            number += 1;
        }
    }
}

/// The content of a file: text, bytes, or an array of bytes.
///
/// ```
/// use trine::testing::{Content, Multipart};
///
/// let png = Content::from([0x89, 0x50, 0x4E, 0x47]);
/// let form = Multipart::new().file("avatar", "ann.png", "image/png", png);
/// assert!(format!("{form:?}").contains("ann.png"));
/// ```
#[derive(Debug, Clone)]
pub struct Content(Bytes);

macro_rules! contents {
    ($($ty:ty),*) => {$(
        impl From<$ty> for Content {
            fn from(content: $ty) -> Content {
                Content(content.into())
            }
        }
    )*};
}

contents!(&'static str, &'static [u8], String, Vec<u8>, Bytes);

impl<const N: usize> From<[u8; N]> for Content {
    fn from(content: [u8; N]) -> Content {
        Content(Bytes::copy_from_slice(&content))
    }
}

impl<const N: usize> From<&[u8; N]> for Content {
    fn from(content: &[u8; N]) -> Content {
        Content(Bytes::copy_from_slice(content))
    }
}

// As browsers escape names (the HTML standard, "multipart/form-data encoding algorithm").
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_browsers_do() {
        let form =
            Multipart::new().text("a", "1").file("f\"\n", "x.txt", "text/plain", "form-boundary-0");
        let (content_type, body) = form.encode();
        assert_eq!(content_type, "multipart/form-data; boundary=form-boundary-1");
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            "--form-boundary-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --form-boundary-1\r\nContent-Disposition: form-data; name=\"f%22%0A\"; \
             filename=\"x.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nform-boundary-0\r\n--form-boundary-1--\r\n"
        );
    }
}
