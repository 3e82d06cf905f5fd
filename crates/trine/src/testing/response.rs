//! A response that a test reads.

use std::fmt::{Display, Formatter};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A whole response. Printed, it shows the request line, the status, the header fields and the body.
///
/// # Panics
/// Its methods panic at the line of the test that expects something else, and show the whole response.
#[derive(Debug)]
pub struct TestResponse {
    request: String,
    head: Parts,
    body: Bytes,
    note: Option<String>,
    broken: bool,
}

impl TestResponse {
    pub(super) fn new(request: String, head: Parts, body: Bytes, note: Option<String>) -> TestResponse {
        TestResponse { request, head, body, note, broken: false }
    }

    pub(super) fn broken(
        request: String,
        head: Parts,
        error: &(dyn std::error::Error + 'static),
    ) -> TestResponse {
        let mut note = format!("the body broke off: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            note = format!("{note}: {cause}");
            source = cause.source();
        }
        TestResponse { request, head, body: Bytes::new(), note: Some(note), broken: true }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The first header field of this name, where it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Whether the body ended in an error, which a client sees as a connection that breaks off.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The body.
    #[must_use]
    #[track_caller]
    pub fn bytes(&self) -> Bytes {
        assert!(!self.broken, "expected a whole body\n\n{self}");
        self.body.clone()
    }

    /// The body as text.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> String {
        match String::from_utf8(self.bytes().into()) {
            Ok(text) => text,
            Err(error) => panic!(
                "expected text: {error}

{self}"
            ),
        }
    }

    /// The body as JSON.
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.bytes()) {
            Ok(value) => value,
            Err(error) => panic!(
                "expected JSON: {error}

{self}"
            ),
        }
    }

    /// Expects this status.
    #[track_caller]
    pub fn assert_status(&self, expected: u16) -> &TestResponse {
        assert!(
            self.status().as_u16() == expected,
            "expected status {expected}, got {}\n\n{self}",
            self.status()
        );
        self
    }

    /// Expects a header field with this value; it may stand beside others of the name.
    #[track_caller]
    pub fn assert_header(&self, name: &str, expected: &str) -> &TestResponse {
        let found = self.head.headers.get_all(name).iter().any(|value| value == expected);
        assert!(found, "expected header `{name}: {expected}`\n\n{self}");
        self
    }

    /// Expects this text as the whole body.
    #[track_caller]
    pub fn assert_text(&self, expected: &str) -> &TestResponse {
        assert!(self.text() == expected, "expected the body `{expected}`\n\n{self}");
        self
    }

    /// Expects the body to be JSON that equals this value.
    #[track_caller]
    pub fn assert_json<T: Serialize>(&self, expected: &T) -> &TestResponse {
        let expected = match serde_json::to_value(expected) {
            Ok(value) => value,
            Err(error) => panic!("the expectation is not JSON: {error}"),
        };
        assert!(self.json::<Value>() == expected, "expected the JSON {expected}\n\n{self}");
        self
    }
}

impl Display for TestResponse {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}\n{}", self.request, self.status())?;
        for (name, value) in &self.head.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        if let Some(note) = &self.note {
            writeln!(f, "({note})")?;
        }
        const SHOWN: usize = 4000;
        match std::str::from_utf8(&self.body) {
            Ok("") => writeln!(f, "(no body)"),
            Ok(text) if text.len() <= SHOWN => writeln!(f, "\n{text}"),
            Ok(text) => writeln!(f, "\n{}… ({} bytes)", &text[..text.floor_char_boundary(SHOWN)], text.len()),
            Err(_) => writeln!(f, "({} bytes that are no text)", self.body.len()),
        }
    }
}
